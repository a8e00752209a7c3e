"""The settings of a release: what the overlay makes of a project's own, each in a process of its own as Django loads it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from house import ROOT

OVERLAY = ROOT / "roles/django/files/settings"
KEY = "the site's key, made by the server, of 50 characters"
PUBLIC = "django-insecure-a-key-that-stands-in-public-git-0123"
DATABASE_URL = "postgres:///blog"
SERVER = {
    "DJANGO_SETTINGS_MODULE": "shortstop_settings",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(OVERLAY),
    "SHORTSTOP_SETTINGS": "mysite.settings",
    "SHORTSTOP_DATABASES": "default",
    "DATABASE_URL": DATABASE_URL,
    "DEBUG": "0",
    "SECRET_KEY": KEY,
    "DJANGO_ALLOWED_HOSTS": "blog.example.com,.blog.example.net",
    "DJANGO_CSRF_TRUSTED_ORIGINS": "https://blog.example.com",
    "DJANGO_DEBUG": "0",
    "DJANGO_MEDIA_ROOT": "/srv/blog/media",
    "DJANGO_MEDIA_URL": "/media/",
    "DJANGO_PG_DB_NAME": "blog",
    "DJANGO_PG_HOST": "",
    "DJANGO_PG_PASSWORD": "",
    "DJANGO_PG_PORT": "",
    "DJANGO_PG_USER_NAME": "blog",
    "DJANGO_SECRET_KEY": KEY,
    "DJANGO_SECURE": "1",
    "DJANGO_STATIC_ROOT": "/srv/blog/releases/1/static",
    "DJANGO_STATIC_URL": "/static/",
}
# What a project has that leaves the overlay nothing to do.
READS = """
import os

ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = os.environ["DJANGO_SECURE"] == "1"
CSRF_TRUSTED_ORIGINS = os.environ["DJANGO_CSRF_TRUSTED_ORIGINS"].split(",")
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["DJANGO_PG_DB_NAME"], "USER": os.environ["DJANGO_PG_USER_NAME"]}}
DEBUG = os.environ["DJANGO_DEBUG"] == "1"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"]},
}
MEDIA_ROOT = os.environ["DJANGO_MEDIA_ROOT"]
MEDIA_URL = "/media/"
ROOT_URLCONF = "mysite.urls"
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
STATIC_ROOT = os.environ["DJANGO_STATIC_ROOT"]
STATIC_URL = "static/"
"""
ASK = """
import json, os

if os.environ.get("DJANGO_CONFIGURATION"):
    import configurations

    configurations.setup()
else:
    import django

    django.setup()
from django.conf import settings
from shortstop_overlay import gate, load

