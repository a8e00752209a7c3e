"""The project that a script runs in, set up as its own manage.py would."""

import os
import runpy
import sys

MANAGE = "manage.py"


def set_up():
    """Set Django up. A project's manage.py may read variables from a file first, or be one of django-configurations'."""
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
    if not apps.ready:
        django.setup()


def one_line(text):
    """As the engine takes it."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:500]
