# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the value of a key is what it may be, a sentence per mistake. No sentence holds a value that could be a secret."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import DATABASE_KEYS, KEYS, LIMIT_KEYS, Key, Undefined
from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import BUNDLED_SOURCES

# Shortstop sets these itself, release by release.
RESERVED_VARIABLES = ("SHORTSTOP_RELEASE", "GUNICORN_CMD_ARGS", "DJANGO_STATIC_ROOT")

# Users of a Debian or Ubuntu server, and names that stand for something of Shortstop's own below /etc/shortstop.
RESERVED_NAMES = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt sshd postgres"
    " messagebus systemd systemd-network systemd-resolve systemd-timesync systemd-journal polkitd tss uuidd syslog admin"
    " ubuntu debian deploy nginx gunicorn redis mysql sudo adm ssl-cert shortstop sites generated default localhost".split()
)
SYSTEM_DIRS = frozenset("bin boot dev etc home lib lib32 lib64 proc root run sbin sys tmp usr".split())

SITE_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?", re.ASCII)
URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
MEMORY = re.compile(r"[1-9][0-9]*[KMGT]?")
SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"<.*>|\{\{.*\}\}|change[-_ ]?(me|this).*|replace[-_ ]?(me|this).*|your[-_ ].*|todo|fixme|tbd|x{3,}|\*{3,}|placeholder|secret|password",
    re.IGNORECASE,
)


def nearest(name: object, known: object) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else f"; the keys are {', '.join(known)}"


def value_errors(key: str, value: object) -> Iterator[str]:
    if isinstance(value, Undefined):
        yield f'key "{key}" refers to something that is not defined; look for it in the vault or the group_vars'
    else:
        yield from _CHECKS[KEYS[key].kind](key, KEYS[key], value)


