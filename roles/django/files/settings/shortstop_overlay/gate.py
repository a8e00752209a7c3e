"""The gate: what keeps a release from going live, whatever way its settings took."""

from __future__ import annotations

from collections.abc import Iterator

from . import databases
from .load import DJANGO_SETTINGS, MODULE, is_dynaconf, loaded
from .table import DEEPEST, SECRETS, SHORTEST_KEY
from .wanted import Database


def refusals() -> list[str]:
    """A sentence for each reason; asked for after Django was set up."""
    return list(_refusals())


def _refusals() -> Iterator[str]:
    from django.conf import settings

    now = loaded()
    module = getattr(settings, "SETTINGS_MODULE", "")
    if now is None or (module != MODULE and not is_dynaconf(settings)):
        yield (
            f"the project runs with the settings {module or 'of settings.configure()'}, and not with the release's; let wsgi.py and manage.py"
            ' say os.environ.setdefault("DJANGO_SETTINGS_MODULE", …), and settings="…" nowhere'
        )
        return
    if not getattr(settings, "ROOT_URLCONF", None):
        yield f'the settings {now.wanted.settings} hold no ROOT_URLCONF, so they are not the whole; give the settings module by the key "settings"'
    if settings.DEBUG or DJANGO_SETTINGS.DEBUG:
        yield "DEBUG is on; assign it in the settings module by its name, where it is set to False here, and nowhere else"
    if not all(map(now.wanted.is_given, (settings.SECRET_KEY, DJANGO_SETTINGS.SECRET_KEY))):
        yield (
            "SECRET_KEY is not the site's, and one that stands in the source lets anybody forge sessions; take SECRET_KEY out of"
            " settings_left, or read it from a variable"
        )
    for path in _leaks(now.pins.own_keys, settings):
        yield f"{path} holds the SECRET_KEY of the source; let it be made from SECRET_KEY in the settings module, after that is assigned"
    yield from _vendors(now.wanted.databases)


def _vendors(wanted: dict[str, Database]) -> Iterator[str]:
    from django.db import connections

    for alias, database in wanted.items():
        if alias in connections.settings and databases.is_used(connections.settings[alias]) and connections[alias].vendor != databases.VENDORS[database.kind]:
            yield f"DATABASES[{alias!r}] is {connections[alias].vendor}, and the site's is {database.kind}; take DATABASES out of settings_left"


def _leaks(keys: set[str], settings: object) -> list[str]:
    long = [key for key in keys if len(key) >= SHORTEST_KEY]
    return (
        [path for name in dir(settings) if name.isupper() and name not in SECRETS for path in _found(getattr(settings, name, None), name, long)] if long else []
    )


def _found(value: object, path: str, keys: list[str], depth: int = 0) -> Iterator[str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if isinstance(text, str):
        if any(key in text or (len(text) >= SHORTEST_KEY and text in key) for key in keys):
            yield path
    elif isinstance(value, dict) and depth < DEEPEST:
        for key, item in value.items():
            yield from _found(item, f"{path}[{key!r}]", keys, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < DEEPEST:
        for item in value:
            yield from _found(item, f"{path}[…]", keys, depth + 1)
