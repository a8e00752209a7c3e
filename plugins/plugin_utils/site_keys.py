# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The keys that a site may have: the schema that the checks, the finished sites and the README share."""

from __future__ import annotations

import copy
from dataclasses import dataclass


@dataclass(frozen=True)
class Undefined:
    """Stands for a value whose template could not be resolved, such as a reference to a vault that lacks the key."""


@dataclass(frozen=True)
class Key:
    """One key of a site: its kind, its documentation, whether a site must have it, and its value in a site that leaves it out.

    `default` is None where there is no such value: the key is required, or its value follows from other keys or from the source.
    """

    kind: str
    description: str
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0
    house_wide: bool = True


KEYS = {
    "domains": Key(
        "names",
        "Host names. The first is canonical, the rest redirect to it. `*.example.com` stands for all names below, which are served as they are.",
        required=True,
        house_wide=False,
    ),
    "source": Key(
        "source",
        "`tatis`, the bundled site; `{path: DIRECTORY}`, relative to the inventory's directory; or `{git: URL, version: NAME}`, a branch, tag or commit,"
        " by default the repository's default branch. Both take `directory`, the one that holds `manage.py`. Default: the top, or the only one below.",
        required=True,
        house_wide=False,
    ),
    "state": Key("choice", "`absent` takes the site away and keeps its data.", default="present", choices=("present", "absent"), house_wide=False),
    "purge": Key("boolean", "With `state: absent`: its data, database and user go, too.", default=False, house_wide=False),
    "environment": Key("environment", "Variables of the site's processes, by name. Texts and whole numbers.", default={}),
    "database": Key(
        "database",
        "`postgres`, on this server; `sqlite`, a file under `var/`; `none`; or `{host, port, name, user, password}`, another server.",
        default="postgres",
    ),
    "databases": Key(
        "databases",
        "Further databases beside the first, by their alias in DATABASES: `{analytics: {}}`, on the same server and of the same user. The variable"
        " `ANALYTICS_DATABASE_URL` leads there. `name` is the database's; default: the name of the first, `_` and the alias. Each is migrated.",
        default={},
        house_wide=False,
    ),
    "user": Key("user", "The system user that the site runs as. Default: the site's name.", house_wide=False),
    "root": Key("root", "The site's directory. Default: `/srv/` and the site's name.", house_wide=False),
    "settings": Key(
        "module",
        "Django's settings module. Default: the one that `wsgi.py`, `asgi.py` or `manage.py` names, in this order; where that is a developer's, such as"
        " `local`, and `production` or `prod` lies beside it, that one.",
    ),
    "settings_left": Key(
        "settings",
        "Settings that stay as the project has them, by name, such as `[ALLOWED_HOSTS]`; `[all]` are all. A release whose DEBUG is on, or whose secret key"
        " is not the site's, is refused all the same.",
        default=[],
    ),
    "environment_names": Key(
        "variables",
        "Further names of variables, with the variable that each takes its value from: `{DB_NAME: DJANGO_PG_DB_NAME}`.",
        default={},
    ),
    "wsgi": Key("module", "The WSGI module, with `:name` unless `application`. Default: the `wsgi.py` beside the settings, or in a package around them."),
    "requirements": Key("file", "The requirements file, relative to the source, or else to the directory of `manage.py`.", default="requirements.txt"),
    "workers": Key("number", "Processes of gunicorn.", default=2, minimum=1),
    "threads": Key("number", "Threads of each process.", default=4, minimum=1),
    "timeout": Key("number", "Seconds after which a silent worker is replaced, and that a stop waits for.", default=30, minimum=1),
    "health_path": Key(
        "path",
        "Asked before a release goes live, with the redirects that stay on the site. A status of 400 or more at their end refuses the release; at the"
        " default path, 401 and 403 do not, since they are a private site's.",
        default="/",
    ),
    "health_timeout": Key("number", "Seconds that a new release has to answer its health path.", default=60, minimum=1),
    "deploy_timeout": Key(
        "number",
        "Seconds that each command of a deploy may take, such as installing packages, `collectstatic` or `migrate`. One that takes longer is ended.",
        default=1800,
        minimum=1,
    ),
    "static_url": Key("path", "Where nginx serves the static files. Default: STATIC_URL, if the settings write it as a text, or else `/static/`."),
    "media_url": Key("path", "Where nginx serves uploads. Default: MEDIA_URL, if the settings write it as a text, or else `/media/`."),
    "login_paths": Key("paths", "Where visitors log in: who posts there too often waits.", default=["/admin/login/", "/accounts/login/", "/login/"]),
    "basic_auth": Key(
        "users",
        "`{name: password}` of those who may see the site at all, for one that is not public yet. The passwords come from the vault."
        " The health path stays open, unless it is `/`.",
        default={},
    ),
    "releases_kept": Key("number", "Releases that stay on the server, the live one included.", default=5, minimum=2),
    "superuser": Key(
        "superuser",
        "`{username, password, email}`, made with the first release and never changed. The password comes from the vault; `email` may be left out. Further keys"
        " are fields of the user model (`first_name`). `username` is what the model knows its users by, unless a key of that field's name is given.",
        default={},
    ),
    "fixtures": Key("files", "Files that the first release loads into its database, relative to the directory of `manage.py`.", default=[], house_wide=False),
    "timers": Key(
        "timers",
        "Commands to run again and again, by name: `{command, every, timeout}` or `{command, calendar, timeout}`. `every` is a time span (`1h 30min`),"
        " `calendar` a calendar expression of systemd (`*-*-* 04:00`), and `timeout` the seconds after which a run is ended (3600).",
        default={},
    ),
    "daemons": Key(
        "daemons", "Commands that keep running beside the site, by name: `{command}`. A first word without `/` is a program of the site's own.", default={}
    ),
    "limits": Key(
        "limits",
        "What each process group of the site may use, which is a release, a timer, a daemon or a command: `memory` (`512M`) and `tasks`. Two releases and"
        " the daemons bound the site as a whole, whose share of a busy processor is `cpu_weight` (1 to 10000).",
        default={"memory": "512M", "tasks": 256, "cpu_weight": 100},
    ),
    "sandbox": Key(
        "sandbox",
        "How much the site's processes may ask of the system: `strict`; `standard`, with executable memory and scheduling; `off`, user and limits alone;"
        " or `{level, allow, writable}`. `allow` lists what else they may: `executable_memory`, `scheduling`, `ownership`, `namespaces`, `netlink`."
        " `writable` lists directories beside `media/` and `var/`, and the directory in `/run` of a service whose socket the site needs (`/run/redis`).",
        default="strict",
    ),
    "outbound": Key(
        "outbound",
        "What the site's processes reach over IP: `public`, the internet, but no private network and not this server itself; `any`; addresses; networks."
        " `[]` is nothing. The address of the site's database and the name servers are added.",
        default=["public"],
    ),
    "tls": Key(
        "choice",
        "`acme`: a certificate of Let's Encrypt or another ACME server, self-signed until the names lead here; `self-signed`; `own`, the one of"
        " `certificate`; or `off`, plain HTTP.",
        default="acme",
        choices=("acme", "self-signed", "own", "off"),
    ),
    "certificate": Key(
        "certificate", "With `tls: own`: `{cert, key}`, both the text of a PEM file, with the chain in `cert`. The key comes from the vault.", default={}
    ),
}

