"""Run inside a release: makes the superuser that the environment describes, unless there is a user of that name."""

import json
import os
import sys

sys.path[0] = os.getcwd()  # the site's modules, and none beside this file

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

django.setup()

User = get_user_model()
name = os.environ[f"DJANGO_SUPERUSER_{User.USERNAME_FIELD.upper()}"]
exists = User._default_manager.filter(**{User.USERNAME_FIELD: name}).exists()
if not exists:
    call_command("createsuperuser", interactive=False)
print("shortstop answers: " + json.dumps({"created": not exists}))
