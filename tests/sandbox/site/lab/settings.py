"""Settings of the site that works with compiled packages. All that differs between hosts comes from the environment."""

import os
from pathlib import Path

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
# Without a host: over the server's own socket, as the site's own user.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["DJANGO_PG_DB_NAME"], "USER": os.environ["DJANGO_PG_USER_NAME"]},
}
INSTALLED_APPS = ["django.contrib.staticfiles", "lab"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "lab.urls"
USE_TZ = True
MEDIA_ROOT = Path(os.environ["DJANGO_MEDIA_ROOT"])
STATE_DIR = Path(os.environ["DJANGO_STATE_DIR"])
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT")
