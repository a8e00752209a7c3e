"""What a dict of sites may say, and the sentence for each way to get it wrong."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.shortstop.django.plugins.plugin_utils import contract, site_keys, site_source, site_values

DOMAINS = {"domains": ["blog.example.com"]}
REMOTE = {"host": "db.example.com", "password": "kX4-qq"}
ADMIN = {"username": "admin", "password": "kX4-qq"}
UNDEFINED = site_keys.Undefined()
GIT = "https://git.example.com/blog.git"


def errors(keys: dict | None = None, **options: object) -> list[str]:
    """The sentences on one valid site with these keys besides."""
    return contract.site_errors({"blog": {**DOMAINS, **(keys or {})}}, **options)


def test_a_wildcard_needs_an_answer_by_dns():
    domains = {"domains": ["example.com", "*.example.com"]}
    told = 'site "blog": key "domains": a certificate for "*.example.com" takes an answer by DNS; give nginx_acme.dns.api_token, or another tls'
    assert errors(domains, dns_challenges=False) == errors(domains, common={"tls": "acme"}, dns_challenges=False) == [told]
    for tls in ("self-signed", "off", False):
        assert errors({**domains, "tls": tls}, dns_challenges=False) == []


def test_it_works():
    assert contract.site_errors({"blog": {"domains": ["blog.example.com"], "source": "tatis"}}) == []


# Keys


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("domain", 'did you mean "domains"?'),
        ("worker", 'did you mean "workers"?'),
        (7, f"the keys are {', '.join(site_keys.KEYS)}"),
    ],
)
def test_an_unknown_key(key, hint):
    assert errors({key: 1}) == [f'site "blog": key "{key}" is not known; {hint}']


def test_a_missing_key():
    (told,) = contract.site_errors({"blog": {}})
    assert told.startswith('site "blog": key "domains" is missing; host names. The first is canonical, the rest redirect to it.')


def test_a_missing_key_that_only_this_play_needs():
    assert errors(required=("domains", "source")) == [f'site "blog": key "source" is missing; {site_keys.KEYS["source"].description}']


NAMES = 'key "domains" must be a list of host names, such as [blog.example.com]'
NO_HOST = 'key "domains": {} is no host name (lower-case letters, digits, - and dots, without scheme and port)'
SOURCE = 'key "source" must be the name of a bundled site, {path: DIRECTORY} or {git: URL, version: NAME}'
BUNDLED = 'key "source" names no bundled site (tatis); for a directory write {path: DIRECTORY}, for a repository {git: URL}'
REPOSITORY = 'key "source": "git" must be the URL of a repository, a text without spaces; put a number into quotes'
VERSION = 'key "source": "version" must be a branch, a tag or a commit, a text without spaces; put a number into quotes'
LOST = "refers to something that is not defined; look for it in the vault or the group_vars"
PATH = 'key "source": "path" must be a directory on this machine'
USER = 'key "user" must be a lower-case letter, then up to 30 letters, digits or _, and no user of the system'
ROOT = 'key "root" must be an absolute path of a directory of the site\'s own, such as /srv/blog'
FILE = 'key "requirements" must be a file inside of the source, such as requirements.txt'
URL = 'key "static_url" must begin and end with /, such as /static/'
BEGINS = 'key "{}" must be a path that begins with /'
MEMORY = 'key "limits": "memory" must be a size, such as 512M or 1G'
LEVEL = 'key "sandbox" must be one of: strict, standard, off; or write {level: strict, allow: [scheduling]}'
ALLOW = 'key "sandbox": "allow" must be a list of these: executable_memory, scheduling, ownership, namespaces, netlink'
WRITABLE = 'key "sandbox": "writable" must be a list of absolute paths outside of the system\'s directories, such as [/mnt/pictures, /run/redis]'
HIDDEN = (
    'key "sandbox": "writable" would show the site what its sandbox hides in /run; name the directory of the one service that the site needs,'
    " such as /run/redis"
)
LINK = 'key "sandbox": "writable" names /var/run or /var/lock, which are links; write the path below /run, such as /run/redis'
OUTBOUND = 'key "outbound" must be a list of public, any, addresses and networks, such as [public, 10.0.0.11]; a name has no fixed address'
VARIABLE = 'key "environment": variable "{}" {}'
A_TEXT = 'must be a text or a whole number; put what the site should read into quotes, such as "1" or "1.5"'
A_BREAK = "holds a line break or a NUL, which no environment file can carry"
A_NAME = "is no name of a variable (letters, digits and _)"
SETTINGS = 'key "settings" must be the dotted name of a module, such as blog.settings'
WSGI = 'key "wsgi" must be the dotted name of a module, such as blog.wsgi'
HOST = 'key "database": "host" must be a host name or an IPv4 address'
PORT = 'key "database": key "port" must be a whole number, 1 to 65535, without quotes'
PART = 'key "database": "{}" must be a lower-case letter, then up to 30 letters, digits or _'
SUPERUSER = 'key "superuser": "{}" {}'
FIXTURES = 'key "fixtures" must be a list of files inside of the source, such as [blog/fixtures/start.json]'
POLL = {"command": "manage.py poll", "every": "1min"}
TIMERS = 'key "timers" must be a dict by name, such as {poll: {command: manage.py poll, every: 1min}}'
TIMER = 'key "timers": "poll": {}'
COMMAND = '"command" must be one line as a shell would read it, and begin with manage.py, a program of the virtual environment (without /) or an absolute path'
EVERY = '"every" must be a time span with its units, such as 30s, 1min or 1h 30min'
CALENDAR = '"calendar" must be a calendar expression of systemd, such as daily or *-*-* 04:00'
DAEMONS = 'key "daemons" must be a dict by name, such as {worker: {command: manage.py worker}}'
NO_JOB = "is no name (a lower-case letter, then up to 30 lower-case letters, digits, - or _)"
PATHS = 'key "login_paths" must be a list of paths that begin with /, such as [/admin/login/]'
WEB_USER = 'key "basic_auth": a name is a letter or digit, then up to 63 letters, digits, ".", "_", "@" or "-"'
WEB_PASSWORD = 'key "basic_auth": the password of "ada" {}'
NEEDS_HOST = 'key "database": "host" is missing; on this server write database: postgres, and the site\'s own user is let in'

SETTINGS_LEFT = 'key "settings_left" must be a list of names of settings, such as [ALLOWED_HOSTS], or [all]'

WRONG = [
    ("domains", "blog.example.com", NAMES),
    ("domains", [], NAMES),
    ("domains", {"blog.example.com": 1}, NAMES),
    ("domains", ["https://blog.example.com"], NO_HOST.format("'https://blog.example.com'")),
    ("domains", ["blog.example.com:8000"], NO_HOST.format("'blog.example.com:8000'")),
    ("domains", ["Blog.example.com"], NO_HOST.format("'Blog.example.com'")),
    ("domains", ["blog.example.com\n"], NO_HOST.format("'blog.example.com\\n'")),
    ("domains", ["-blog.example.com"], NO_HOST.format("'-blog.example.com'")),
    ("domains", ["*.example.com"], 'key "domains": the first name is the canonical one; put one before "*.example.com", such as example.com'),
    ("domains", ["example.com", "*.com"], NO_HOST.format("'*.com'")),
    ("domains", ["example.com", "*"], NO_HOST.format("'*'")),
    ("domains", ["example.com", "www.*.example.com"], NO_HOST.format("'www.*.example.com'")),
    ("domains", [["blog.example.com"]], NO_HOST.format("an entry")),
    ("source", 7, SOURCE),
    ("source", ["tatis"], SOURCE),
    ("source", "https://token@git.example.com/blog", BUNDLED),
    ("source", {"path": ".", "version": "1"}, 'key "source": "version" goes with "git" only'),
    ("source", {"path": ".", "git": GIT}, 'key "source" takes either "path" or "git"; take one out'),
    ("source", {}, SOURCE),
    ("source", {"version": "main"}, SOURCE),
    ("source", {"gti": GIT}, 'key "source": "gti" is not known; did you mean "git"?'),
    ("source", {"git": GIT, "versoin": "main"}, 'key "source": "versoin" is not known; did you mean "version"?'),
    ("source", {"git": ""}, REPOSITORY),
    ("source", {"git": 7}, REPOSITORY),
    ("source", {"git": "--upload-pack=x"}, REPOSITORY),
    ("source", {"git": "https://git.example.com/my blog"}, REPOSITORY),
    ("source", {"git": UNDEFINED}, f'key "source": "git" {LOST}'),
    ("source", {"git": GIT, "version": 1.0}, VERSION),
    ("source", {"git": GIT, "version": ""}, VERSION),
    ("source", {"git": GIT, "version": "-x"}, VERSION),
    ("source", {"git": GIT, "version": UNDEFINED}, f'key "source": "version" {LOST}'),
    ("source", {"path": ""}, PATH),
    ("source", {"path": 7}, PATH),
    ("source", {"path": "blog\0"}, PATH),
    ("source", {"path": UNDEFINED}, PATH),
    ("state", "gone", 'key "state" must be one of: present, absent'),
    ("state", ["absent"], 'key "state" must be one of: present, absent'),
    ("state", False, 'key "state" must be one of: present, absent'),
    ("purge", "yes", 'key "purge" must be true or false, without quotes'),
    ("purge", 1, 'key "purge" must be true or false, without quotes'),
    ("environment_names", ["A"], 'key "environment_names" must be a dict, such as {DB_NAME: DJANGO_PG_DB_NAME}'),
    ("environment_names", {"A-B": "DEBUG"}, 'key "environment_names": variable "A-B" is no name of a variable (letters, digits and _)'),
    (
        "environment_names",
        {"DB_NAME": 1},
        'key "environment_names": variable "DB_NAME" must be given the name of the variable whose value it takes, such as DJANGO_PG_DB_NAME',
    ),
    (
        "environment_names",
        {"ROOT": "DJANGO_STATIC_ROOT"},
        'key "environment_names": variable "ROOT" cannot take the value of DJANGO_STATIC_ROOT, which each release has its own of',
    ),
    (
        "environment_names",
        {"SHORTSTOP_SETTINGS": "DEBUG"},
        'key "environment_names": variable "SHORTSTOP_SETTINGS" is set by Shortstop for each release; leave it out',
    ),
    ("settings_left", "ALLOWED_HOSTS", SETTINGS_LEFT),
    ("settings_left", ["allowed_hosts"], SETTINGS_LEFT),
    ("databases", ["analytics"], 'key "databases" must be a dict by alias, such as {analytics: {}}'),
    ("databases", {"Old": {}}, 'key "databases": "Old" is no alias (a lower-case letter, then up to 20 lower-case letters, digits or _)'),
    ("databases", {"default": {}}, 'key "databases": "default" is the first database, which key "database" names'),
    ("databases", {"old": None}, 'key "databases": "old" must be a dict, such as {name: old} or {}'),
    ("databases", {"old": {"host": "x"}}, 'key "databases": "old": "host" is not known; the keys are name'),
    ("databases", {"old": {"name": "Old"}}, 'key "databases": "old": "name" must be a lower-case letter, then up to 62 letters, digits or _'),
    ("environment", ["A=1"], 'key "environment" must be a dict of variables, such as {DJANGO_SECRET_KEY: …}'),
    ("environment", {"1A": "x"}, VARIABLE.format("1A", A_NAME)),
    ("environment", {7: "x"}, VARIABLE.format(7, A_NAME)),
    ("environment", {"A": True}, VARIABLE.format("A", A_TEXT)),
    ("environment", {"A": 1.5}, VARIABLE.format("A", A_TEXT)),
    ("environment", {"A": None}, VARIABLE.format("A", A_TEXT)),
    ("environment", {"A": ["x"]}, VARIABLE.format("A", A_TEXT)),
    ("environment", {"A": "x\ny"}, VARIABLE.format("A", A_BREAK)),
    ("environment", {"A": "x\0y"}, VARIABLE.format("A", A_BREAK)),
    ("database", "mysql", 'key "database" must be postgres, sqlite, none or {host: HOST, password: …}'),
    ("database", ["postgres"], 'key "database" must be postgres, sqlite, none or {host: HOST, password: …}'),
    ("database", {**REMOTE, "hots": 1}, 'key "database": "hots" is not known; did you mean "host"?'),
    ("database", {**REMOTE, "host": "http://db"}, HOST),
    ("database", {**REMOTE, "port": "5432"}, PORT),
    ("database", {**REMOTE, "port": 0}, PORT),
    ("database", {**REMOTE, "port": 65536}, PORT),
    ("database", {**REMOTE, "name": "Blog"}, PART.format("name")),
    ("database", {**REMOTE, "user": 7}, PART.format("user")),
    ("database", {**REMOTE, "password": ["x"]}, f'key "database": "password" {A_TEXT}'),
    (
        "database",
        {"host": "db.example.com"},
        'key "database": "password" is missing; two servers share it, so it comes from the vault',
    ),
    ("database", {"password": "kX4-qq"}, NEEDS_HOST),
    ("database", {}, NEEDS_HOST),
    ("user", 7, USER),
    ("user", "Blog", USER),
    ("user", "root", USER),
    ("user", "b" * 32, USER),
    ("root", 7, ROOT),
    ("root", "srv/blog", ROOT),
    ("root", "/srv", ROOT),
    ("root", "/etc/blog", ROOT),
    ("root", "//srv/blog", ROOT),
    ("root", "/srv/../etc/blog", ROOT),
    ("root", "/srv/my blog", ROOT),
    ("root", "/var/lib", ROOT),
    ("root", "/var/www/", ROOT),
    ("root", "/var/lib/postgresql", ROOT),
    ("root", "/var/lib/shortstop/scratch", ROOT),
    ("root", "/srv/" + "b" * 93, 'key "root" must have at most 97 characters, since a socket lies in that directory'),
    ("settings", 7, SETTINGS),
    ("settings", "blog/settings.py", SETTINGS),
    ("settings", "blog.settings:x", SETTINGS),
    ("wsgi", "blog.wsgi:", WSGI),
    ("wsgi", "blog-wsgi", WSGI),
    ("requirements", 7, FILE),
    ("requirements", "", FILE),
    ("requirements", "/etc/passwd", FILE),
    ("requirements", "../requirements.txt", FILE),
    ("workers", "2", 'key "workers" must be a whole number, 1 at least, without quotes'),
    ("workers", 0, 'key "workers" must be a whole number, 1 at least, without quotes'),
    ("threads", True, 'key "threads" must be a whole number, 1 at least, without quotes'),
    ("timeout", 2.0, 'key "timeout" must be a whole number, 1 at least, without quotes'),
    ("releases_kept", 1, 'key "releases_kept" must be a whole number, 2 at least, without quotes'),
    ("health_path", "healthz", BEGINS.format("health_path")),
    ("health_path", "/healthz?x=1", BEGINS.format("health_path")),
    ("media_url", 7, BEGINS.format("media_url")),
    ("static_url", "https://cdn.example.com/", BEGINS.format("static_url")),
    ("static_url", "/static", URL),
    ("static_url", "/", URL),
    ("login_paths", "/in/", PATHS),
    ("login_paths", ["in/"], PATHS),
    ("login_paths", ["/in/ /out/"], PATHS),
    ("login_paths", [7], PATHS),
    ("login_paths", [UNDEFINED], PATHS),
    ("basic_auth", ["ada"], 'key "basic_auth" must be a dict of passwords by name, such as {ada: …}'),
    ("basic_auth", {"ada:x": "kX4-qq"}, WEB_USER),
    ("basic_auth", {"-ada": "kX4-qq"}, WEB_USER),
    ("basic_auth", {7: "kX4-qq"}, WEB_USER),
    ("basic_auth", {"ada": ""}, WEB_PASSWORD.format("is empty; give it a value, or leave it out")),
    ("basic_auth", {"ada": ["x"]}, WEB_PASSWORD.format(A_TEXT)),
    ("basic_auth", {"ada": "x\ny"}, WEB_PASSWORD.format(A_BREAK)),
    ("basic_auth", {"ada": "changeme"}, WEB_PASSWORD.format("is still a placeholder; give it a value of its own")),
    ("basic_auth", {"ada": UNDEFINED}, WEB_PASSWORD.format("refers to something that is not defined; add it to the vault")),
    ("health_timeout", "60", 'key "health_timeout" must be a whole number, 1 at least, without quotes'),
    ("superuser", "admin", 'key "superuser" must be a dict, such as {username: admin, password: …}'),
    ("superuser", {**ADMIN, "pasword": "x"}, SUPERUSER.format("pasword", 'is not known; did you mean "password"?')),
    ("superuser", {**ADMIN, "username": ["x"]}, SUPERUSER.format("username", "must be a text; put it into quotes")),
    ("superuser", {**ADMIN, "password": 7}, SUPERUSER.format("password", "must be a text; put it into quotes")),
    ("superuser", {**ADMIN, "password": ""}, SUPERUSER.format("password", "is empty; give it a value, or leave out the whole key")),
    ("superuser", {**ADMIN, "password": "changeme"}, SUPERUSER.format("password", "is still a placeholder; give it a value of its own")),
    ("superuser", {**ADMIN, "password": UNDEFINED}, SUPERUSER.format("password", "refers to something that is not defined; add it to the vault")),
    ("superuser", {**ADMIN, "email": "x\ny"}, SUPERUSER.format("email", A_BREAK)),
    ("superuser", {**ADMIN, "mail": "x"}, SUPERUSER.format("mail", 'is not known; did you mean "email"?')),
    ("superuser", {**ADMIN, "First name": "x"}, SUPERUSER.format("First name", "is no field of a user model (lower-case letters, digits and _)")),
    ("superuser", {**ADMIN, "first_name": ""}, SUPERUSER.format("first_name", "is empty; give it a value, or leave out the whole key")),
    ("superuser", {"first_name": "x", "username": "admin"}, SUPERUSER.format("password", "is missing; add it from the vault")),
    ("superuser", {"username": "admin"}, SUPERUSER.format("password", "is missing; add it from the vault")),
    ("superuser", {"password": "kX4-qq"}, SUPERUSER.format("username", "is missing; add it")),
    ("fixtures", "start.json", FIXTURES),
    ("fixtures", [7], FIXTURES),
    ("fixtures", [""], FIXTURES),
    ("fixtures", ["/etc/passwd"], FIXTURES),
    ("fixtures", ["../start.json"], FIXTURES),
    ("fixtures", [UNDEFINED], FIXTURES),
    ("timers", [POLL], TIMERS),
    ("timers", {"Poll": POLL}, f'key "timers": "Poll" {NO_JOB}'),
    ("timers", {7: POLL}, f'key "timers": "7" {NO_JOB}'),
    ("timers", {"poll": "manage.py poll"}, 'key "timers": "poll" must be a dict, such as {poll: {command: manage.py poll, every: 1min}}'),
    ("timers", {"poll": UNDEFINED}, f'key "timers": "poll" {LOST}'),
    ("timers", {"poll": {**POLL, "evry": "1min"}}, TIMER.format('"evry" is not known; did you mean "every"?')),
    ("timers", {"poll": {**POLL, "command": UNDEFINED}}, TIMER.format(f'"command" {LOST}')),
    ("timers", {"poll": {**POLL, "command": ["manage.py", "poll"]}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "command": "manage.py 'poll"}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "command": "manage.py poll\nreboot"}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "command": "./manage.py poll"}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "command": "-x"}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "command": " "}}, TIMER.format(COMMAND)),
    ("timers", {"poll": {**POLL, "every": 60}}, TIMER.format(EVERY)),
    ("timers", {"poll": {**POLL, "every": "60"}}, TIMER.format(EVERY)),
    ("timers", {"poll": {**POLL, "every": "0s"}}, TIMER.format(EVERY)),
    ("timers", {"poll": {**POLL, "every": "1 fortnight"}}, TIMER.format(EVERY)),
    ("timers", {"poll": {"command": "x", "calendar": 4}}, TIMER.format(CALENDAR)),
    ("timers", {"poll": {"command": "x", "calendar": " "}}, TIMER.format(CALENDAR)),
    ("timers", {"poll": {**POLL, "timeout": "1h"}}, TIMER.format('key "timeout" must be a whole number, 1 at least, without quotes')),
    ("timers", {"poll": {"every": "1min"}}, TIMER.format('"command" is missing; say what to run, such as manage.py poll')),
    ("timers", {"poll": {"command": "x"}}, 'key "timers": "poll" must have either "every" or "calendar", such as every: 1min'),
    ("timers", {"poll": {**POLL, "calendar": "daily"}}, 'key "timers": "poll" must have either "every" or "calendar", such as every: 1min'),
    ("daemons", ["manage.py worker"], DAEMONS),
    ("daemons", {"1st": {"command": "x"}}, f'key "daemons": "1st" {NO_JOB}'),
    ("daemons", {"worker": {"command": "x", "every": "1s"}}, 'key "daemons": "worker": "every" is not known; the keys are command'),
    ("daemons", {"worker": {}}, 'key "daemons": "worker": "command" is missing; say what to run, such as manage.py worker'),
    ("limits", ["512M"], 'key "limits" must be a dict, such as {memory: 512M, tasks: 256}'),
    ("limits", {"memroy": "512M"}, 'key "limits": "memroy" is not known; did you mean "memory"?'),
    ("limits", {"memory": 512}, MEMORY),
    ("limits", {"memory": "512MB"}, MEMORY),
    ("limits", {"tasks": "10"}, 'key "limits": key "tasks" must be a whole number, 1 at least, without quotes'),
    ("limits", {"cpu_weight": 0}, 'key "limits": key "cpu_weight" must be a whole number, 1 to 10000, without quotes'),
    (
        "limits",
        {"cpu_weight": 10001},
        'key "limits": key "cpu_weight" must be a whole number, 1 to 10000, without quotes',
    ),
    ("sandbox", "strikt", LEVEL),
    ("sandbox", True, LEVEL),
    ("sandbox", None, LEVEL),
    ("sandbox", ["strict"], LEVEL),
    ("sandbox", {"level": "none"}, 'key "sandbox": "level" must be one of: strict, standard, off'),
    ("sandbox", {"alow": []}, 'key "sandbox": "alow" is not known; did you mean "allow"?'),
    ("sandbox", {"level": UNDEFINED}, f'key "sandbox": "level" {LOST}'),
    ("sandbox", {"allow": "scheduling"}, ALLOW),
    ("sandbox", {"allow": ["everything"]}, ALLOW),
    ("sandbox", {"allow": [["scheduling"]]}, ALLOW),
    ("sandbox", {"writable": "/mnt/pictures"}, WRITABLE),
    ("sandbox", {"writable": ["mnt/pictures"]}, WRITABLE),
    ("sandbox", {"writable": ["/mnt/../etc"]}, WRITABLE),
    ("sandbox", {"writable": ["/etc/blog"]}, WRITABLE),
    ("sandbox", {"writable": ["/mnt/my pictures"]}, WRITABLE),
    ("sandbox", {"writable": ["/mnt"]}, WRITABLE),
    ("sandbox", {"writable": ["/var/lib"]}, WRITABLE),
    ("sandbox", {"writable": ["/var/log/nginx"]}, WRITABLE),
    ("sandbox", {"writable": [5]}, WRITABLE),
    ("sandbox", {"writable": ["/run"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/."]}, HIDDEN),
    ("sandbox", {"writable": ["/./run"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/systemd"]}, HIDDEN),
    ("sandbox", {"writable": ["/run//systemd/userdb"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/dbus"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/dbus/system_bus_socket"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/shortstop"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/gunicorn-shop"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/docker.sock"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/shm"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/redis", "/run/user/1000"]}, HIDDEN),
    ("sandbox", {"writable": ["/run/redis/.."]}, WRITABLE),
    ("sandbox", {"writable": ["/run/redis/../dbus"]}, WRITABLE),
    ("sandbox", {"writable": ["/./run/redis"]}, WRITABLE),
    ("sandbox", {"writable": ["/run/my redis"]}, WRITABLE),
    ("sandbox", {"writable": ["/run/redis:/run/dbus"]}, WRITABLE),
    ("sandbox", {"writable": ["/var/run/redis"]}, LINK),
    ("sandbox", {"writable": ["/var/run"]}, LINK),
    ("sandbox", {"writable": ["/var/lock"]}, LINK),
    ("outbound", "public", OUTBOUND),
    ("outbound", ["private"], OUTBOUND),
    ("outbound", ["db.example.com"], OUTBOUND),
    ("outbound", ["10.0.0.11/24"], OUTBOUND),
    ("outbound", ["10.0.0.11:5432"], OUTBOUND),
    ("outbound", ["fe80::1%eth0"], OUTBOUND),
    ("outbound", [167772171], OUTBOUND),
    ("outbound", [["public"]], OUTBOUND),
    ("outbound", [UNDEFINED], OUTBOUND),
    ("certificate", "blog.crt", 'key "certificate" must be {cert: …, key: …}, both the text of a PEM file'),
    ("tls", "on", 'key "tls" must be one of: acme, self-signed, own, off'),
    ("tls", True, 'key "tls" must be one of: acme, self-signed, own, off'),
    ("tls", None, 'key "tls" must be one of: acme, self-signed, own, off'),
]


@pytest.mark.parametrize(("key", "value", "sentence"), WRONG)
def test_a_wrong_value(key, value, sentence):
    assert errors({key: value}) == [f'site "blog": {sentence}']


def test_every_kind_has_a_wrong_value():
    assert {site_keys.KEYS[key].kind for key, _value, _sentence in WRONG} == {key.kind for key in site_keys.KEYS.values()}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("domains", ["blog.example.com", "www.blog.example.com", "xn--zrich-kva.example", "localhost"]),
        ("domains", ["example.com", "*.example.com", "*.blog.example.com"]),
        ("environment", {"_a1": 'it\'s #1 $HOME `id` "x" \\', "B": 0, "EMPTY": ""}),
        ("database", "sqlite"),
        ("database", {**REMOTE, "host": "192.0.2.7", "port": 65535, "name": "blog_2", "user": "blog"}),
        ("user", "b" * 31),
        ("root", "/opt/blog"),
        ("root", "/var/www/blog"),
        ("root", "/srv/" + "b" * 92),
        ("root", "/srv/blog/"),
        ("settings", "blog.settings.production"),
        ("wsgi", "blog.wsgi:app"),
        ("requirements", "requirements/production.txt"),
        ("releases_kept", 2),
        ("source", {"git": GIT}),
        ("source", {"git": "git@git.example.com:me/blog.git", "version": "v1.0"}),
        ("source", {"git": "../blog.git", "version": "6f1e0a2"}),
        ("superuser", {}),
        ("superuser", ADMIN),
        ("superuser", {**ADMIN, "email": "admin@example.com"}),
        ("superuser", {**ADMIN, "email": ""}),
        ("superuser", {**ADMIN, "first_name": "Ada", "phone": "0123"}),
        ("database", "none"),
        ("fixtures", ["start.json", "blog/fixtures/pages.json"]),
        ("timers", {"poll": {**POLL, "timeout": 50}, "clear-sessions": {"command": "manage.py clearsessions", "calendar": "*-*-* 04:00"}}),
        ("timers", {"poll": {"command": "/usr/bin/env 'a b' \"c\"", "every": "1h 30min"}}),
        ("daemons", {"worker_2": {"command": "celery --app blog worker"}}),
        ("health_path", "/"),
        ("health_path", "/healthz"),
        ("static_url", "/assets/v1/"),
        ("limits", {"memory": "1G", "tasks": 1, "cpu_weight": 10000}),
        ("sandbox", "standard"),
        ("sandbox", {}),
        ("sandbox", {"level": "strict", "allow": list(site_keys.SANDBOX_SWITCHES), "writable": ["/mnt/pictures/blog", "/run/redis", "/run/mysqld/"]}),
        ("sandbox", {"level": False}),
        ("outbound", []),
        ("outbound", ["public", "any", "10.0.0.11", "10.0.0.0/24", "2001:db8::1", "fd00::/8"]),
        ("state", "present"),
    ],
)
def test_a_right_value(key, value):
    assert errors({key: value}) == []


@pytest.mark.parametrize("value", ["off", False])
@pytest.mark.parametrize("key", ["tls", "sandbox"])
def test_off_may_go_without_quotes(key, value):
    assert errors({key: value}) == []


def test_a_daemon_of_a_timers_name():
    assert errors({"timers": {"poll": POLL}, "daemons": {"poll": {"command": "x"}}}) == [
        'site "blog": key "daemons": "poll" is also a timer; give one of them another name'
    ]


def test_sites_that_are_no_dict():
    sentence = '"sites" must be a dict of sites by name, such as {blog: {domains: [blog.example.com], source: …}}'
    assert contract.site_errors([DOMAINS]) == [sentence]
    assert contract.site_errors(UNDEFINED) == [sentence]


@pytest.mark.parametrize("given", [None, "tatis", ["blog.example.com"], UNDEFINED])
def test_a_site_that_is_no_dict(given):
    assert contract.site_errors({"blog": given}) == ['site "blog": must be a dict of keys, such as {domains: [blog.example.com], source: …}']


def test_every_error_is_said():
    assert errors({"worker": 1, "threads": 0, "tls": "on"}) == [
        'site "blog": key "worker" is not known; did you mean "workers"?',
        'site "blog": key "threads" must be a whole number, 1 at least, without quotes',
        'site "blog": key "tls" must be one of: acme, self-signed, own, off',
    ]


# Names


@pytest.mark.parametrize("name", ["Blog", "1blog", "my-blog", "my blog", "_blog", "", "blog\n", "é", "b" * 32, 7, None])
def test_a_bad_name(name):
    assert contract.site_errors({name: DOMAINS}) == [f'site "{name}": a name is a lower-case letter, then up to 30 letters, digits or _']


@pytest.mark.parametrize("name", ["b", "blog_2", "b" * 31])
def test_a_good_name(name):
    assert contract.site_errors({name: DOMAINS}) == []


# A site's user would be in the group of its name, and these read the shadow file, write to a disk, or are as good as root.
POWERFUL = ["shadow", "disk", "kmem", "adm", "sudo", "wheel", "docker", "lxd", "incus", "libvirt", "microk8s", "kvm", "staff", "video", "utmp", "crontab"]


@pytest.mark.parametrize("name", ["root", "postgres", "nobody", "sites", "generated", *POWERFUL])
def test_a_name_of_the_system(name):
    assert contract.site_errors({name: DOMAINS}) == [f'site "{name}": this name belongs to the system; choose another']


@pytest.mark.parametrize("name", POWERFUL)
def test_a_user_of_the_system(name):
    assert errors({"user": name}) == [f'site "blog": {USER}']


def test_a_name_that_the_inventory_reserves():
    assert errors(reserved=("blog",)) == ['site "blog": this name belongs to the system; choose another']


# Secrets


PLACEHOLDERS = "<secret>|changeme|change-this-soon|CHANGE_ME|replace me|your-secret-key|todo| TBD |FixMe|xxx|***"
PLACEHOLDERS += "|{{ vault_sites.blog }}|placeholder|secret|password"


@pytest.mark.parametrize("value", PLACEHOLDERS.split("|"))
def test_a_placeholder(value):
    sentence = "is still a placeholder; give it a value of its own"
    assert errors({"environment": {"GREETING": value}}) == [f'site "blog": key "environment": variable "GREETING" {sentence}']
    assert errors({"database": {**REMOTE, "password": value}}) == [f'site "blog": key "database": "password" {sentence}']


@pytest.mark.parametrize("value", ["todolist", "my secret", "not <yet>", "x", "exchangeme", "passwords"])
def test_no_placeholder(value):
    assert errors({"environment": {"GREETING": value}}) == []


@pytest.mark.parametrize(
    "name",
    [
        "DJANGO_SECRET_KEY",
        "MAIL_PASSWORD",
        "mail_passwd",
        "API_TOKEN",
        "AWS_CREDENTIALS",
        "APIKEY",
        "API_KEY",
        "PRIVATE_KEY",
    ],
)
def test_an_empty_secret(name):
    assert errors({"environment": {name: ""}}) == [f'site "blog": key "environment": variable "{name}" is empty; give it a value, or leave it out']


def test_no_fallback_of_a_secret_key():
    assert errors({"environment": {"DJANGO_SECRET_KEY_FALLBACKS": ""}}) == []


def test_an_empty_password_of_the_database():
    assert errors({"database": {**REMOTE, "password": ""}}) == ['site "blog": key "database": "password" is empty; give it a value, or leave it out']


@pytest.mark.parametrize("name", site_values.RESERVED_VARIABLES)
def test_a_variable_that_is_set_for_each_release(name):
    assert errors({"environment": {name: "x"}}) == [f'site "blog": key "environment": variable "{name}" is set by Shortstop for each release; leave it out']


@pytest.mark.parametrize("key", site_keys.KEYS)
def test_a_key_that_is_undefined(key):
    assert errors({key: UNDEFINED}) == [f'site "blog": key "{key}" refers to something that is not defined; look for it in the vault or the group_vars']


def test_a_domain_that_is_undefined():
    assert errors({"domains": [UNDEFINED]}) == [
        'site "blog": key "domains" refers to something that is not defined; look for it in the vault or the group_vars'
    ]


def test_a_variable_that_is_undefined():
    assert errors({"environment": {"DJANGO_SECRET_KEY": UNDEFINED}}) == [
        ('site "blog": key "environment": variable "DJANGO_SECRET_KEY" refers to something that is not defined; add it to the vault')
    ]


@pytest.mark.parametrize(("part", "advice"), [("host", ""), ("name", ""), ("user", ""), ("password", "; add it to the vault")])
def test_a_part_of_the_database_that_is_undefined(part, advice):
    assert errors({"database": {**REMOTE, part: UNDEFINED}}) == [f'site "blog": key "database": "{part}" refers to something that is not defined{advice}']


# Claims


@pytest.mark.parametrize(
    ("blog", "shop", "claim"),
    [
        ({"domains": ["a.example.com", "b.example.com"]}, {"domains": ["b.example.com"]}, 'domain "b.example.com"'),
        ({"user": "web"}, {"user": "web"}, 'user "web"'),
        ({"user": "shop"}, {}, 'user "shop"'),
        ({"root": "/srv/web"}, {"root": "/srv/web"}, 'root "/srv/web"'),
        ({"root": "/srv/shop/"}, {}, 'root "/srv/shop"'),
        ({"root": "/srv//shop"}, {}, 'root "/srv/shop"'),
        (
            {"database": {**REMOTE, "name": "web"}},
            {"database": {**REMOTE, "name": "web"}},
            'database "web on db.example.com"',
        ),
        ({"database": {**REMOTE, "name": "shop"}}, {"database": REMOTE}, 'database "shop on db.example.com"'),
        ({"database": REMOTE, "databases": {"old": {"name": "shop"}}}, {"database": REMOTE}, 'database "shop on db.example.com"'),
    ],
)
def test_what_two_sites_claim(blog, shop, claim):
    sites = {"blog": {**DOMAINS, **blog}, "shop": {"domains": ["shop.example.com"], **shop}}
    assert contract.site_errors(sites) == [f'site "shop": {claim} is also claimed by site "blog"; each needs its own']


@pytest.mark.parametrize(
    ("blog", "shop", "told"),
    [
        ({"databases": {"old": {"name": "shop"}}}, {}, ('"blog"', '"shop"', '"shop"')),
        ({"databases": {"old": {"name": "web"}}}, {"user": "web"}, ('"blog"', '"web"', '"shop"')),
        ({"databases": {"old": {}}}, {"databases": {"old": {"name": "blog_old"}}}, ('"shop"', '"blog_old"', '"blog"')),
    ],
)
def test_a_further_database_is_one_site_s(blog, shop, told):
    sites = {"blog": {**DOMAINS, **blog}, "shop": {"domains": ["shop.example.com"], **shop}}
    name, database, owner = told
    assert contract.site_errors(sites) == [f'site {name}: key "databases": database {database} is also claimed by site {owner}; each needs its own']


def test_further_databases_elsewhere_are_nobody_s_here():
    shop = {"domains": ["shop.example.com"], "database": "sqlite", "databases": {"old": {"name": "blog"}}}
    assert contract.site_errors({"blog": DOMAINS, "shop": shop}) == []


@pytest.mark.parametrize(
    ("blog", "shop", "error"),
    [
        ({}, {"root": "/srv/blog/shop"}, 'site "shop": root "/srv/blog/shop" lies in the root of site "blog"; each needs a directory of its own'),
        (
            {"root": "/opt/web/a/"},
            {"root": "/opt/web//a/b"},
            'site "shop": root "/opt/web/a/b" lies in the root of site "blog"; each needs a directory of its own',
        ),
        (
            {"state": "absent", "purge": True},
            {"root": "/srv/blog/shop"},
            'site "shop": root "/srv/blog/shop" lies in the root of site "blog"; each needs a directory of its own',
        ),
        (
            {},
            {"sandbox": {"writable": ["/mnt/pictures", "/srv/blog/media"]}},
            'site "shop": key "sandbox": "writable" holds /srv/blog/media, which is of site "blog"; take it out',
        ),
    ],
    ids=["the usual root", "another root", "a site that goes", "writable"],
)
def test_no_site_lies_in_another_one(blog, shop, error):
    sites = {"blog": {**DOMAINS, **blog}, "shop": {"domains": ["shop.example.com"], **shop}}
    assert contract.site_errors(sites) == [error]


def test_a_site_beside_another_one_lies_in_none():
    sites = {"blog": DOMAINS, "blog2": {"domains": ["two.example.com"], "root": "/srv/blog2/site", "sandbox": {"writable": ["/srv/blog3"]}}}
    assert contract.site_errors(sites) == []


@pytest.mark.parametrize(
    "urls",
    [
        {"static_url": "/files/", "media_url": "/files/"},
        {"static_url": "/media/static/"},
        {"media_url": "/static/media/"},
    ],
    ids=["the same", "static in media", "media in static"],
)
def test_static_files_and_uploads_have_paths_apart(urls):
    said = 'site "blog": keys "static_url" and "media_url" must be two paths of which neither lies in the other, such as /static/ and /media/'
    assert errors(urls) == [said]


def test_paths_that_only_begin_alike_are_apart():
    assert errors({"static_url": "/media-static/", "media_url": "/media/"}) == []


def test_a_database_that_two_sites_claim_through_site_common():
    sites = {"blog": DOMAINS, "shop": {"domains": ["shop.example.com"]}}
    assert contract.site_errors(sites, common={"database": {**REMOTE, "name": "web"}}) == [
        'site "shop": database "web on db.example.com" is also claimed by site "blog"; each needs its own'
    ]


def test_databases_of_one_name_on_two_servers():
    sites = {
        "blog": {**DOMAINS, "database": {**REMOTE, "name": "web"}},
        "shop": {
            "domains": ["shop.example.com"],
            "database": {"host": "192.0.2.7", "password": "kX4-qr", "name": "web"},
        },
    }
    assert contract.site_errors(sites) == []


def test_a_domain_twice_in_one_site():
    assert errors({"domains": ["blog.example.com", "blog.example.com"]}) == []


def test_two_undefined_users_are_no_clash():
    sites = {"blog": {**DOMAINS, "user": UNDEFINED}, "shop": {"domains": ["shop.example.com"], "user": UNDEFINED}}
    assert not [error for error in contract.site_errors(sites) if "claimed" in error]


# A site that goes


def test_an_absent_site_needs_no_other_key():
    assert contract.site_errors({"blog": {"state": "absent"}}, required=("domains", "source")) == []


def test_an_absent_site_needs_no_whole_superuser_and_timers():
    assert errors({"state": "absent", "superuser": {"username": "admin"}, "timers": {"poll": {"command": "x"}}}) == []


def test_an_absent_site_needs_no_source():
    assert errors({"state": "absent", "source": {"path": "gone"}}, inventory_dir="/nowhere") == []


def test_an_absent_site_claims_nothing():
    assert contract.site_errors({"blog": {**DOMAINS, "state": "absent"}, "shop": DOMAINS}) == []


def test_an_absent_site_is_still_checked():
    assert contract.site_errors({"blog": {"state": "absent", "user": "root"}}) == [f'site "blog": {USER}']


def test_purge_of_an_absent_site():
    assert errors({"state": "absent", "purge": True}) == []


@pytest.mark.parametrize(
    ("old", "record", "new", "has"),
    [
        ({}, {"user": "old", "root": "/opt/old"}, {"root": "/srv/old"}, None),
        ({}, {}, {"root": "/srv/old/"}, 'root "/srv/old"'),
        ({}, {}, {"user": "old"}, 'user "old"'),
        ({}, {"user": "web", "root": "/opt/web"}, {"user": "web"}, 'user "web"'),
        ({"user": "old"}, {"user": "web"}, {"user": "web"}, None),
        ({}, {"root": "/opt/web"}, {"root": "/opt/web"}, 'root "/opt/web"'),
        ({"database": {**REMOTE, "name": "new"}}, {}, {"database": REMOTE}, 'database "new on db.example.com"'),
        ({}, {"database": {"engine": "postgres", "name": "new", "host": "db.example.com"}}, {"database": REMOTE}, 'database "new on db.example.com"'),
        ({}, {"database": {"engine": "postgres", "name": "new", "host": "other.example.com"}}, {"database": REMOTE}, None),
    ],
)  # fmt: skip
def test_a_purge_takes_nothing_of_a_present_site(old, record, new, has):
    """Neither by what the entry says nor by what the record of the host says."""
    sites = {"old": {"state": "absent", "purge": True, **old}, "new": {"domains": ["new.example.com"], **new}}
    told = [f'site "old": key "purge" would take {has} away, which site "new" has; take "purge" out'] if has else []
    assert contract.site_errors(sites, records={"old": record, "new": {"user": "old"}}) == told
    assert contract.site_errors({**sites, "old": {**sites["old"], "purge": False}}, records={"old": record}) == []


def test_a_site_in_the_recorded_root_of_one_that_goes():
    sites = {"old": {"state": "absent", "purge": True}, "new": {"domains": ["new.example.com"], "root": "/opt/web/new"}}
    told = 'site "new": root "/opt/web/new" lies in the root of site "old"; each needs a directory of its own'
    assert contract.site_errors(sites, records={"old": {"root": "/opt/web"}}) == [told]


@pytest.mark.parametrize("keys", [{}, {"state": "present"}])
def test_purge_of_a_present_site(keys):
    assert errors({**keys, "purge": True}) == ['site "blog": key "purge" goes with "state: absent" only']


# The source


def test_a_source_beside_the_inventory(source):
    (source.parent / "inventory").mkdir()
    assert errors({"source": {"path": "../source"}}, inventory_dir=str(source.parent / "inventory")) == []


def test_a_source_that_does_not_exist(tmp_path):
    assert errors({"source": {"path": "blog"}}, inventory_dir=str(tmp_path)) == [
        f'site "blog": key "source": there is no directory {os.path.realpath(tmp_path)}/blog'
    ]


@pytest.mark.parametrize("path", ["~nobody_of_this_name/blog", "b" * 5000, "manage.py/.."])
def test_a_source_that_no_machine_has(path, tmp_path):
    [sentence] = errors({"source": {"path": path}}, inventory_dir=str(tmp_path / "nowhere"))
    assert sentence.startswith(f'site "blog": key "source": there is no directory {os.path.realpath(tmp_path)}/nowhere')


def test_a_source_without_manage_py(source):
    (source / "manage.py").unlink()
    assert errors({"source": {"path": str(source)}}) == [f'site "blog": key "source": there is no manage.py in {source}']


def test_a_source_without_requirements(source):
    (source / "requirements.txt").unlink()
    assert errors({"source": {"path": str(source)}}) == [
        (f'site "blog": key "source": there is no requirements.txt in {source}; add it, or name the file with the key "requirements"')
    ]


def test_requirements_of_another_name(source):
    (source / "requirements.txt").rename(source / "live.txt")
    assert errors({"source": {"path": str(source)}, "requirements": "live.txt"}) == []
    assert errors({"source": {"path": str(source)}}, common={"requirements": "live.txt"}) == []


def test_a_manage_py_that_names_no_settings(source):
    (source / "manage.py").write_text("print()\n", encoding="utf-8")
    assert errors({"source": {"path": str(source)}}) == [f'site "blog": key "settings": {source}/manage.py names no settings module; name it with this key']


def test_settings_that_the_site_names(source):
    (source / "manage.py").write_text("print()\n", encoding="utf-8")
    assert errors({"source": {"path": str(source)}, "settings": "shop.settings"}) == []


def test_fixtures_that_are_there(source):
    (source / "start.json").write_text("[]", encoding="utf-8")
    assert errors({"source": {"path": str(source)}, "fixtures": ["start.json"]}) == []


def test_fixtures_that_are_not_there(source):
    assert errors({"source": {"path": str(source)}, "fixtures": ["start.json"]}) == [
        f'site "blog": key "fixtures": there is no start.json in {source}; add it, or take it out of the list'
    ]


def test_a_source_in_git_that_is_not_checked_out_yet():
    assert errors({"source": {"git": GIT}, "fixtures": ["start.json"]}) == []


def test_a_source_in_git_that_is_checked_out(source):
    checkouts = {"blog": {"path": str(source), "revision": "6f1e"}, "shop": {"path": "/nowhere", "revision": "6f1e"}}
    assert errors({"source": {"git": GIT}}, checkouts=checkouts) == []
    (source / "manage.py").unlink()
    assert errors({"source": {"git": GIT}}, checkouts=checkouts) == [f'site "blog": key "source": there is no manage.py in {source}']


def test_a_project_below_the_top_of_its_source(source):
    (source / "backend").mkdir()
    (source / "manage.py").rename(source / "backend/manage.py")
    for directory in ({}, {"directory": "backend"}):
        assert errors({"source": {"path": str(source), **directory}}) == []
    told = f'site "blog": key "source": there is no manage.py in {source}/front'
    assert errors({"source": {"path": str(source), "directory": "front"}}) == [told]
    fixtures = {"source": {"path": str(source)}, "fixtures": ["start.json"]}
    assert errors(fixtures) == [f'site "blog": key "fixtures": there is no start.json in {source}/backend; add it, or take it out of the list']
    (source / "backend/start.json").write_text("", encoding="utf-8")
    assert errors(fixtures) == []


def test_several_projects_in_a_source(source):
    for name in ("api", "web"):
        (source / name).mkdir()
        shutil.copy(source / "manage.py", source / name)
    (source / "manage.py").unlink()
    given = {"source": {"path": str(source)}}
    assert errors(given) == ['site "blog": key "source": there is a manage.py in api and web; say which with "directory"']
    assert errors({"source": {"path": str(source), "directory": "web"}}) == []


@pytest.mark.parametrize("directory", ["/backend", "../x", "a/../b", "a b", "50%", "", "backend/", 7, None])
def test_a_directory_of_a_source_that_is_none(source, directory):
    told = "must be a directory of the source, relative to its top, of letters, digits, _, - and ., such as backend"
    assert errors({"source": {"path": str(source), "directory": directory}}) == [f'site "blog": key "source": "directory" {told}']


def test_the_directory_of_a_source(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert site_source.source_dir("tatis", "/inventory") == str(site_source.COLLECTION_DIR / "app")
    assert site_source.source_dir({"path": "../blog"}, str(tmp_path / "inventory")) == os.path.realpath(tmp_path / "blog")
    assert site_source.source_dir({"path": "~/blog"}, "/inventory") == "/home/me/blog"


def test_the_directory_of_a_source_in_git():
    assert site_source.source_dir({"git": GIT}, "/inventory") == ""
    assert site_source.source_dir({"git": GIT}, "/inventory", "/cache/blog") == "/cache/blog"
    assert site_source.source_dir({"path": "/home/me/blog"}, "/inventory", "/cache/blog") == "/home/me/blog"


@pytest.mark.parametrize("source", ["", "mlb", None, {}, {"git": "x"}, {"path": 7}])
def test_the_directory_of_no_source(source):
    assert site_source.source_dir(source, "/inventory") == ""


# What holds for every site


@pytest.mark.parametrize("common", [["workers"], "workers", 7, UNDEFINED])
def test_site_common_that_is_no_dict(common):
    assert errors(common=common) == ['"site_common" must be a dict of keys that every site gets']


def test_an_unknown_key_of_site_common():
    assert errors(common={"worker": 2}) == ['site_common: key "worker" is not known; did you mean "workers"?']


@pytest.mark.parametrize("key", ["domains", "source", "state", "purge", "user", "root", "fixtures"])
def test_a_key_of_site_common_that_is_each_sites_own(key):
    assert errors(common={key: "x"}) == [f'site_common: key "{key}" is each site\'s own; give it below the site']


def test_a_key_of_site_common_that_is_each_sites_own_is_one_error():
    sites = {"blog": DOMAINS, "shop": {"domains": ["shop.example.com"]}}
    assert contract.site_errors(sites, common={"user": "web"}) == ['site_common: key "user" is each site\'s own; give it below the site']


def test_a_wrong_value_of_site_common():
    sentence = 'site_common: key "workers" must be a whole number, 1 at least, without quotes'
    assert errors(common={"workers": "2"}) == [sentence]


def test_wrong_requirements_of_site_common(source):
    assert errors({"source": {"path": str(source)}}, common={"requirements": 7}) == [f"site_common: {FILE}"]


def test_an_undefined_value_of_site_common():
    assert errors(common={"environment": {"MAIL_PASSWORD": UNDEFINED}}) == [
        ('site_common: key "environment": variable "MAIL_PASSWORD" refers to something that is not defined; add it to the vault')
    ]


def test_a_site_and_site_common_may_each_give_a_part_of_the_database():
    assert errors({"database": {"password": "kX4-qq"}}, common={"database": {"host": "db.example.com"}}) == []


@pytest.mark.parametrize(
    ("of", "keys"),
    [
        ("SECRET_KEY", {}),
        ("DJANGO_PG_HOST", {}),
        ("DATABASE_URL", {"database": "sqlite"}),
        ("OLD_DATABASE_URL", {"databases": {"old": {}}}),
        ("OWN", {"environment": {"OWN": "1"}}),
    ],
)
def test_a_further_name_of_a_variable_that_the_site_has(of, keys):
    assert errors({"environment_names": {"X": of}, **keys}) == []


@pytest.mark.parametrize(
    ("of", "keys", "near"),
    [
        ("DJANGO_PG_DBNAME", {}, "DJANGO_PG_DB_NAME"),
        ("DJANGO_PG_HOST", {"database": "sqlite"}, "did you mean"),
        ("OLD_DATABASE_URL", {}, "DATABASE_URL"),
    ],
)
def test_a_further_name_of_a_variable_that_the_site_lacks(of, keys, near):
    (said,) = errors({"environment_names": {"X": of}, **keys})
    assert said.startswith(f'site "blog": key "environment_names": variable "X" is to have the value of {of}, which the site does not have; ')
    assert near in said


def test_further_databases_stand_beside_a_first_one():
    told = 'site "blog": key "databases": this site has no first database, beside which these would be; give it one by key "database"'
    assert errors({"database": "none", "databases": {"old": {}}}) == [told]


@pytest.mark.parametrize("key", ["superuser", "fixtures"])
def test_what_a_site_without_a_database_cannot_have(source, key):
    value = {"superuser": ADMIN, "fixtures": ["start.json"]}[key]
    told = f'site "blog": key "{key}": this site has no database; take it out, or give the site one'
    assert errors({key: value}, common={"database": "none"}) == [told]


def test_several_hosts_may_serve_a_site_without_a_database():
    site = {"domains": ["blog.example.com"], "database": "none", "environment": {"DJANGO_SECRET_KEY": "kX4-key"}}
    assert contract.site_errors({"blog": site}, elsewhere=({"blog": site},)) == []


def test_a_site_and_site_common_may_each_give_a_part_of_the_superuser():
    assert errors({"superuser": {"password": "kX4-qq"}}, common={"superuser": {"username": "admin"}}) == []


def test_a_site_and_site_common_may_each_give_a_part_of_a_timer():
    assert errors({"timers": {"poll": {"every": "1min"}}}, common={"timers": {"poll": {"command": "manage.py poll"}}}) == []


def test_site_common_gives_no_password():
    assert errors(common={"database": {"host": "db.example.com"}}) == [
        'site "blog": key "database": "password" is missing; two servers share it, so it comes from the vault'
    ]


# A selection


@pytest.mark.parametrize("only", ["", "blog", "blog,shop", "blog, shop", "blog shop", ",blog,"])
def test_a_selection_of_sites(only):
    assert contract.site_errors({"blog": DOMAINS, "shop": {"domains": ["shop.example.com"]}}, only=only) == []


def test_a_selection_that_no_site_has():
    assert contract.site_errors({"blog": DOMAINS, "shop": {"domains": ["shop.example.com"]}}, only="blog,shpo") == [
        'only: there is no site "shpo"; the sites are blog, shop'
    ]


# Other hosts


def test_another_site_on_another_host():
    assert errors(elsewhere=({"shop": {"domains": ["shop.example.com"]}},)) == []


def test_a_name_that_is_another_site_on_another_host():
    assert errors(elsewhere=({"blog": {"domains": ["blog.example.net"]}},)) == []


def test_a_domain_of_another_site_on_another_host():
    assert errors(elsewhere=({"shop": DOMAINS},)) == [
        'site "blog": domain "blog.example.com" is also claimed by site "shop" on another host; each needs its own'
    ]


@pytest.mark.parametrize("other", [{"shop": {**DOMAINS, "state": "absent"}}, None, "blog", {"blog": None}])
def test_nothing_on_another_host(other):
    assert errors(elsewhere=(other,)) == []


SHARED = {"environment": {"DJANGO_SECRET_KEY": "kX4-qs"}, "database": REMOTE}


def test_a_site_on_several_hosts():
    assert errors(SHARED, elsewhere=({"blog": DOMAINS},)) == []


def test_a_site_on_several_hosts_through_site_common():
    assert errors(common=SHARED, elsewhere=({"blog": DOMAINS},)) == []


def test_a_site_on_several_hosts_in_parts():
    parts = {"environment": {"TZ": "UTC"}, "database": {"name": "web"}}
    assert errors(parts, common=SHARED, elsewhere=({"blog": DOMAINS},)) == []


def test_a_site_on_several_hosts_without_a_secret_key():
    assert errors({**SHARED, "environment": {}}, elsewhere=({"blog": DOMAINS},)) == [
        'site "blog": key "environment": several hosts serve this site, so DJANGO_SECRET_KEY must come from the vault'
    ]


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
def test_a_site_on_several_hosts_without_a_common_database(database):
    assert errors({**SHARED, "database": database}, elsewhere=({"blog": DOMAINS},)) == [
        ('site "blog": key "database": several hosts serve this site, so it needs a database that all reach: {host: HOST, …}')
    ]


# Whatever is given

MARKERS = st.from_regex(r"marker[a-z0-9]{8}", fullmatch=True)
REFUSED = [
    lambda marker: [marker],
    lambda marker: {"value": marker},
    "<{}>".format,
    "changeme{}".format,
    "your-{}".format,
]
REFUSED += ["{}\n".format, "{}\0".format]
PLACES = [
    lambda value: {"environment": value},
    lambda value: {"environment": {"DJANGO_SECRET_KEY": value}},
    lambda value: {"environment": {"GREETING": value}},
    lambda value: {"database": value},
    lambda value: {"database": {"password": value}},
    lambda value: {"database": {**REMOTE, "password": value}},
    lambda value: {"database": {**REMOTE, "port": value}},
    lambda value: {"database": {**REMOTE, "host": [value]}},
    lambda value: {"database": {**REMOTE, "name": [value]}},
    lambda value: {"domains": [[value]]},
    lambda value: {"source": [value]},
    lambda value: {"source": f"https://{value}@git.example.com/blog"},
    lambda value: {"source": {"path": [value]}},
    lambda value: {"source": {"git": [value]}},
    lambda value: {"source": {"git": f"https://{value}:{value}@git.example.com/my blog"}},
    lambda value: {"source": {"git": GIT, "version": [value]}},
    lambda value: {"superuser": value},
    lambda value: {"superuser": {**ADMIN, "username": value}},
    lambda value: {"superuser": {**ADMIN, "password": value}},
    lambda value: {"superuser": {**ADMIN, "email": value}},
    lambda value: {"login_paths": [value]},
    lambda value: {"basic_auth": value},
    lambda value: {"basic_auth": {"ada": value}},
    lambda value: {"fixtures": value},
    lambda value: {"timers": {"poll": value}},
    lambda value: {"timers": {"poll": {**POLL, "command": f"'{value}"}}},
    lambda value: {"timers": {"poll": {**POLL, "every": value}}},
    lambda value: {"daemons": {"worker": {"command": [value]}}},
    lambda value: {"limits": {"memory": value}},
    lambda value: {"user": [value]},
    lambda value: {"root": [value]},
    lambda value: {"settings": value},
    lambda value: {"workers": value},
    lambda value: {"sandbox": value},
    lambda value: {"sandbox": {"level": value}},
    lambda value: {"sandbox": {"allow": [value]}},
    lambda value: {"sandbox": {"writable": [value]}},
    lambda value: {"outbound": [value]},
    lambda value: {"tls": value},
]


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=5)
@given(MARKERS)
def test_no_sentence_shows_a_value(place, marker):
    said = []
    for refused in REFUSED:
        keys = place(refused(marker))
        site = {**DOMAINS, **keys}
        said += errors(keys)
        said += contract.site_errors({"blog": site, "shop": site}, common=keys, elsewhere=({"blog": site, "news": site},))
    assert len(said) > len(REFUSED), "there are sentences to look at"
    assert marker not in "\n".join(said)


WORDS = [
    "tatis",
    "postgres",
    "sqlite",
    "absent",
    "off",
    "blog",
    "blog.example.com",
    "/srv/blog",
    "~none/x",
    "a\0b",
    ".",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.just(UNDEFINED) | st.sampled_from(WORDS) | st.text(max_size=9)
PARTS = [
    *site_keys.KEYS,
    *site_keys.DATABASE_KEYS,
    *site_keys.LIMIT_KEYS,
    *site_keys.SOURCE_KEYS,
    *site_keys.SUPERUSER_KEYS,
    *site_keys.TIMER_KEYS,
    *site_keys.SANDBOX_KEYS,
]
PARTS += [*site_values.RESERVED_VARIABLES, "blog"]
KEYS = st.sampled_from(PARTS) | st.text(max_size=9) | st.integers() | st.none() | st.booleans()
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12)
COMMON = st.dictionaries(st.sampled_from(PARTS), ANYTHING, max_size=4) | ANYTHING
SITES = st.dictionaries(st.sampled_from(["blog", "shop"]), COMMON, max_size=2) | st.dictionaries(KEYS, ANYTHING, max_size=3) | ANYTHING


SOURCES = st.just("tatis") | st.fixed_dictionaries({"path": st.sampled_from(WORDS) | st.text()})
NEARLY = st.builds(
    lambda source, keys: {"blog": {**DOMAINS, "source": source, **keys}},
    SOURCES,
    st.dictionaries(KEYS, ANYTHING, max_size=1),
)


@settings(max_examples=400)
@given(NEARLY | SITES, COMMON, st.lists(SITES, max_size=2))
def test_it_never_raises(sites, common, elsewhere):
    said = contract.site_errors(sites, common=common, inventory_dir="/nowhere", elsewhere=tuple(elsewhere))
    assert all(isinstance(sentence, str) for sentence in said)
