# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the value of a key is what it may be, a sentence per mistake. No sentence holds a value that could be a secret."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.shortstop.django.plugins.plugin_utils.django_project import PLAIN_PATH
from ansible_collections.shortstop.django.plugins.plugin_utils.outbound import is_destination
from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import (
    CERTIFICATE_KEYS,
    DAEMON_KEYS,
    DATABASE_KEYS,
    FURTHER_DATABASE_KEYS,
    KEYS,
    LIMIT_KEYS,
    SANDBOX_KEYS,
    SANDBOX_LEVELS,
    SANDBOX_SWITCHES,
    SOURCE_KEYS,
    SUPERUSER_KEYS,
    TIMER_KEYS,
    Key,
    Undefined,
)
from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import BUNDLED_SOURCES

# Shortstop sets these itself, release by release.
RESERVED_VARIABLES = (
    "SHORTSTOP_RELEASE",
    "SHORTSTOP_SETTINGS",
    "SHORTSTOP_SETTINGS_LEFT",
    "SHORTSTOP_DATABASES",
    "GUNICORN_CMD_ARGS",
    "DJANGO_STATIC_ROOT",
)

# Keys before the one in use, of which there may be none.
FALLBACKS = "DJANGO_SECRET_KEY_FALLBACKS"

# Users and groups of a Debian or Ubuntu server, groups that give power over one, and names that stand for something of Shortstop's own
# below /etc/shortstop. A user is put into a group of its name where there is one.
RESERVED_NAMES = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody _apt sshd postgres"
    " messagebus systemd systemd-network systemd-resolve systemd-timesync systemd-journal polkitd tss uuidd syslog admin"
    " adm audio cdrom crontab dialout dip disk fax floppy input kmem kvm netdev nogroup operator plugdev rdma render sasl sgx shadow src ssh"
    " staff sudo tape tty users utmp video voice wheel"
    " certbot docker incus landscape libvirt lpadmin lxd microk8s pollinate tcpdump usbmux"
    " ubuntu debian deploy nginx gunicorn redis mysql ssl-cert shortstop sites generated certificates default localhost".split()
)
SYSTEM_DIRS = frozenset("bin boot dev etc home lib lib32 lib64 proc root run sbin sys tmp usr".split())
# Directories below /var/lib, /var/log and the like that packages of the system keep.
PACKAGE_DIRS = frozenset(
    "apt aptitude certbot containerd cloud dbus debconf docker dpkg fail2ban git grub initramfs-tools journal letsencrypt lxd misc mysql nginx pam"
    " polkit-1 postgresql private python redis shortstop snapd systemd ucf ufw unattended-upgrades vim".split()
)
LONGEST_ROOT = 97  # characters; with /live.sock it is the address of a socket, which ends at 107 bytes
# What in /run commands the server, holds the secrets of others, or belongs to all.
HIDDEN_RUN_NAMES = frozenset(
    "cloud-init containerd credentials dbus docker docker.sock fail2ban host incus initctl libvirt lock log lxd mount netns podman shm shortstop snapd.socket"
    " ssh-unix-local sshd sudo systemd udev user utmp".split()
)

WRITABLE_PATHS = "must be a list of absolute paths outside of the system's directories, such as [/mnt/pictures, /run/redis]"

SITE_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
DOMAIN = re.compile(rf"(\*\.(?=[^.]+\.))?{HOST_NAME.pattern}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?", re.ASCII)
WEB_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
MEMORY = re.compile(r"[1-9][0-9]*[KMGT]?")
SETTING_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
DATABASE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
DATABASE_ALIAS = re.compile(r"[a-z][a-z0-9_]{0,20}")
FIELD_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
JOB_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*|(/[^/]+)+")
_SPAN = r"[1-9][0-9]{0,8} ?(seconds?|sec|s|minutes?|min|m|hours?|hr|h|days?|d|weeks?|w|months?|M|years?|y)"
TIME_SPAN = re.compile(f"{_SPAN}( ?{_SPAN})*")
SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"<.*>|\{\{.*\}\}|change[-_ ]?(me|this).*|replace[-_ ]?(me|this).*|your[-_ ].*|todo|fixme|tbd|x{3,}|\*{3,}|placeholder|secret|password",
    re.IGNORECASE,
)


def nearest(name: object, known: object) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else f"; the keys are {', '.join(known)}"