names = [name for name in dir(settings) if name.isupper()]
print("answer " + json.dumps({
    "told": load.loaded().told if load.loaded() else None,
    "refused": gate.refusals(),
    "settings": {name: getattr(settings, name) for name in names},
}, default=str))
"""


@dataclass
class Answer:
    told: list[str]
    refused: list[str]
    settings: dict


@pytest.fixture
def load(tmp_path):
    """Load a project's settings on the server. Files are named relative to the project, the settings `mysite/settings.py`."""

    def run(settings: str, files: dict[str, str] | None = None, **variables: str) -> subprocess.CompletedProcess:
        files = {"mysite/__init__.py": "", **({"mysite/settings.py": settings} if settings else {}), **(files or {})}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return subprocess.run([sys.executable, "-c", ASK], cwd=tmp_path, env={**SERVER, **variables}, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def ask(load):
    def run(settings: str, files: dict[str, str] | None = None, **variables: str) -> Answer:
        done = load(settings, files, **variables)
        lines = [line for line in done.stdout.splitlines() if line.startswith("answer ")]
        assert lines, done.stderr
        return Answer(**json.loads(lines[-1].removeprefix("answer ")))

    return run


def test_a_project_that_reads_our_variables_is_left_as_it_is(ask):
    answer = ask(READS)
    assert answer.told == []
    assert answer.refused == []


# Lines of a project's settings after those above, and what is told of them.
TOLD = [
    ("DEBUG = True", ["DEBUG: True, here False"]),
    ('DEBUG = bool(os.environ.get("DEBUG", False))', ["DEBUG: True, here False"]),
    ("DEBUG = True\nDEBUG = False", []),
    (f"SECRET_KEY = {PUBLIC!r}", ["SECRET_KEY: the project has its own, here the site's"]),
    (f"SECRET_KEY = {PUBLIC!r}.encode()", ["SECRET_KEY: the project has its own, here the site's"]),
    (f"SECRET_KEY = {PUBLIC!r}\nSECRET_KEY = os.environ['SECRET_KEY']", []),
    ('SECRET_KEY_FALLBACKS = ["one of public git"]', ["SECRET_KEY_FALLBACKS: the project has its own, here the site's"]),
    ("ALLOWED_HOSTS = ['*']", ["ALLOWED_HOSTS: ['*'], here ['blog.example.com', '.blog.example.net']"]),
    ("ALLOWED_HOSTS = 'blog.example.com'", ["ALLOWED_HOSTS: 'blog.example.com', here ['blog.example.com', '.blog.example.net']"]),
    ("ALLOWED_HOSTS = ['.example.com', '.blog.example.net', 'intranet']", []),
    ("ALLOWED_HOSTS = []\nALLOWED_HOSTS += ['x']", ["ALLOWED_HOSTS: [], here ['blog.example.com', '.blog.example.net', 'x']"]),
    ("CSRF_TRUSTED_ORIGINS = ''.split(',')", ["CSRF_TRUSTED_ORIGINS: [''], here ['https://blog.example.com']"]),
    ("CSRF_TRUSTED_ORIGINS = ['https://a.example.com', 'https://blog.example.com']", []),
    ("STATIC_ROOT = '/tmp/static'", ["STATIC_ROOT: '/tmp/static', here the release's"]),
    ("from pathlib import Path\nMEDIA_ROOT = Path('/x/media')", ["MEDIA_ROOT: /x/media, here /srv/blog/media"]),
    ("del MEDIA_ROOT", ["MEDIA_ROOT: not set, here '/srv/blog/media'"]),
    ("STATIC_URL = '/assets/'", ["STATIC_URL: '/assets/', here '/static/'"]),
    ("STATIC_URL = 'https://cdn.example.com/'\nMEDIA_URL = '//cdn.example.com/media/'", []),
    ("SECURE_PROXY_SSL_HEADER = ('HTTP_X_SCHEME', 'https')", ["SECURE_PROXY_SSL_HEADER: ('HTTP_X_SCHEME', 'https'), here ('HTTP_X_FORWARDED_PROTO', 'https')"]),
    ("SESSION_COOKIE_SECURE = False", ["SESSION_COOKIE_SECURE: False, here True"]),
    ("SESSION_COOKIE_DOMAIN = 'other.example.org'", ["SESSION_COOKIE_DOMAIN: 'other.example.org', here None"]),
    ("SESSION_COOKIE_DOMAIN = '.example.com'\nCSRF_COOKIE_DOMAIN = 'blog.example.com'", []),
    ("LOGGING = {}", ["LOGGING: errors of django.request and django.security reach nothing but mail, here standard error, too"]),
    (
        "LOGGING = {'version': 1, 'handlers': {'mail': {'class': 'django.utils.log.AdminEmailHandler'}}, 'root': {'handlers': ['mail'], 'level': 'ERROR'}}",
        [
            "LOGGING: django.request off by disable_existing_loggers, here on",
            "LOGGING: errors of django.request and django.security reach nothing but mail, here standard error, too",
        ],
    ),
    ("LOGGING_CONFIG = None", []),
    (
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3', 'OPTIONS': {'timeout': 20}}}",
        ["DATABASES['default']: the site's NAME, ENGINE django.db.backends.postgresql"],
    ),
    (
        "DATABASES['default']['OPTIONS'] = {'service': 'mine', 'sslmode': 'require', 'options': '-c statement_timeout=5s'}",
        ["DATABASES['default']: the site's OPTIONS without service, sslmode"],
    ),
    (
        "DATABASES['legacy'] = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'legacy.sqlite3'}",
        ["DATABASES['legacy']: is not a database of this site, and stays; key \"databases\" makes one"],
    ),
    ("DATABASES = {}", []),
    (
        "STORAGES = {'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage', 'OPTIONS': {'location': '/x', 'base_url': '/m/'}},"
        " 'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'}}\nMEDIA_ROOT = '/x'",
        ["MEDIA_ROOT: '/x', here '/srv/blog/media'", "STORAGES['default']: location '/x', here MEDIA_ROOT"],
    ),
]


@pytest.mark.parametrize(("lines", "told"), TOLD)
def test_what_is_changed_is_told_exactly_and_without_secrets(ask, lines, told):
    answer = ask(f"{READS}\n{lines}\n")
    assert answer.told == told
    assert answer.refused == []
    assert answer.settings["DEBUG"] is False
    assert answer.settings["SECRET_KEY"] in (KEY, str(KEY.encode()))
    assert "*" not in answer.settings["ALLOWED_HOSTS"]
    text = "\n".join(answer.told)
    assert not any(secret in text for secret in (KEY, PUBLIC, "public git", "'pw'"))


def test_a_setting_that_the_operator_leaves_is_the_project_s(ask):
    answer = ask(f"{READS}\nALLOWED_HOSTS = ['*']\nMEDIA_ROOT = '/x'", SHORTSTOP_SETTINGS_LEFT="ALLOWED_HOSTS,MEDIA_ROOT")
    assert answer.settings["ALLOWED_HOSTS"] == ["*"]
    assert answer.settings["MEDIA_ROOT"] == "/x"
    assert answer.told == []


def test_the_gate_holds_even_where_all_settings_are_left(ask):
    answer = ask(f"{READS}\nDEBUG = True\nSECRET_KEY = {PUBLIC!r}\nALLOWED_HOSTS = ['*']\nMEDIA_URL = '/m/'", SHORTSTOP_SETTINGS_LEFT="all")
    assert answer.told == []
    assert answer.settings["ALLOWED_HOSTS"] == ["*"]
    assert answer.settings["MEDIA_URL"] == "/m/"
    assert [sentence.split()[0] for sentence in answer.refused] == ["DEBUG", "SECRET_KEY"]


@pytest.mark.parametrize(
    "lines",
    ["globals().update(DEBUG=True)", "import sys\nsetattr(sys.modules[__name__], 'DEBUG', True)", "def on():\n    global DEBUG\n    DEBUG = True\n\n\non()"],
)
def test_what_turns_debug_on_past_the_pins_is_refused(ask, lines):
    answer = ask(f"{READS}\n{lines}\nif DEBUG:\n    ROOT_URLCONF = 'debug'\n")
    assert answer.refused == ["DEBUG is on; assign it in the settings module by its name, where it is set to False here, and nowhere else"]


def test_settings_that_are_computed_from_the_pinned_ones_are_right(ask):
    answer = ask(f"""{READS}
import hashlib

DEBUG = True
SECRET_KEY = {PUBLIC!r}
SIGNING_KEY = SECRET_KEY
DERIVED_KEY = hashlib.sha256(SECRET_KEY.encode()).hexdigest()
APPS = ["debug_toolbar"] if DEBUG else []
if DEBUG:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    ALLOWED_HOSTS = ["*"]
MEDIA_ROOT = "media"
THUMBNAILS = MEDIA_ROOT + "/thumbnails"
""")
    import hashlib

    assert answer.settings["SIGNING_KEY"] == KEY
    assert answer.settings["DERIVED_KEY"] == hashlib.sha256(KEY.encode()).hexdigest()
    assert answer.settings["APPS"] == []
    assert answer.settings["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert answer.settings["THUMBNAILS"] == "/srv/blog/media/thumbnails"


def test_a_copy_of_the_source_s_key_becomes_the_site_s(ask):
    files = {"mysite/keys.py": f"KEY = {PUBLIC!r}"}
    answer = ask(f"{READS}\nfrom .keys import KEY\n\nSECRET_KEY = KEY\nJWT = {{'signing': ['x', KEY]}}", files)
    assert answer.settings["JWT"] == {"signing": ["x", KEY]}
    assert answer.told == [
        "SECRET_KEY: the project has its own, here the site's",
        "KEY: holds the project's own SECRET_KEY, here the site's",
        "JWT: holds the project's own SECRET_KEY, here the site's",
    ]
    assert answer.refused == []


def test_a_part_of_the_source_s_key_in_another_setting_is_refused(ask):
    answer = ask(f"{READS}\nKEY = {PUBLIC!r}\nSALT = KEY[:20]\nCOOKIES = {{'signed': 'salt:' + KEY}}\nSECRET_KEY = KEY")
    assert answer.refused == [
        f"{path} holds the SECRET_KEY of the source; let it be made from SECRET_KEY in the settings module, after that is assigned"
        for path in ("COOKIES['signed']", "SALT")
    ]


@pytest.mark.parametrize(
    ("lines", "variables"),
    [
        ('SECRET_KEY = os.environ["APP_SECRET"]', {"APP_SECRET": "the operator's own, of many characters"}),
        ('SECRET_KEY = os.environ["APP_SECRETS"].split(",")[0]', {"APP_SECRETS": "the operator's own, of many characters".replace(",", "") + ",older"}),
    ],
)
def test_a_key_that_the_operator_gives_stays(ask, lines, variables):
    answer = ask(f"{READS}\n{lines}", **variables)
    assert answer.settings["SECRET_KEY"].startswith("the operator's own")
    assert answer.refused == answer.told == []


def test_a_key_out_of_a_file_of_variables_in_the_source_is_not_the_operator_s(ask):
    """Such a file may be public, too."""
    lines = 'import environ\n\nenvironment = environ.Env()\nenvironment.read_env("mysite/variables")\nSECRET_KEY = environment("APP_" + "SECRET")'
    answer = ask(f"{READS}\n{lines}", {"mysite/variables": f"APP_SECRET={PUBLIC}"})
    assert answer.settings["SECRET_KEY"] == KEY
    assert answer.told == ["SECRET_KEY: the project has its own, here the site's"]


def test_the_keys_before_the_site_s_stay_good(ask):
    assert ask(READS, DJANGO_SECRET_KEY_FALLBACKS="one before,another").settings["SECRET_KEY_FALLBACKS"] == ["one before", "another"]
    lines = 'SECRET_KEY_FALLBACKS = [os.environ["OLD_KEY"], "one of public git"]'
    assert ask(f"{READS}\n{lines}", OLD_KEY="the operator's older").settings["SECRET_KEY_FALLBACKS"] == ["the operator's older"]


# Settings of the same meaning in the ways that projects write them: files by name, and variables.
HABITS = {
    "a package with a chain of star imports": (
        {
            "mysite/settings/__init__.py": "",
            "mysite/settings/base.py": f"DEBUG = True\nSECRET_KEY = {PUBLIC!r}\nALLOWED_HOSTS = []\nFROM_DEBUG = DEBUG",
            "mysite/settings/common.py": "from .base import *\n\nDEBUG = True",
            "mysite/settings/production.py": "from mysite.settings.common import *\n\nSIGNING = SECRET_KEY",
        },
        {"SHORTSTOP_SETTINGS": "mysite.settings.production"},
    ),
    "names that are imported": (
        {
            "mysite/settings.py": "from .conf import DEBUG, SECRET_KEY\n\nFROM_DEBUG = DEBUG\nSIGNING = SECRET_KEY",
            "mysite/conf.py": f"DEBUG = True\nSECRET_KEY = {PUBLIC!r}",
        },
        {},
    ),
    "a file that is executed": (
        {
            "mysite/settings.py": f"SECRET_KEY = {PUBLIC!r}\nexec(open('mysite/local').read())\n"
            "exec(open('mysite/more').read(), globals())\nFROM_DEBUG = DEBUG",
            "mysite/local": "DEBUG = True",
            "mysite/more": "SIGNING = SECRET_KEY",
        },
        {},
    ),
    "django-split-settings": (
        {
            "mysite/settings/__init__.py": "from split_settings.tools import include\n\ninclude('parts/*.py')",
            "mysite/settings/parts/a.py": f"DEBUG = True\nSECRET_KEY = {PUBLIC!r}",
            "mysite/settings/parts/b.py": "FROM_DEBUG = DEBUG\nSIGNING = SECRET_KEY",
        },
        {},
    ),
    "django-environ": (
        {
            "mysite/settings.py": "import environ\n\nenv = environ.Env(DEBUG=(bool, True))\nDEBUG = env('APP_DEBUG', default=True)\nFROM_DEBUG = DEBUG\n"
            "SECRET_KEY = env('APP_SECRET')\nSIGNING = SECRET_KEY\nDATABASES = {'default': env.db('APP_DATABASE')}"
        },
        {},
    ),
    "python-decouple": (
        {
            "mysite/settings.py": "from decouple import config\n\nDEBUG = config('APP_DEBUG', default=True, cast=bool)\nFROM_DEBUG = DEBUG\n"
            "SECRET_KEY = config('APP_SECRET')\nSIGNING = SECRET_KEY\n"
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': config('DB_NAME'), 'USER': config('DB_USER')}}"
        },
        {},
    ),
    "pydantic": (
        {
            "mysite/settings.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    debug: bool = True\n    secret_key: str\n"
            "    database_url: str\n\n\nown = Settings()\nDEBUG = own.debug\nFROM_DEBUG = DEBUG\nSECRET_KEY = own.secret_key\nSIGNING = SECRET_KEY"
        },
        {},
    ),
    "django-configurations": (
        {
            "mysite/settings.py": f"from configurations import Configuration, values\n\n\nclass Base(Configuration):\n    DEBUG = values.BooleanValue(True)\n"
            f"    SECRET_KEY = {PUBLIC!r}\n    SIGNING = SECRET_KEY\n    FROM_DEBUG = False if DEBUG is False else True\n\n\n"
            "class Production(Base):\n    ALLOWED_HOSTS = ['*']\n\n\nclass Dev(Base):\n    DEBUG = True\n"
        },
        {"DJANGO_CONFIGURATION": "Production"},
    ),
    "dynaconf": (
        {
            "mysite/settings.py": "FROM_DEBUG = False\nSECRET_KEY = 'x'\nimport dynaconf\n\nsettings = dynaconf.DjangoDynaconf(__name__, environments=False)",
            "mysite/settings.toml": "ALLOWED_HOSTS = ['*']\nSIGNING = '@format {this.SECRET_KEY}'\nMEDIA_ROOT = '/x'",
        },
        {},
    ),
    "dynaconf with variables of its own": (
        {
            "mysite/settings.py": "FROM_DEBUG = False\nimport dynaconf\n\n"
            "settings = dynaconf.DjangoDynaconf(__name__, environments=False, envvar_prefix='APP')",
            "mysite/settings.toml": f"DEBUG = true\nSECRET_KEY = '{PUBLIC}'\nSIGNING = '@format {{this.SECRET_KEY}}'",
        },
        {},
    ),
    "a secret key out of a function, with its name as its argument": (
        {
            "mysite/settings.py": "import os\n\n\ndef need(name):\n    return os.environ[name]\n\n\nDEBUG = True\nFROM_DEBUG = DEBUG\n"
            "SECRET_KEY = need('APP_SECRET')\nSIGNING = SECRET_KEY"
        },
        {},
    ),
    "settings that something imported before": (
        {
            "mysite/__init__.py": "import mysite.settings",
            "mysite/settings.py": f"DEBUG = True\nFROM_DEBUG = DEBUG\nSECRET_KEY = {PUBLIC!r}\nSIGNING = SECRET_KEY",
        },
        {},
    ),
}


@pytest.mark.parametrize("habit", HABITS)
def test_each_way_of_writing_settings_ends_as_the_server_wants_it(ask, habit):
    files, variables = HABITS[habit]
    answer = ask("", files, **variables)
    # These are no whole settings.
    assert [sentence for sentence in answer.refused if "ROOT_URLCONF" not in sentence] == []
    assert answer.settings["DEBUG"] in (False, 0)
    assert answer.settings["FROM_DEBUG"] is False
    assert answer.settings["SECRET_KEY"] == answer.settings["SIGNING"] == KEY
    assert answer.settings["ALLOWED_HOSTS"] == ["blog.example.com", ".blog.example.net"]
    assert answer.settings["MEDIA_ROOT"] == "/srv/blog/media"
    if "DATABASES" in files.get("mysite/settings.py", ""):
        assert answer.settings["DATABASES"]["default"]["NAME"] == "blog"


TORTURE = ROOT / "tests/unit/torture.py"
NAMESPACE = """
import importlib, json, sys
from types import FunctionType, ModuleType

sys.path.insert(0, ".")
if sys.argv[1] == "pinned":
    from shortstop_overlay.pins import Pins
    from shortstop_overlay.wanted import Wanted

    pins = Pins(Wanted("torture", secret_key="pinned", hosts=("h",), static_root="/s", media_root="/m"))
    with pins.hold():
        module = importlib.import_module("torture")
else:
    module = importlib.import_module("torture")
skipped = ("__builtins__", "__cached__", "__loader__", "__spec__")
named = (FunctionType, ModuleType, type)
shown = {name: value.__name__ if isinstance(value, named) else repr(value) for name, value in vars(module).items() if name not in skipped}
print(json.dumps(shown))
"""


def interpreter(version: str) -> str:
    """A Python of this version, on the path or among pyenv's."""
    found = [*filter(None, [shutil.which(f"python{version}")]), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    working = [python for python in found if subprocess.run([python, "-c", ""], cwd="/", check=False, capture_output=True).returncode == 0]
    return working[0] if working else pytest.skip(f"there is no Python {version} on this machine")


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_a_settings_module_has_the_names_of_a_plain_import_but_for_the_pinned_ones(tmp_path, version):
    """A file with most of what a module may do at its top."""
    python = interpreter(version)
    (tmp_path / "torture.py").write_text(TORTURE.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "other.py").write_text("IMPORTED = 1\nDEBUG = True\n", encoding="utf-8")

    def names(how: str) -> dict[str, str]:
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(OVERLAY), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([python, "-c", NAMESPACE, how], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    plain, pinned = names("plain"), names("pinned")
    assert list(pinned) == list(plain)
    assert len(plain) > 50
    assert {name: pinned[name] for name in plain if pinned[name] != plain[name]} == {
        "DEBUG": "False",
        "SECRET_KEY": "'pinned'",
        "ALLOWED_HOSTS": "['h', 'more']",
        "STATIC_ROOT": "PosixPath('/s')",
        "MEDIA_ROOT": "'/m'",
        "FROM_DEBUG": "[]",
        "FROM_KEY": "'pinned!'",
        "SEEN_BY_A_FUNCTION": "(False, 'pinned')",
        "SEEN_BY_A_CLASS": "False",
        "SEEN_BY_A_COMPREHENSION": "[False]",
        "SEEN_IN_LOCALS": "False",
    }


@pytest.mark.parametrize("habit", [habit for habit in HABITS if habit.startswith("dynaconf")])
def test_what_had_django_s_settings_before_dynaconf_s_sees_the_same(load, habit):
    """Django's handler of exceptions has them before, and shows a page with all settings where DEBUG is on."""
    files, variables = HABITS[habit]
    early = "import atexit\nfrom django.core.handlers.exception import settings as early\n"
    early += "atexit.register(lambda: print('seen:', bool(early.DEBUG), early.SECRET_KEY))\n"
    done = load("", {**files, "mysite/settings.py": f"{early}DEBUG = True\n{files['mysite/settings.py']}"}, **variables)
    assert f"seen: False {KEY}" in done.stdout


def test_the_class_of_settings_in_use_decides_what_is_told(ask):
    files, variables = HABITS["django-configurations"]
    assert ask("", files, **variables).told[:3] == [
        "DEBUG: a BooleanValue, here False",
        "SECRET_KEY: the project has its own, here the site's",
        "ALLOWED_HOSTS: ['*'], here ['blog.example.com', '.blog.example.net']",
    ]


@pytest.mark.parametrize(
    ("lines", "variable"),
    [
        ('X = os.environ["API_KEY"]', "API_KEY"),
        ("import environ\nX = environ.Env()('API_KEY')", "API_KEY"),
        ("from decouple import config\nX = config('API_KEY')", "API_KEY"),
        ("from environs import Env\nX = Env().str('API_KEY')", "API_KEY"),
        ("from pydantic_settings import BaseSettings\n\n\nclass S(BaseSettings):\n    api_key: str\n\n\nS()", "API_KEY"),
    ],
)
def test_a_variable_that_is_missing_is_named(load, lines, variable):
    done = load(f"{READS}\n{lines}")
    assert done.returncode != 0
    assert (
        f'the settings mysite.settings read a variable {variable}, which this site does not have; give it in "environment", or let'
        f' "environment_names: {{{variable}: …}}" take its value from another'
    ) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("lines", ["{}['API_KEY']", "raise ValueError('Set the API')"])
def test_another_error_of_the_settings_is_shown_as_it_is(load, lines):
    done = load(f"{READS}\n{lines}")
    assert done.stderr.splitlines()[-1] in ("KeyError: 'API_KEY'", "ValueError: Set the API")


def test_lent_variables_are_gone_after_the_load(ask):
    answer = ask(f'{READS}\nSECRET_KEY = os.environ["APP_SECRET"]\nprint(os.environ["APP_SECRET"])')
    assert answer.settings["SECRET_KEY"] == KEY
    done = f"{READS}\nSECRET_KEY = os.environ['APP_SECRET']\nimport atexit\natexit.register(lambda: print('lent:', 'APP_SECRET' in os.environ))"
    assert ask(done).settings["SECRET_KEY"] == KEY


@pytest.mark.parametrize(
    "lines",
    [
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['OWN_NAME'], 'USER': os.environ['OWN_USER']}}",
        "DATABASES['default'] = {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['OWN_NAME']}",
        "DATABASES['default']['NAME'] = os.environ['OWN_NAME']",
        "import dj_database_url\nDATABASES['default'] = dj_database_url.parse(os.environ['OWN_URL'])",
        "import environ\nDATABASES: dict = {'default': environ.Env().db('OWN_URL')}",
        "own = os.environ['OWN_NAME']\nentry = {'ENGINE': 'django.db.backends.postgresql', 'NAME': own}\nDATABASES = {'default': entry}",
        "DATABASES = {'default': {'ENGINE': os.environ['OWN_ENGINE'], 'NAME': os.environ['OWN_NAME']}}",
        "import environ\nenv = environ.Env()\n"
        "DATABASES = {'default': {'ENGINE': env('OWN_ENGINE', default='django.db.backends.mysql'), 'NAME': env('OWN_NAME')}}",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['OWN_NAME'], 'PORT': int(os.getenv('OWN_PORT', 5432))}}",
    ],
)
def test_variables_of_the_database_are_lent(ask, lines):
    answer = ask(f"{READS}\n{lines}")
    assert answer.settings["DATABASES"]["default"]["NAME"] == "blog"
    assert answer.told == answer.refused == []


