import atexit
import os
import sys

import environ
from probe_package import trace

trace("settings")
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = os.environ["DJANGO_ALLOWED_HOSTS"].split(",")
DATABASES = {"default": environ.Env().db()}
INSTALLED_APPS = ["django.contrib.staticfiles"]
ROOT_URLCONF = "probe.urls"
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("DJANGO_STATIC_ROOT")

# Where its static files are to be, a site may leave a link in the end.
if "LINK" in os.environ and "collectstatic" in sys.argv:
    atexit.register(os.symlink, os.environ["LINK"], STATIC_ROOT)
