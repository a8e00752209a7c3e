"""The least that a site needs."""

import os
from pathlib import Path

SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE_URL"].removeprefix("sqlite:///")}}
INSTALLED_APPS = ["django.contrib.staticfiles", "tiny"]
ROOT_URLCONF = "tiny.urls"
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT")
STATICFILES_DIRS = [Path(__file__).parent / "assets"]
USE_TZ = True
# Nobody signs in here, and the drills speak http.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]

from tiny import hostile  # noqa: E402, F401 it finds the settings made