def test_an_engine_s_default_that_fits_stays(ask):
    lines = "import environ\nDATABASES['default']['ENGINE'] = environ.Env()('OWN_ENGINE', default='psqlextra.backend')\nENGINE = DATABASES['default']['ENGINE']"
    done = ask(f"{READS}\n{lines}\nDATABASES = {{}}")
    assert done.settings["ENGINE"] == "psqlextra.backend"


@pytest.mark.parametrize("engine", [None, "", "django.db.backends."])
def test_a_database_without_an_engine_is_the_site_s(ask, engine):
    answer = ask(f"{READS}\nDATABASES = {{'default': {{'ENGINE': {engine!r}, 'NAME': 'x'}}}}")
    assert answer.settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert answer.told == ["DATABASES['default']: the site's NAME, ENGINE django.db.backends.postgresql"]


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("import environ\nALLOWED_HOSTS = environ.Env().list('HOSTS')", "ALLOWED_HOSTS", ["blog.example.com", ".blog.example.net"]),
        ("from decouple import config, Csv\nALLOWED_HOSTS = config('HOSTS', cast=Csv())", "ALLOWED_HOSTS", ["blog.example.com", ".blog.example.net"]),
        ("ALLOWED_HOSTS = os.getenv('HOSTS').split(',')", "ALLOWED_HOSTS", ["blog.example.com", ".blog.example.net"]),
        ("CSRF_TRUSTED_ORIGINS = os.environ['ORIGINS'].split(',')", "CSRF_TRUSTED_ORIGINS", ["https://blog.example.com"]),
        ("DEBUG = bool(int(os.environ['APP_DEBUG']))", "DEBUG", False),
        ("STATIC_ROOT = os.environ['APP_STATIC']\nMEDIA_ROOT = os.environ['APP_MEDIA']", "MEDIA_ROOT", "/srv/blog/media"),
        ("key = os.environ['APP_KEY']\nSECRET_KEY = key", "SECRET_KEY", KEY),
    ],
)
def test_variables_of_what_the_server_knows_are_lent(ask, lines, name, value):
    answer = ask(f"{READS}\n{lines}")
    assert answer.settings[name] == value
    assert answer.told == answer.refused == []


