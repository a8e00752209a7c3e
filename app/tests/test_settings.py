import json
from pathlib import Path

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
