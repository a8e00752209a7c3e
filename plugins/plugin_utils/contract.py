# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a site is: the keys that the dict of sites may have, and the sentences said when it is wrong.

Everything here is pure but for `source_errors`, which looks at the source on the controller. No sentence holds a value
that could be a secret.
"""

from __future__ import annotations

import difflib
import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

COLLECTION_DIR = Path(__file__).resolve().parents[2]
BUNDLED_SOURCES = {"tatis": COLLECTION_DIR / "app"}


@dataclass(frozen=True)
class Undefined:
    """Stands for a value whose template could not be resolved, such as a reference to a vault that lacks the key."""


@dataclass(frozen=True)
class Key:
    """One key of a site: its kind, its documentation, and whether a site must have it."""

    kind: str
    description: str
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    house_wide: bool = True


KEYS = {
    "domains": Key("names", "Host names. The first is canonical, the rest redirect to it.", required=True, house_wide=False),
    "source": Key(
        "source",
        "`tatis`, the bundled site, or `{path: DIRECTORY}`, relative to the inventory's directory.",
        required=True,
        house_wide=False,
    ),
    "state": Key("choice", "`absent` takes the site away and keeps its data.", choices=("present", "absent"), house_wide=False),
    "purge": Key("boolean", "With `state: absent`: its data, database and user go, too.", house_wide=False),
    "environment": Key("environment", "Variables of the site's processes, by name. Texts and whole numbers."),
    "database": Key(
        "database",
        "`postgres`, on this server; `sqlite`, a file under `var/`; or `{host, port, name, user, password}`, another server.",
    ),
    "user": Key("user", "The system user that the site runs as. Default: the site's name.", house_wide=False),
    "root": Key("root", "The site's directory. Default: `/srv/` and the site's name.", house_wide=False),
    "settings": Key("module", "Django's settings module. Default: the one that the source's `manage.py` names."),
    "wsgi": Key("module", "The WSGI module, with `:name` unless `application`. Default: `wsgi` beside the settings."),
    "requirements": Key("file", "The requirements file, relative to the source."),
    "workers": Key("number", "Processes of gunicorn.", minimum=1),
    "threads": Key("number", "Threads of each process.", minimum=1),
    "timeout": Key("number", "Seconds after which a silent worker is replaced, and that a stop waits for.", minimum=1),
    "health_path": Key("path", "Asked before a release goes live. Anything but a status below 400 refuses it."),
    "static_url": Key("path", "Where nginx serves the static files, as Django's STATIC_URL."),
    "media_url": Key("path", "Where nginx serves uploads, as Django's MEDIA_URL."),
    "releases_kept": Key("number", "Releases that stay on the server, the live one included.", minimum=2),
    "limits": Key("limits", "What the site may use: `memory` (`512M`), `tasks`, `cpu_weight` (1 to 10000)."),
    "tls": Key("choice", "`off`: plain HTTP.", choices=("off",)),
}

_HOUSE_WIDE = [name for name, spec in KEYS.items() if spec.house_wide]
DATABASE_KEYS = ("host", "port", "name", "user", "password")
LIMIT_KEYS = ("memory", "tasks", "cpu_weight")

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
SETTINGS_IN_MANAGE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")

NO_DATABASE_HERE = 'key "database": this host keeps no PostgreSQL; add it to the group of database hosts, or write sqlite or {host: HOST, password: …}'


def site_errors(
    sites: object,
    *,
    common: object = None,
    inventory_dir: str = "",
    required: tuple[str, ...] = ("domains",),
    elsewhere: tuple[dict, ...] = (),
    only: str = "",
    reserved: tuple[str, ...] = (),
    database_here: bool = True,
) -> list[str]:
    """Say everything that is wrong with a dict of sites, a sentence each; an empty list means that it can be served.

    `common` is what holds for every site, `elsewhere` the dicts of the other hosts, `only` a comma-separated selection
    of names, `reserved` further names that are no site's, `database_here` whether the host keeps a PostgreSQL of its own.
    """
    if not isinstance(sites, dict):
        return ['"sites" must be a dict of sites by name, such as {blog: {domains: [blog.example.com], source: …}}']
    common_errors = list(_common_errors(common or {}))
    merged = {name: _merged(common, given) for name, given in sites.items() if isinstance(given, dict)}
    errors = [*common_errors, *_only_errors(only, sites)]
    for name, given in sites.items():
        say = f'site "{name}": '
        if not isinstance(name, str) or not SITE_NAME.fullmatch(name):
            errors.append(f"{say}a name is a lower-case letter, then up to 30 letters, digits or _")
        elif name in RESERVED_NAMES or name in reserved:
            errors.append(f"{say}this name belongs to the system; choose another")
        if not isinstance(given, dict):
            errors.append(f"{say}must be a dict of keys, such as {{domains: [blog.example.com], source: …}}")
            continue
        found = list(_key_errors(merged[name], given, required))
        if not found and not common_errors and given.get("state") != "absent":
            found = list(source_errors(merged[name], inventory_dir))
            if not database_here and merged[name].get("database", "postgres") == "postgres":
                found.append(NO_DATABASE_HERE)
        errors += [say + error for error in found]
    return errors + _clashes(merged) + _clashes_elsewhere(merged, elsewhere)


def _merged(common: object, given: dict) -> dict:
    """A site over what holds for every site, merged as Ansible's recursive combine does."""
    common = {key: value for key, value in common.items() if key in _HOUSE_WIDE} if isinstance(common, dict) else {}
    dicts = {key: {**_dict(common, key), **value} for key, value in given.items() if isinstance(value, dict)}
    return {**common, **given, **dicts}