def test_loans_reach_what_is_imported_and_executed(ask):
    files = {
        "mysite/settings/__init__.py": f"{READS}\nfrom .database import DATABASES\nexec(open('mysite/more').read())\nfrom . import again",
        "mysite/settings/database.py": "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['OWN_NAME']}}",
        "mysite/settings/again.py": "from .database import DATABASES",
        "mysite/more": "SECRET_KEY = os.environ['OWN_KEY']",
    }
    answer = ask("", files)
    assert answer.settings["DATABASES"]["default"]["NAME"] == "blog"
    assert answer.settings["SECRET_KEY"] == KEY
    assert answer.told == answer.refused == []


@pytest.mark.parametrize(
    "choice",
    [
        "if os.environ.get('APP_STAGE', 'development') == 'production':\n    from .production import *\nelse:\n    from .development import *",
        "os.environ.setdefault('APP_STAGE', 'local')\nif os.environ['APP_STAGE'] == 'production':\n    from .production import *",
        "import importlib\nglobals().update(vars(importlib.import_module('mysite.settings.' + os.getenv('APP_STAGE', 'dev'))))",
    ],
)
def test_settings_that_choose_by_a_variable_choose_those_of_production(ask, choice):
    files = {"mysite/settings/__init__.py": f"{READS}\n{choice}", "mysite/settings/production.py": "STAGE = 'production'"}
    answer = ask("", {**files, "mysite/settings/development.py": "import debug_toolbar"})
    assert answer.settings["STAGE"] == "production"
    assert answer.told == ["variable APP_STAGE: not set, here production"]
    assert ask("", files, APP_STAGE="production").told == []


