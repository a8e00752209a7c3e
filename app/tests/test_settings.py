import json
from pathlib import Path

import django
import pytest

APP_DIR = Path(__file__).parent.parent


@pytest.mark.parametrize("secret_key", [None, ""])
def test_production_without_a_secret_key_stops_with_a_sentence(python, secret_key):
    result = python("manage.py", "check", DJANGO_SECRET_KEY=secret_key)
    assert result.returncode == 1
    assert "ImproperlyConfigured: Set DJANGO_SECRET_KEY to a long random string" in result.stderr


@pytest.mark.parametrize("database_url", [None, ""])
def test_production_without_a_database_stops_with_a_sentence(python, database_url):
    result = python("manage.py", "check", DATABASE_URL=database_url)
    assert result.returncode == 1
    assert "ImproperlyConfigured: Set DATABASE_URL, for example to postgres:///tatis" in result.stderr


def test_development_needs_nothing_else(setting):
    nothing = {"DJANGO_SECRET_KEY": None, "DATABASE_URL": None, "DJANGO_ALLOWED_HOSTS": None, "DJANGO_SECURE": None}
    assert setting("settings.DATABASES['default']['NAME']", DJANGO_DEBUG="1", **nothing) == str(APP_DIR / "db.sqlite3")


@pytest.mark.parametrize(("value", "debug"), [(None, "False"), ("", "False"), ("0", "False"), ("1", "True")])
def test_debug_is_off_unless_asked_for(setting, value, debug):
    assert setting("settings.DEBUG", DJANGO_DEBUG=value) == debug


@pytest.mark.parametrize("secret_key", ["$HOME", "$no-such-variable", "a#b \"c\" 'd' \\e"])
def test_the_secret_key_is_taken_as_it_stands(setting, secret_key):
    assert setting("settings.SECRET_KEY", DJANGO_SECRET_KEY=secret_key) == secret_key


@pytest.mark.parametrize(("value", "keys"), [(None, []), ("", []), ("$one", ["$one"]), ("one,two#", ["one", "two#"])])
def test_what_earlier_keys_signed_is_still_believed(setting, value, keys):
    assert setting("settings.SECRET_KEY_FALLBACKS", DJANGO_SECRET_KEY_FALLBACKS=value) == str(keys)


@pytest.mark.parametrize(
    ("url", "engine", "parts"),
    [
        ("postgres:///tatis", "postgresql", ["tatis", "", "", "", ""]),
        ("postgres://u:p%40%2B%2F@db.example.com:6432/tatis", "postgresql", ["tatis", "db.example.com", 6432, "u", "p@+/"]),
        ("sqlite:////srv/x/var/db.sqlite3", "sqlite3", ["/srv/x/var/db.sqlite3", "", "", "", ""]),
    ],
)
def test_database_url(setting, url, engine, parts):
    read = "[settings.DATABASES['default'][key] for key in ('NAME', 'HOST', 'PORT', 'USER', 'PASSWORD')]"
    assert setting("settings.DATABASES['default']['ENGINE']", DATABASE_URL=url) == f"django.db.backends.{engine}"
    assert json.loads(setting(f"__import__('json').dumps({read})", DATABASE_URL=url)) == parts


def test_connections_are_kept_and_checked(setting):
    assert setting("[settings.DATABASES['default'][key] for key in ('CONN_MAX_AGE', 'CONN_HEALTH_CHECKS')]") == "[60, True]"