def is_misspelt(name: object, known: tuple[str, ...]) -> bool:
    """Whether a name that may be anything is rather meant to be one of these."""
    return name not in known and bool(difflib.get_close_matches(str(name), known, cutoff=0.75))


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
        elif not isinstance(name, str) or not DOMAIN.fullmatch(name):
            shown = repr(name) if isinstance(name, str) else "an entry"
            yield f'key "{key}": {shown} is no host name (lower-case letters, digits, - and dots, without scheme and port)'
    if isinstance(value[0], str) and value[0].startswith("*."):
        yield f'key "{key}": the first name is the canonical one; put one before "{value[0]}", such as {value[0][2:]}'


def _check_source(key: str, _spec: Key, value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value not in BUNDLED_SOURCES:
            bundled = ", ".join(BUNDLED_SOURCES)
            yield f'key "{key}" names no bundled site ({bundled}); for a directory write {{path: DIRECTORY}}, for a repository {{git: URL}}'
        return
    if not isinstance(value, dict):
        yield f'key "{key}" must be the name of a bundled site, {{path: DIRECTORY}} or {{git: URL, version: NAME}}'
        return
    for part, given in value.items():
        say = f'key "{key}": "{part}"'
        if part not in SOURCE_KEYS:
            yield f"{say} is not known{nearest(part, SOURCE_KEYS)}"
        elif part == "path":
            if not isinstance(given, str) or not given or not given.isprintable():
                yield f"{say} must be a directory on this machine"
        elif isinstance(given, Undefined):
            yield f"{say} refers to something that is not defined; look for it in the vault or the group_vars"
        elif part == "directory":
            if not isinstance(given, str) or not PLAIN_PATH.fullmatch(given) or ".." in given.split("/"):
                yield f"{say} must be a directory of the source, relative to its top, of letters, digits, _, - and ., such as backend"
        elif not isinstance(given, str) or not given or not given.isprintable() or " " in given or given.startswith("-"):
            what = "the URL of a repository" if part == "git" else "a branch, a tag or a commit"
            yield f"{say} must be {what}, a text without spaces; put a number into quotes"
    if "path" in value and "git" in value:
        yield f'key "{key}" takes either "path" or "git"; take one out'
    elif not {"path", "git"} & value.keys() and value.keys() <= set(SOURCE_KEYS):
        yield f'key "{key}" must be the name of a bundled site, {{path: DIRECTORY}} or {{git: URL, version: NAME}}'
    elif "version" in value and "git" not in value:
        yield f'key "{key}": "version" goes with "git" only'


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
            yield from _text_errors(say, text, secret=bool(SECRET_NAME.search(name)) and name != FALLBACKS)


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
    if isinstance(value, str) and value in ("postgres", "sqlite", "none"):
        return
    if not isinstance(value, dict):
        yield f'key "{key}" must be postgres, sqlite, none or {{host: HOST, password: …}}'
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


def _check_databases(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict by alias, such as {{analytics: {{}}}}'
        return
    for alias, given in value.items():
        say = f'key "{key}": "{alias}"'
        if not isinstance(alias, str) or not DATABASE_ALIAS.fullmatch(alias):
            yield f"{say} is no alias (a lower-case letter, then up to 20 lower-case letters, digits or _)"
        elif alias == "default":
            yield f'{say} is the first database, which key "database" names'
        elif not isinstance(given, dict):
            yield f"{say} must be a dict, such as {{name: {alias}}} or {{}}"
        else:
            for part, name in given.items():
                if part not in FURTHER_DATABASE_KEYS:
                    yield f'{say}: "{part}" is not known{nearest(part, FURTHER_DATABASE_KEYS)}'
                elif not isinstance(name, str) or not DATABASE_NAME.fullmatch(name):
                    yield f'{say}: "{part}" must be a lower-case letter, then up to 62 letters, digits or _'


def _check_settings(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, list) or any(name != "all" and (not isinstance(name, str) or not SETTING_NAME.fullmatch(name)) for name in value):
        yield f'key "{key}" must be a list of names of settings, such as [ALLOWED_HOSTS], or [all]'


def _check_variables(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict, such as {{DB_NAME: DJANGO_PG_DB_NAME}}'
        return
    for name, of in value.items():
        say = f'key "{key}": variable "{name}"'
        if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
            yield f"{say} is no name of a variable (letters, digits and _)"
        elif name in RESERVED_VARIABLES:
            yield f"{say} is set by Shortstop for each release; leave it out"
        elif not isinstance(of, str) or not VARIABLE_NAME.fullmatch(of):
            yield f"{say} must be given the name of the variable whose value it takes, such as DJANGO_PG_DB_NAME"
        elif of in RESERVED_VARIABLES:
            yield f"{say} cannot take the value of {of}, which each release has its own of"


def _check_certificate(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be {{cert: …, key: …}}, both the text of a PEM file'
        return
    for part, given in value.items():
        say = f'key "{key}": "{part}"'
        if part not in CERTIFICATE_KEYS:
            yield f"{say} is not known{nearest(part, CERTIFICATE_KEYS)}"
        elif isinstance(given, Undefined):
            yield f"{say} refers to something that is not defined; add it to the vault"
        elif not isinstance(given, str) or "-----BEGIN" not in given:
            yield f"{say} must be the text of a PEM file; of a file beside the inventory, {{{{ lookup('ansible.builtin.file', …) }}}} is the text"


def _check_superuser(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict, such as {{username: admin, password: …}}'
        return
    for part, given in value.items():
        say = f'key "{key}": "{part}"'
        if is_misspelt(part, SUPERUSER_KEYS):
            yield f"{say} is not known{nearest(part, SUPERUSER_KEYS)}"
        elif not isinstance(part, str) or not FIELD_NAME.fullmatch(part):
            yield f"{say} is no field of a user model (lower-case letters, digits and _)"
        elif part != "email" and given == "":
            yield f"{say} is empty; give it a value, or leave out the whole key"
        elif isinstance(given, str | Undefined):
            yield from _text_errors(say, given, secret=False)
        else:
            yield f"{say} must be a text; put it into quotes"


def _check_timers(key: str, _spec: Key, value: object) -> Iterator[str]:
    yield from _check_jobs(key, value, TIMER_KEYS, "{poll: {command: manage.py poll, every: 1min}}")


def _check_daemons(key: str, _spec: Key, value: object) -> Iterator[str]:
    yield from _check_jobs(key, value, DAEMON_KEYS, "{worker: {command: manage.py worker}}")


def _check_jobs(key: str, value: object, known: tuple[str, ...], example: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict by name, such as {example}'
        return
    for name, job in value.items():
        say = f'key "{key}": "{name}"'
        if not isinstance(name, str) or not JOB_NAME.fullmatch(name):
            yield f"{say} is no name (a lower-case letter, then up to 30 lower-case letters, digits, - or _)"
        elif isinstance(job, Undefined):
            yield f"{say} refers to something that is not defined; look for it in the vault or the group_vars"
        elif not isinstance(job, dict):
            yield f"{say} must be a dict, such as {example}"
        else:
            for part, given in job.items():
                if part not in known:
                    yield f'{say}: "{part}" is not known{nearest(part, known)}'
                else:
                    yield from (f"{say}: {error}" for error in _check_job_part(part, given))


def _check_job_part(part: str, given: object) -> Iterator[str]:
    if isinstance(given, Undefined):
        yield f'"{part}" refers to something that is not defined; look for it in the vault or the group_vars'
    elif part == "command":
        if not _is_command(given):
            yield (
                f'"{part}" must be one line as a shell would read it, and begin with manage.py, a program of the virtual environment (without /)'
                " or an absolute path"
            )
    elif part == "every":
        if not isinstance(given, str) or not TIME_SPAN.fullmatch(given):
            yield f'"{part}" must be a time span with its units, such as 30s, 1min or 1h 30min'
    elif part == "calendar":
        if not isinstance(given, str) or not given.strip() or not given.isprintable():
            yield f'"{part}" must be a calendar expression of systemd, such as daily or *-*-* 04:00'
    else:
        yield from _check_number(part, Key("number", "", minimum=1), given)


def _is_command(given: object) -> bool:
    if not isinstance(given, str) or not given.isprintable():
        return False
    try:
        words = shlex.split(given)
    except ValueError:
        return False
    return bool(words and PROGRAM.fullmatch(words[0]))


def _check_user(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not SITE_NAME.fullmatch(value) or value in RESERVED_NAMES:
        yield f'key "{key}" must be a lower-case letter, then up to 30 letters, digits or _, and no user of the system'


def _check_root(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not _is_own_path(value):
        yield f'key "{key}" must be an absolute path of a directory of the site\'s own, such as /srv/blog'
    elif len(value) > LONGEST_ROOT:
        yield f'key "{key}" must have at most {LONGEST_ROOT} characters, since a socket lies in that directory'


def _is_own_path(value: object) -> bool:
    parts = Path(value).parts if isinstance(value, str) else ()
    if len(parts) < 3 or parts[0] != "/" or ".." in parts or parts[1] in SYSTEM_DIRS or not URL_PATH.fullmatch(value):
        return False
    # /var/lib, /var/log and /var/www hold a directory for each of those who use them.
    return parts[1] != "var" or (len(parts) > 3 and parts[3] not in PACKAGE_DIRS | RESERVED_NAMES)


def _check_module(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not MODULE_NAME.fullmatch(value) or (key == "settings" and ":" in value):
        yield f'key "{key}" must be the dotted name of a module, such as blog.{key}'


def _check_file(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not _is_inside(value):
        yield f'key "{key}" must be a file inside of the source, such as requirements.txt'


def _check_files(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, list) or any(not _is_inside(file) for file in value):
        yield f'key "{key}" must be a list of files inside of the source, such as [blog/fixtures/start.json]'


def _is_inside(file: object) -> bool:
    return isinstance(file, str) and bool(file) and file.isprintable() and not Path(file).is_absolute() and ".." not in Path(file).parts


def _check_path(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, str) or not URL_PATH.fullmatch(value):
        yield f'key "{key}" must be a path that begins with /'
    elif key != "health_path" and (value == "/" or not value.endswith("/")):
        yield f'key "{key}" must begin and end with /, such as /static/'


def _check_paths(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, list) or any(not isinstance(path, str) or not URL_PATH.fullmatch(path) for path in value):
        yield f'key "{key}" must be a list of paths that begin with /, such as [/admin/login/]'


def _check_users(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f'key "{key}" must be a dict of passwords by name, such as {{ada: …}}'
        return
    for name, password in value.items():
        if not isinstance(name, str) or not WEB_USER.fullmatch(name):
            yield f'key "{key}": a name is a letter or digit, then up to 63 letters, digits, ".", "_", "@" or "-"'
        else:
            yield from _text_errors(f'key "{key}": the password of "{name}"', password, secret=True)


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


def _check_sandbox(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield from _level_errors(f'key "{key}"', value, "; or write {level: strict, allow: [scheduling]}")
        return
    for part, given in value.items():
        say = f'key "{key}": "{part}"'
        if part not in SANDBOX_KEYS:
            yield f"{say} is not known{nearest(part, SANDBOX_KEYS)}"
        elif isinstance(given, Undefined):
            yield f"{say} refers to something that is not defined; look for it in the vault or the group_vars"
        elif part == "level":
            yield from _level_errors(say, given)
        elif part == "allow":
            if not isinstance(given, list) or any(switch not in SANDBOX_SWITCHES for switch in given):
                yield f"{say} must be a list of these: {', '.join(SANDBOX_SWITCHES)}"
        elif not isinstance(given, list):
            yield f"{say} {WRITABLE_PATHS}"
        else:
            yield from (f"{say} {error}" for error in dict.fromkeys(map(_writable_error, given)) if error)


def _writable_error(path: object) -> str:
    parts = Path(path).parts if isinstance(path, str) else ()
    if parts[:3] in (("/", "var", "run"), ("/", "var", "lock")):
        return "names /var/run or /var/lock, which are links; write the path below /run, such as /run/redis"
    if parts[:2] != ("/", "run"):
        return "" if _is_own_path(path) else WRITABLE_PATHS
    if parts[2:3] == () or parts[2] in HIDDEN_RUN_NAMES or parts[2].startswith("gunicorn-"):
        return "would show the site what its sandbox hides in /run; name the directory of the one service that the site needs, such as /run/redis"
    return "" if path.startswith("/run/") and ".." not in parts and URL_PATH.fullmatch(path) else WRITABLE_PATHS


def _level_errors(say: str, level: object, advice: str = "") -> Iterator[str]:
    # YAML reads a bare `off` as a boolean.
    if ("off" if level is False else level) not in SANDBOX_LEVELS:
        yield f"{say} must be one of: {', '.join(SANDBOX_LEVELS)}{advice}"


def _check_outbound(key: str, _spec: Key, value: object) -> Iterator[str]:
    if not isinstance(value, list) or any(not is_destination(entry) for entry in value):
        yield f'key "{key}" must be a list of public, any, addresses and networks, such as [public, 10.0.0.11]; a name has no fixed address'


_CHECKS = {
    "names": _check_names,
    "source": _check_source,
    "choice": _check_choice,
    "boolean": _check_boolean,
    "number": _check_number,
    "environment": _check_environment,
    "database": _check_database,
    "databases": _check_databases,
    "settings": _check_settings,
    "variables": _check_variables,
    "user": _check_user,
    "root": _check_root,
    "module": _check_module,
    "certificate": _check_certificate,
    "superuser": _check_superuser,
    "timers": _check_timers,
    "daemons": _check_daemons,
    "file": _check_file,
    "files": _check_files,
    "path": _check_path,
    "paths": _check_paths,
    "users": _check_users,
    "limits": _check_limits,
    "sandbox": _check_sandbox,
    "outbound": _check_outbound,
}


def as_dict(mapping: object, key: str) -> dict:
    value = mapping.get(key) if isinstance(mapping, dict) else None
    return value if isinstance(value, dict) else {}


def texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