def test_a_variable_whose_default_chooses_no_settings_stays_as_it_is(ask):
    answer = ask(f"{READS}\nSENTRY = os.environ.get('SENTRY_STAGE', 'development')")
    assert answer.settings["SENTRY"] == "development"
    assert answer.told == []


def test_all_variables_that_are_missing_are_named_at_once(load):
    lines = "X = os.environ['API_KEY']\nimport environ\nenv = environ.Env()\nY = env('API_URL')\nZ = env('API_NAME', default='x')\nos.environ.get('API_SIZE')"
    assert "read variables API_KEY, API_URL, which this site does not have; give them in" in load(f"{READS}\n{lines}").stderr.splitlines()[-1]


def test_a_settings_module_that_is_not_there_is_named(load):
    said = load(READS, SHORTSTOP_SETTINGS="mysite.settings.live").stderr.splitlines()[-1]
    assert "there is no module mysite.settings.live in the source, which the settings mysite.settings.live are to be" in said


def test_settings_without_urls_are_not_the_whole(ask):
    answer = ask(f"{READS}\ndel ROOT_URLCONF")
    assert answer.refused == ['the settings mysite.settings hold no ROOT_URLCONF, so they are not the whole; give the settings module by the key "settings"']


# A file system that refuses, as a release is for its site; root may write anywhere else.
READ_ONLY = """
import errno, os
mkdir = os.mkdir


def refuse(path, *arguments):
    if "/logs" in str(path) or "/data" in str(path):
        raise OSError(errno.EROFS, "Read-only file system", str(path))
    mkdir(path, *arguments)


os.mkdir = refuse
"""