@pytest.mark.parametrize(
    ("expression", "changes", "value"),
    [
        ("settings.ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": "a.example.com,b.example.com"}, "['a.example.com', 'b.example.com']"),
        ("settings.ALLOWED_HOSTS", {"DJANGO_ALLOWED_HOSTS": None}, "[]"),
        ("settings.CSRF_TRUSTED_ORIGINS", {"DJANGO_CSRF_TRUSTED_ORIGINS": "https://a.example.com"}, "['https://a.example.com']"),
        ("settings.STATIC_ROOT", {"DJANGO_STATIC_ROOT": "/srv/x/static"}, "/srv/x/static"),
        ("settings.STATIC_ROOT", {"DJANGO_STATIC_ROOT": None}, "None"),
        ("settings.MEDIA_ROOT", {"DJANGO_MEDIA_ROOT": "/srv/x/media"}, "/srv/x/media"),
        ("settings.STATE_DIR", {"DJANGO_STATE_DIR": "/srv/x/var"}, "/srv/x/var"),
        ("settings.ADMIN_PATH", {"DJANGO_ADMIN_PATH": "/back-office/"}, "back-office"),
        ("settings.CACHES['default']['BACKEND']", {}, "django.core.cache.backends.locmem.LocMemCache"),
        (
            "[settings.CACHES['default'][key] for key in ('BACKEND', 'LOCATION', 'KEY_PREFIX')]",
            {"DJANGO_STATE_DIR": "/srv/x/var"},
            "['django.core.cache.backends.filebased.FileBasedCache', '/srv/x/var/cache', '0123456789ab']",
        ),
        ("settings.CACHES['default']['BACKEND']", {"DJANGO_CACHE_URL": "dummycache://"}, "django.core.cache.backends.dummy.DummyCache"),
        ("settings.TATIS_API_URL", {"TATIS_API_URL": None}, "https://statsapi.mlb.com"),
        ("(settings.TATIS_PERSON_ID, settings.TATIS_PLAYER, settings.TATIS_TEAM_ID)", {}, "(665487, 'Fernando Tatis Jr.', 135)"),
        (
            "(settings.TATIS_PERSON_ID, settings.TATIS_PLAYER, settings.TATIS_TEAM_ID)",
            {"TATIS_PERSON_ID": "596019", "TATIS_PLAYER": "Francisco Lindor", "TATIS_TEAM_ID": "121"},
            "(596019, 'Francisco Lindor', 121)",
        ),
        ("settings.TATIS_USER_AGENT", {}, "Tatis/1 (+https://testserver; asks once a minute at most)"),
        ("settings.SHORTSTOP_RELEASE", {"SHORTSTOP_RELEASE": "abc"}, "abc"),
        ("settings.SHORTSTOP_RELEASE", {"SHORTSTOP_RELEASE": None}, ""),
    ],
)
def test_a_variable_reaches_its_setting(setting, expression, changes, value):
    assert setting(expression, **changes) == value


@pytest.mark.parametrize(
    ("secure", "value"),
    [
        ("1", "[('HTTP_X_FORWARDED_PROTO', 'https'), True, True, True]"),
        ("0", "[None, False, False, False]"),
        (None, "[None, False, False, False]"),
    ],
)
def test_secure_settings_follow_tls(setting, secure, value):
    read = "[settings.SECURE_PROXY_SSL_HEADER, settings.SECURE_HSTS_SECONDS > 0, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE]"
    assert setting(read, DJANGO_SECURE=secure) == value


@pytest.mark.parametrize("secure", ["0", "1"])
def test_redirecting_is_left_to_nginx(setting, secure):
    assert setting("settings.SECURE_SSL_REDIRECT", DJANGO_SECURE=secure) == "False"


MAIL = {
    "DJANGO_ADMINS": "ada@example.com,grace@example.com",
    "DJANGO_SERVER_EMAIL": "tatis@example.com",
    "DJANGO_EMAIL_HOST": "smtp.example.com",
    "DJANGO_EMAIL_HOST_USER": "apikey",
    "DJANGO_EMAIL_HOST_PASSWORD": "$ecret",
}
# What the backend makes of the settings, which differ between Django's versions.
MAILER = """[getattr(__import__('django.core.mail', fromlist=['mail']).{opened}, name) for name in
    ('host', 'port', 'username', 'password', 'use_tls', 'use_ssl', 'timeout')]"""


@pytest.fixture
def mailer(setting):
    opened = "mailers['default']" if django.VERSION >= (6, 1) else "get_connection()"
    return lambda **changes: setting(" ".join(MAILER.format(opened=opened).split()), **(MAIL | changes))


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"DJANGO_EMAIL_PORT": None}, "587, 'apikey', '$ecret', True, False, 10]"),
        ({"DJANGO_EMAIL_PORT": "465"}, "465, 'apikey', '$ecret', False, True, 10]"),
        ({"DJANGO_EMAIL_PORT": "25", "DJANGO_EMAIL_USE_TLS": "0"}, "25, 'apikey', '$ecret', False, False, 10]"),
    ],
)
def test_the_way_of_the_mail(mailer, changes, end):
    assert mailer(**changes) == f"['smtp.example.com', {end}"


def test_the_admins_have_the_form_that_django_wants(python):
    code = "import django; django.setup(); from django.core.mail import mail_admins; mail_admins('a', 'b')"
    result = python("-W", "error", "-c", code, **(MAIL | {"DJANGO_EMAIL_HOST": "127.0.0.1", "DJANGO_EMAIL_PORT": "9"}))
    assert result.stderr.splitlines()[-1] == "ConnectionRefusedError: [Errno 111] Connection refused"


@pytest.mark.parametrize("missing", ["DJANGO_EMAIL_HOST", "DJANGO_SERVER_EMAIL"])
def test_admins_whom_no_mail_reaches_are_a_mistake(python, missing):
    result = python("manage.py", "check", **(MAIL | {missing: None}))
    assert "ImproperlyConfigured: Set DJANGO_EMAIL_HOST and DJANGO_SERVER_EMAIL, too, or no mail reaches DJANGO_ADMINS." in result.stderr
