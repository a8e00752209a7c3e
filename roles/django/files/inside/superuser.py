"""Run inside a release: makes the superuser that the environment describes, unless there is a user of that name."""

import json
import os
import sys

from shortstop_project import set_up

set_up()

from django.contrib.auth import get_user_model

# A project may have a command of this name that asks, or that wants other arguments.
from django.contrib.auth.management.commands.createsuperuser import Command
from django.core.management import CommandError, call_command

PREFIX = "DJANGO_SUPERUSER_"

User = get_user_model()
# A user model may know its users by an address or a number.
variable = PREFIX + User.USERNAME_FIELD.upper()
name = os.environ.get(variable) or os.environ[f"{PREFIX}USERNAME"]
os.environ[variable] = name
exists = User._default_manager.filter(**{User.USERNAME_FIELD: name}).exists()
if not exists:
    try:
        call_command(Command(), interactive=False)
    except CommandError as error:
        fields = ", ".join(User.REQUIRED_FIELDS)
        sys.exit(f'{error} This user model asks for {fields}; give each as a key of "superuser".' if fields else str(error))
print("shortstop answers: " + json.dumps({"created": not exists}))
