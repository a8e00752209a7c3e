"""A poll as systemd starts it: a process of its own, with a file for a database."""

import json
import re

import pytest

MEASURED = """
import json, re
from django.core.management import execute_from_command_line
status = 0
try:
    execute_from_command_line(["manage.py", "poll", "--now"])
except SystemExit as end:
    status = end.code
print(json.dumps({"status": status, "kB": int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])}))
"""


@pytest.fixture
def poll_process(python, league, tmp_path):
    """A function that runs a poll in a process; returns its exit status, its stderr, and its largest size in MB."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "TATIS_API_URL": league.url, "DJANGO_STATE_DIR": str(tmp_path)}
    assert python("manage.py", "migrate", "--verbosity=0", **environment).returncode == 0

    def run(**changes):
        result = python("-c", MEASURED, **(environment | changes))
        found = json.loads(result.stdout.splitlines()[-1])
        return found["status"], result.stderr, found["kB"] / 1024

    return run


def test_it_works(poll_process, league):
    league.moment = "error"
    status, stderr, _size = poll_process()
    assert (status, stderr) == (0, "")


def test_a_trouble_is_one_sentence_and_a_status(poll_process, league):
    league.trouble = "status_500"
    assert poll_process()[:2] == (1, "CommandError: The league answered /api/v1/schedule with status 500.\n")


@pytest.mark.parametrize("trouble", ["huge", "bomb", "nested"])
def test_no_reply_makes_it_large(poll_process, league, trouble):
    league.trouble = trouble
    status, _stderr, size = poll_process()
    assert status == 1
    print(f"\n{trouble}: {size:.0f} MB (bar: 100)")
    assert size < 100


def test_without_a_database_it_says_so_and_so_does_the_log(poll_process):
    status, stderr, _size = poll_process(DATABASE_URL="sqlite:////nowhere/db.sqlite3")
    assert status == 1
    assert "The poll has no database\nTraceback" in stderr
    assert re.search(r"^CommandError: The database gave no answer \(unable to open database file\)\.$", stderr, re.MULTILINE)