def test_a_directory_that_the_settings_make_in_the_source_is_told(load, tmp_path):
    lines = f"os.makedirs('{tmp_path}/data/logs', exist_ok=True)\nfrom pathlib import Path\nPath('{tmp_path}/logs').mkdir(exist_ok=True)\n"
    done = load(f"{READS}\n{lines}", {"sitecustomize.py": READ_ONLY}, PYTHONPATH=f"{tmp_path}:{OVERLAY}")
    answer = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("answer ")).removeprefix("answer "))
    made = "the settings make this directory, and a release is read-only, so it is not made"
    assert answer["told"] == [f"{tmp_path}/{name}: {made}" for name in ("data", "data/logs", "logs")]


def test_a_file_that_the_settings_write_in_the_source_is_named(load):
    done = load(f"{READS}\nimport errno\nraise OSError(errno.EROFS, 'Read-only file system', '/srv/blog/x')")
    said = "the settings mysite.settings write to /srv/blog/x, and a release is read-only; let them write below the variable DJANGO_STATE_DIR"
    assert said in done.stderr.splitlines()[-1]


def test_a_log_file_that_cannot_be_written_is_standard_error(load):
    log = (
        "LOGGING = {'version': 1, 'formatters': {'own': {'format': 'own %(message)s'}}, 'handlers': {'file': {'class': 'logging.FileHandler',"
        " 'filename': '/nowhere/django.log', 'formatter': 'own', 'level': 'ERROR'}}, 'root': {'handlers': ['file']}, 'disable_existing_loggers': False}"
    )
    done = load(f"{READS}\n{log}\nimport atexit, logging\natexit.register(lambda: logging.getLogger('django.request').error('it broke'))")
    assert "own it broke" in done.stderr
    assert "LOGGING: handler file writes to /nowhere/django.log, which cannot be written, here to standard error" in done.stdout


