"""The project that a script runs in, set up as its own manage.py would."""

import functools
import json
import os
import re
import runpy
import sys

MANAGE = "manage.py"
SECRET = re.compile(r"(?:key|secret|token|pass|password|passwd|passphrase|pwd|credential|dsn|fallback)s?$", re.IGNORECASE)
# A word, or the dotted path of a class: {"key": "default"} is common.
NO_SECRET = re.compile(r"[a-z_]{1,12}|[a-z_]+(?:\.[A-Za-z_]+)+")
SHORTEST_SECRET = 6  # characters
MOST_SECRETS = 500
DEEPEST = 6  # dictionaries and lists in one another


@functools.cache
def set_up():
    """Set Django up, once. A project's manage.py may read variables from a file first, or be one of django-configurations'."""
    sys.path[0] = os.getcwd()  # the site's modules, and none beside our scripts

    import django
    from django.apps import apps
    from django.core import management

    execute, words = management.execute_from_command_line, sys.argv
    # A manage.py that calls something else than this function runs the command, so it is a harmless one.
    management.execute_from_command_line, sys.argv = lambda *_arguments: None, [MANAGE, "check"]
    try:
        if os.path.exists(MANAGE):
            runpy.run_path(MANAGE, run_name="__main__")
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    finally:
        management.execute_from_command_line, sys.argv = execute, words
    if os.environ.get("DJANGO_CONFIGURATION"):
        from configurations import importer

        importer.install()
    try:
        if not apps.ready:
            django.setup()
    finally:
        tell_secrets()


def tell_secrets():
    """Name the values of the settings that are secrets, so that the engine shows none of them."""
    from django.conf import settings

    if settings.configured:
        values = {name: getattr(settings, name, None) for name in dir(settings) if name.isupper()}
        found = dict.fromkeys(part for value in secrets(values) for part in value.splitlines() if len(part) >= SHORTEST_SECRET)
        # On a line of its own, whatever was printed before.
        print("\nshortstop hides: " + json.dumps(list(found)[:MOST_SECRETS]), flush=True)


def secrets(value, name="", depth=0):
    """The texts whose name says that they are secret, in dictionaries and lists, too."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if SECRET.search(name) and not (NO_SECRET.fullmatch(value) and not re.search("pass|pwd|secret", name, re.IGNORECASE)):
            yield value
    elif depth < DEEPEST and isinstance(value, dict):
        for key, item in value.items():
            yield from secrets(item, str(key), depth + 1)
    elif depth < DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from secrets(item, name, depth + 1)


def one_line(text):
    """As the engine takes it."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:500]