def _check_names(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield f'key "{key}" must be a list of host names, such as [blog.example.com]'
        return
    for name in value:
        if isinstance(name, Undefined):
            yield f'key "{key}" refers to something that is not defined; look for it in the vault or the group_vars'
        elif not isinstance(name, str) or not HOST_NAME.fullmatch(name):
            shown = repr(name) if isinstance(name, str) else "an entry"
            yield f'key "{key}": {shown} is no host name (lower-case letters, digits, - and dots, without scheme and port)'


def _check_source(key: str, _spec: Key, value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value not in BUNDLED_SOURCES:
            bundled = ", ".join(BUNDLED_SOURCES)
            yield f'key "{key}" names no bundled site ({bundled}); for a directory write {{path: DIRECTORY}}'
    elif not isinstance(value, dict):
        yield f'key "{key}" must be the name of a bundled site or {{path: DIRECTORY}}'
    elif list(value) != ["path"]:
        unknown = [name for name in value if name != "path"]
        yield f'key "{key}" takes {{path: DIRECTORY}}' + (f', and not "{unknown[0]}"' if unknown else "")
    elif not isinstance(value["path"], str) or not value["path"] or not value["path"].isprintable():
        yield f'key "{key}": "path" must be a directory on this machine'


def _check_choice(key: str, spec: Key, value: object) -> Iterator[str]:
    # YAML reads a bare `off` as a boolean.
    if ("off" if value is False else value) not in spec.choices:
        yield f'key "{key}" must be one of: {", ".join(spec.choices)}'


def _check_boolean(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f'key "{key}" must be true or false, without quotes'


def _check_number(key: str, spec: Key, value: object) -> Iterator[str]:
    bounds = f"{spec.minimum} to {spec.maximum}" if spec.maximum else f"{spec.minimum} at least"
    if isinstance(value, bool) or not isinstance(value, int) or value < spec.minimum or 0 < spec.maximum < value:
        yield f'key "{key}" must be a whole number, {bounds}, without quotes'


def _check_environment(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict of variables, such as {{DJANGO_SECRET_KEY: …}}'
        return
    for name, text in value.items():
        say = f'key "{key}": variable "{name}"'
        if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
            yield f"{say} is no name of a variable (letters, digits and _)"
        elif name in RESERVED_VARIABLES:
            yield f"{say} is set by Shortstop for each release; leave it out"
        else:
            yield from _text_errors(say, text, secret=bool(SECRET_NAME.search(name)))


def _text_errors(say: str, text: object, *, secret: bool) -> Iterator[str]:
    if isinstance(text, Undefined):
        yield f"{say} refers to something that is not defined; add it to the vault"
    elif isinstance(text, bool) or not isinstance(text, str | int):
        yield f'{say} must be a text or a whole number; put what the site should read into quotes, such as "1" or "1.5"'
    elif "\n" in str(text) or "\0" in str(text):
        yield f"{say} holds a line break or a NUL, which no environment file can carry"
    elif secret and not str(text):
        yield f"{say} is empty; give it a value, or leave it out"
    elif PLACEHOLDER.fullmatch(str(text).strip()):
        yield f"{say} is still a placeholder; give it a value of its own"


def _check_database(key: str, _spec: Key, value: object) -> Iterator[str]:
    if isinstance(value, str) and value in ("postgres", "sqlite"):
        return
    if not isinstance(value, dict):
        yield f'key "{key}" must be postgres, sqlite or {{host: HOST, password: …}}'
        return
    for part, given in value.items():
        say = f'key "{key}": "{part}"'
        if part not in DATABASE_KEYS:
            yield f"{say} is not known{nearest(part, DATABASE_KEYS)}"
        elif part == "port":
            port = Key("number", "", minimum=1, maximum=65535)
            yield from (f'key "{key}": {error}' for error in _check_number(part, port, given))
        elif part == "password":
            yield from _text_errors(say, given, secret=True)
        elif isinstance(given, Undefined):
            yield f"{say} refers to something that is not defined"
        elif part == "host":
            if not isinstance(given, str) or not HOST_NAME.fullmatch(given):
                yield f"{say} must be a host name or an IPv4 address"
        elif not isinstance(given, str) or not SITE_NAME.fullmatch(given):
            yield f"{say} must be a lower-case letter, then up to 30 letters, digits or _"


def database_errors(database: object) -> Iterator[str]:
    """What only the merged dict tells, since a site and site_common may each give a part of it."""
    if not isinstance(database, dict):
        return
    if "host" not in database and not set(database) - set(DATABASE_KEYS):
        yield 'key "database": "host" is missing; on this server write database: postgres, and the site\'s own user is let in'
    if "host" in database and "password" not in database:
        yield 'key "database": "password" is missing; two servers share it, so it comes from the vault'


def _check_user(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not SITE_NAME.fullmatch(value) or value in RESERVED_NAMES:
        yield f'key "{key}" must be a lower-case letter, then up to 30 letters, digits or _, and no user of the system'


def _check_root(key: str, _spec: Key, value: object) -> Iterator[str]:
    parts = Path(value).parts if isinstance(value, str) else ()
    if len(parts) < 3 or parts[0] != "/" or ".." in parts or parts[1] in SYSTEM_DIRS or not URL_PATH.fullmatch(value):
        yield f'key "{key}" must be an absolute path of a directory of the site\'s own, such as /srv/blog'


def _check_module(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not MODULE_NAME.fullmatch(value) or (key == "settings" and ":" in value):
        yield f'key "{key}" must be the dotted name of a module, such as blog.{key}'


def _check_file(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not value or Path(value).is_absolute() or ".." in Path(value).parts:
        yield f'key "{key}" must be a file inside of the source, such as requirements.txt'


def _check_path(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not URL_PATH.fullmatch(value):
        yield f'key "{key}" must be a path that begins with /'
    elif key != "health_path" and (value == "/" or not value.endswith("/")):
        yield f'key "{key}" must begin and end with /, such as /static/'


def _check_limits(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict, such as {{memory: 512M, tasks: 256}}'
        return
    for part, given in value.items():
        if part not in LIMIT_KEYS:
            yield f'key "{key}": "{part}" is not known{nearest(part, LIMIT_KEYS)}'
        elif part == "memory":
            if not isinstance(given, str) or not MEMORY.fullmatch(given):
                yield f'key "{key}": "memory" must be a size, such as 512M or 1G'
        else:
            number = Key("number", "", minimum=1, maximum=10000 if part == "cpu_weight" else 0)
            yield from (f'key "{key}": {error}' for error in _check_number(part, number, given))


_CHECKS = {
    "names": _check_names,
    "source": _check_source,
    "choice": _check_choice,
    "boolean": _check_boolean,
    "number": _check_number,
    "environment": _check_environment,
    "database": _check_database,
    "user": _check_user,
    "root": _check_root,
    "module": _check_module,
    "file": _check_file,
    "path": _check_path,
    "limits": _check_limits,
}


def as_dict(mapping: object, key: str) -> dict:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, dict) else {}
