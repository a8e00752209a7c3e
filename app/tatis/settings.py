"""Settings of Tatis. What differs between hosts comes from the environment; README.md lists the variables."""

import os
import tempfile
from pathlib import Path

import django
import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DJANGO_DEBUG", default=False)

# Not through env(), which takes a value that starts with "$" for the name of another variable.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or ("insecure, for development only" if DEBUG else "")
# What was signed with the key before stays valid, until that one goes, too. No key that is given here holds a comma.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split(",") if key]
if not SECRET_KEY:
    raise ImproperlyConfigured("Set DJANGO_SECRET_KEY to a long random string, or set DJANGO_DEBUG=1 to develop without one.")

database_url = os.environ.get("DATABASE_URL") or (f"sqlite:///{BASE_DIR / 'db.sqlite3'}" if DEBUG else "")
if not database_url:
    raise ImproperlyConfigured("Set DATABASE_URL, for example to postgres:///tatis, or set DJANGO_DEBUG=1 to develop with SQLite.")
DATABASES = {"default": {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True} | env.db_url_config(database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])
SHORTSTOP_RELEASE = env.str("SHORTSTOP_RELEASE", default="")
state_dir = env.str("DJANGO_STATE_DIR", default="")
STATE_DIR = Path(state_dir or tempfile.gettempdir())

# Whom the site follows, and where it asks.
TATIS_PERSON_ID = env.int("TATIS_PERSON_ID", default=665487)
TATIS_PLAYER = env.str("TATIS_PLAYER", default="Fernando Tatis Jr.")
TATIS_TEAM_ID = env.int("TATIS_TEAM_ID", default=135)
TATIS_API_URL = env.str("TATIS_API_URL", default="https://statsapi.mlb.com")
TATIS_USER_AGENT = f"Tatis/1 (+{next(iter(CSRF_TRUSTED_ORIGINS), 'https://github.com/shortstop/django')}; asks once a minute at most)"

# A path that nobody guesses, such as "back-office-5f3a"; without one there is no admin.
ADMIN_PATH = os.environ.get("DJANGO_ADMIN_PATH", "").strip("/")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "games",
    "league",
]
MIDDLEWARE = [
    "tatis.middleware.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tatis.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
TIME_ZONE = "UTC"
USE_TZ = True
# Pages are kept until the next poll, where all processes see them and a poll ends them; dummycache:// keeps none.
CACHES = {"default": env.cache_url("DJANGO_CACHE_URL", default=f"filecache://{state_dir}/cache" if state_dir else "locmemcache://")}
# A page names files of its own release.
CACHES["default"]["KEY_PREFIX"] = SHORTSTOP_RELEASE

# After five wrong passwords for a user from an address, that pair waits for an hour.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{name}Validator"} for name in ("MinimumLength", "CommonPassword")]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 1
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "tatis.middleware.client_address"
AXES_VERBOSE = False

STATIC_URL = "/static/"
STATIC_ROOT = env.str("DJANGO_STATIC_ROOT", default=None)
MEDIA_URL = "/media/"
MEDIA_ROOT = env.str("DJANGO_MEDIA_ROOT", default="")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": f"django.contrib.staticfiles.storage.{'' if DEBUG else 'Manifest'}StaticFilesStorage"},
}

if env.bool("DJANGO_SECURE", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

# W008: nginx redirects to https. W005, W021: the site speaks for its own domain, not for subdomains or preload lists.
# E001: without a mail server it sends none, on purpose.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021", "mail.E001"]

# Mail to the admins: when a page fails, and when there has been no news for long.
admins = env.list("DJANGO_ADMINS", default=[])
email_host = env.str("DJANGO_EMAIL_HOST", default="")
email_port = env.int("DJANGO_EMAIL_PORT", default=587)
SERVER_EMAIL = env.str("DJANGO_SERVER_EMAIL", default="")
if admins and not (email_host and SERVER_EMAIL):
    raise ImproperlyConfigured("Set DJANGO_EMAIL_HOST and DJANGO_SERVER_EMAIL, too, or no mail reaches DJANGO_ADMINS.")
mailer = {
    "host": email_host,
    "port": email_port,
    "username": os.environ.get("DJANGO_EMAIL_HOST_USER", ""),
    "password": os.environ.get("DJANGO_EMAIL_HOST_PASSWORD", ""),
    # Port 465 speaks TLS from the first byte; on any other, what is not upgraded is not sent.
    "use_ssl": email_port == 465,
    "use_tls": email_port != 465 and env.bool("DJANGO_EMAIL_USE_TLS", default=True),
    "timeout": 10,
}
EMAIL_SUBJECT_PREFIX = f"[{next(iter(ALLOWED_HOSTS), 'tatis')}] "
email_backend = f"django.core.mail.backends.{'smtp' if email_host else 'console' if DEBUG else 'dummy'}.EmailBackend"
# Django 6.1 wants MAILERS and warns of the older names, which it will drop.
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": email_backend, **({"OPTIONS": mailer} if email_host else {})}}
else:
    EMAIL_BACKEND = email_backend
    EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mailer["host"], mailer["port"], mailer["username"], mailer["password"]
    EMAIL_USE_SSL, EMAIL_USE_TLS, EMAIL_TIMEOUT = mailer["use_ssl"], mailer["use_tls"], mailer["timeout"]
ADMINS = admins if django.VERSION >= (6, 0) else [("", address) for address in admins]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"debug_is_off": {"()": "django.utils.log.RequireDebugFalse"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler"},
        "mail": {"class": "tatis.errors.MailHandler", "level": "ERROR", "filters": ["debug_is_off"]},
    },
    "root": {"handlers": ["stderr", "mail"], "level": "INFO"},
    # Without handlers of its own, its errors reach the root's.
    "loggers": {"django": {}},
}