def settings_module(source_dir: str) -> str:
    """The settings module that a source's manage.py names, or "" where there is none to read."""
    try:
        text = (Path(source_dir) / "manage.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = SETTINGS_IN_MANAGE.search(text)
    return match[1] if match else ""


def source_dir(source: object, inventory_dir: str) -> str:
    """The directory on the controller that holds a site's source, or "" where the site names none."""
    if isinstance(source, str):
        return str(BUNDLED_SOURCES.get(source, ""))
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        return os.path.realpath(os.path.join(inventory_dir, os.path.expanduser(source["path"])))
    return ""


def source_errors(site: dict, inventory_dir: str) -> Iterator[str]:
    """What the source on the controller lacks."""
    directory = source_dir(site.get("source"), inventory_dir)
    if not directory:
        return
    requirements = site.get("requirements", "requirements.txt")
    if not os.path.isdir(directory):
        yield f'key "source": there is no directory {directory}'
    elif not os.path.isfile(os.path.join(directory, "manage.py")):
        yield f'key "source": there is no manage.py in {directory}'
    elif not os.path.isfile(os.path.join(directory, requirements)):
        yield f'key "source": there is no {requirements} in {directory}; add it, or name the file with the key "requirements"'
    elif "settings" not in site and not settings_module(directory):
        yield f'key "settings": {directory}/manage.py names no settings module; name it with this key'


def _nearest(name: object, known: object) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else f"; the keys are {', '.join(known)}"


def _common_errors(common: object) -> Iterator[str]:
    if not isinstance(common, dict):
        yield '"site_common" must be a dict of keys that every site gets'
        return
    for key, value in common.items():
        if key in _HOUSE_WIDE:
            yield from (f"site_common: {error}" for error in _value_errors(key, value))
        elif key in KEYS:
            yield f'site_common: key "{key}" is each site\'s own; give it below the site'
        else:
            yield f'site_common: key "{key}" is not known{_nearest(key, _HOUSE_WIDE)}'


def _only_errors(only: object, sites: dict) -> Iterator[str]:
    for name in filter(None, re.split(r"[,\s]+", str(only))):
        if name not in sites:
            yield f'only: there is no site "{name}"; the sites are {", ".join(map(str, sites))}'


def _key_errors(merged: dict, given: dict, required: tuple[str, ...]) -> Iterator[str]:
    for key in given:
        if key not in KEYS:
            yield f'key "{key}" is not known{_nearest(key, KEYS)}'
    if merged.get("state") != "absent":
        for key in required:
            if key not in merged:
                yield f'key "{key}" is missing; {KEYS[key].description[0].lower()}{KEYS[key].description[1:]}'
    for key, value in given.items():
        if key in KEYS:
            yield from _value_errors(key, value)
    yield from _database_errors(merged.get("database"))
    if merged.get("purge") is True and merged.get("state") != "absent":
        yield 'key "purge" goes with "state: absent" only'


def _value_errors(key: str, value: object) -> Iterator[str]:
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
            yield f"{say} is not known{_nearest(part, DATABASE_KEYS)}"
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


def _database_errors(database: object) -> Iterator[str]:
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
            yield f'key "{key}": "{part}" is not known{_nearest(part, LIMIT_KEYS)}'
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


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _claims(name: str, site: dict) -> Iterator[tuple[str, str]]:
    """What only one site may have: (what, which)."""
    for domain in dict.fromkeys(_texts(site.get("domains"))):
        yield "domain", domain
    user = site.get("user", name)
    yield from (("user", text) for text in _texts([user]))
    yield from (("root", str(PurePosixPath(text))) for text in _texts([site.get("root", f"/srv/{name}")]))
    database = _dict(site, "database")
    where = _texts([database.get("name", user), database.get("host")])
    if len(where) == 2:
        yield "database", " on ".join(where)


def _present(sites: dict) -> Iterator[tuple[str, dict]]:
    return ((name, site) for name, site in sites.items() if isinstance(site, dict) and site.get("state") != "absent")


def _clashes(sites: dict) -> list[str]:
    errors, owners = [], {}
    for name, site in _present(sites):
        for what, which in _claims(name, site):
            owner = owners.setdefault((what, which), name)
            if owner != name:
                errors.append(f'site "{name}": {what} "{which}" is also claimed by site "{owner}"; each needs its own')
    return errors


def _clashes_elsewhere(sites: dict, elsewhere: tuple[dict, ...]) -> list[str]:
    """Another host may serve the same site, of a domain in common, if both get the same secrets; no two sites share a domain."""
    errors = []
    others = [(name, site) for other in elsewhere if isinstance(other, dict) for name, site in _present(other)]
    domains = {domain: name for name, site in others for domain in _texts(site.get("domains"))}
    for name, site in _present(sites):
        for domain in _texts(site.get("domains")):
            owner = domains.get(domain, name)
            if owner != name:
                errors.append(f'site "{name}": domain "{domain}" is also claimed by site "{owner}" on another host; each needs its own')
        shared = any((domain, name) in domains.items() for domain in _texts(site.get("domains")))
        if shared and "DJANGO_SECRET_KEY" not in _dict(site, "environment"):
            errors.append(f'site "{name}": key "environment": several hosts serve this site, so DJANGO_SECRET_KEY must come from the vault')
        if shared and "host" not in _dict(site, "database"):
            errors.append(f'site "{name}": key "database": several hosts serve this site, so it needs a database that all reach: {{host: HOST, …}}')
    return errors


def _dict(mapping: object, key: str) -> dict:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, dict) else {}
