"""Run inside a release: what `manage.py check --deploy`, own_migrations.py and database.py say, from one start of the project.

What goes wrong ends this script. The engine then asks each of them by itself, and tells what that says.
"""

import io
import json
import os
import runpy

from shortstop_project import set_up

set_up()

from django.core.management import call_command
from django.db import connections

LONGEST = 500  # characters of a line


def check():
    """The lines of the checks with a warning. An error of a check raises."""
    said = io.StringIO()
    call_command("check", deploy=True, fail_level="ERROR", stdout=said, stderr=said, no_color=True)
    connections.close_all()  # as manage.py does
    return [as_text(line) for line in said.getvalue().splitlines() if ": (" in line]


def as_text(line):
    """As the engine takes it."""
    return "".join(letter if letter.isprintable() else "?" for letter in line.strip()[:LONGEST])


def answer_of(script):
    return runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), script))["answer"]


def state():
    """What database.py answers. Where it cannot, the engine asks it later, in the step whose failure that is."""
    try:
        return [answer_of("database.py")]
    except (Exception, SystemExit):
        return []


answer = {"check": check(), "own": answer_of("own_migrations.py"), "state": state()}
print("shortstop answers: " + json.dumps(answer))