# The variables that role environment gives every site, and those of a site on PostgreSQL.
VARIABLES = (
    "DEBUG",
    "DJANGO_ALLOWED_HOSTS",
    "DJANGO_CSRF_TRUSTED_ORIGINS",
    "DJANGO_DEBUG",
    "DJANGO_MEDIA_ROOT",
    "DJANGO_MEDIA_URL",
    "DJANGO_SECRET_KEY",
    "DJANGO_SECURE",
    "DJANGO_STATE_DIR",
    "DJANGO_STATIC_URL",
    "SECRET_KEY",
)
POSTGRES_VARIABLES = ("DJANGO_PG_DB_NAME", "DJANGO_PG_HOST", "DJANGO_PG_PASSWORD", "DJANGO_PG_PORT", "DJANGO_PG_USER_NAME")
HOUSE_WIDE = [name for name, spec in KEYS.items() if spec.house_wide]
DATABASE_KEYS = ("host", "port", "name", "user", "password")
FURTHER_DATABASE_KEYS = ("name",)
SOURCE_KEYS = ("path", "git", "version", "directory")
SUPERUSER_KEYS = ("username", "password", "email")
TIMER_KEYS = ("command", "every", "calendar", "timeout")
DAEMON_KEYS = ("command",)
CERTIFICATE_KEYS = ("cert", "key")
LIMIT_KEYS = ("memory", "tasks", "cpu_weight")
SANDBOX_KEYS = ("level", "allow", "writable")
SANDBOX_LEVELS = ("strict", "standard", "off")
SANDBOX_SWITCHES = ("executable_memory", "scheduling", "ownership", "namespaces", "netlink")


def defaults() -> dict[str, object]:
    """A new dict of what a site has that gives no keys."""
    return {name: copy.deepcopy(key.default) for name, key in KEYS.items() if key.default is not None}