def test_no_variable_of_another_database_is_lent(load):
    lines = "DATABASES['other'] = {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['OWN_NAME']}"
    assert "read a variable OWN_NAME, which this site does not have" in load(f"{READS}\n{lines}").stderr


def test_an_engine_of_another_vendor_is_refused(load):
    done = load(f"{READS}\nDATABASES['default']['ENGINE'] = 'django.db.backends.mysql'")
    assert (
        "DATABASES['default'] has the engine django.db.backends.mysql, and the database of this site is postgres; give the site a project"
        in done.stderr.splitlines()[-1]
    )


def test_without_a_database_of_the_site_s_the_project_s_stay(ask):
    own = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/x/y'}}"
    answer = ask(f"{READS}\n{own}", SHORTSTOP_DATABASES="")
    assert answer.settings["DATABASES"]["default"]["NAME"] == "/x/y"
    assert answer.told == answer.refused == []


def test_a_database_that_the_operator_s_variables_name_stays(ask):
    lines = "import dj_database_url\nDATABASES = {'default': dj_database_url.parse(os.environ['DATABASE_URL'])}"
    answer = ask(f"{READS}\n{lines}", DATABASE_URL="postgres://me:pw@db.example.com:6432/pooled")
    assert answer.settings["DATABASES"]["default"]["HOST"] == "db.example.com"
    assert answer.told == []
    answer = ask(READS, DATABASE_URL="postgres://me:pw@db.example.com:6432/pooled")
    assert answer.settings["DATABASES"]["default"]["NAME"] == "blog"
    assert answer.told == []


@pytest.mark.parametrize("url", ["mysql://me:pw@db.example.com/shop", "postgres://db.example.com:none/shop", ""])
def test_a_url_of_another_kind_leaves_the_project_s_databases(ask, url):
    answer = ask(READS, DATABASE_URL=url)
    assert answer.settings["DATABASES"]["default"]["NAME"] == "blog"
    assert answer.told == answer.refused == []


def test_a_database_on_another_server(ask):
    url = "postgres://bl%40g:p%2Fw@db.example.com:6432/blog"
    own = "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db', 'CONN_MAX_AGE': 60}}"
    answer = ask(f"{READS}\n{own}", DATABASE_URL=url)
    found = {name: answer.settings["DATABASES"]["default"][name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "CONN_MAX_AGE")}
    assert found == {"NAME": "blog", "USER": "bl@g", "PASSWORD": "p/w", "HOST": "db.example.com", "PORT": "6432", "CONN_MAX_AGE": 60}
    assert answer.told == ["DATABASES['default']: the site's NAME, USER, PASSWORD, HOST, PORT, ENGINE django.db.backends.postgresql"]


def test_a_further_database_is_added(ask):
    answer = ask(READS, SHORTSTOP_DATABASES="default,analytics", ANALYTICS_DATABASE_URL="postgres:///blog_analytics")
    assert answer.settings["DATABASES"]["analytics"]["NAME"] == "blog_analytics"
    assert answer.told == ["DATABASES['analytics']: not set, here the site's"]


def test_options_of_a_run_are_appended_to_the_project_s(ask):
    lines = "DATABASES['default']['OPTIONS'] = {'options': '-c statement_timeout=5s'}"
    answer = ask(f"{READS}\n{lines}", PGOPTIONS="-c lock_timeout=1s")
    assert answer.settings["DATABASES"]["default"]["OPTIONS"] == {"options": "-c statement_timeout=5s -c lock_timeout=1s"}
    assert answer.told == []


def test_another_settings_module_is_refused(ask):
    answer = ask("", {"mysite/settings.py": READS}, DJANGO_SETTINGS_MODULE="mysite.settings")
    assert answer.refused == [
        "the project runs with the settings mysite.settings, and not with the release's; let wsgi.py and manage.py"
        ' say os.environ.setdefault("DJANGO_SETTINGS_MODULE", …), and settings="…" nowhere'
    ]


def test_settings_read_which_module_they_are(ask):
    answer = ask(f"{READS}\nOWN = os.environ['DJANGO_SETTINGS_MODULE']\nNAME = __name__\nFILE = __file__")
    assert answer.settings["OWN"] == answer.settings["NAME"] == "mysite.settings"
    assert answer.settings["FILE"].endswith("mysite/settings.py")


def test_what_imports_the_project_s_settings_itself_sees_the_same(ask):
    answer = ask(
        f"{READS}\nDEBUG = True\nINSTALLED_APPS = ['shop']",
        {
            "shop/__init__.py": "",
            "shop/apps.py": "from django.apps import AppConfig\nfrom mysite import settings\n\n\nclass Shop(AppConfig):\n    name = 'shop'\n"
            "    assert settings.DEBUG is False\n    assert settings.CSRF_COOKIE_SECURE",
        },
    )
    assert answer.refused == []


def test_errors_reach_standard_error(load):
    raise_one = "\nimport atexit, logging\natexit.register(lambda: logging.getLogger('django.request').error('it broke'))\n"
    done = load(f"{READS}\nLOGGING = {{}}{raise_one}")
    assert "ERROR django.request: it broke" in done.stderr
    done = load(f"{READS}{raise_one}")
    assert done.stderr.count("it broke") == 1
