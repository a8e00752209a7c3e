"""Run the tests as production runs: DEBUG off, hashed static files, everything from the environment."""

import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import django
import hypothesis
import pytest

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "tatis.settings",
    "DJANGO_SECRET_KEY": "fifty characters and more, none of them a secret: 0123456789",
    "DJANGO_ALLOWED_HOSTS": "testserver,www.testserver",
    "DJANGO_CSRF_TRUSTED_ORIGINS": "https://testserver,https://www.testserver",
    "DJANGO_ADMIN_PATH": "back-office-5f3a",
    "DJANGO_SECURE": "1",
    # Nobody is told unless a test says so.
    "DJANGO_EMAIL_HOST": "127.0.0.1",
    "DJANGO_EMAIL_PORT": "9",
    "DJANGO_SERVER_EMAIL": "tatis@example.com",
    "DATABASE_URL": "sqlite://:memory:",
    "SHORTSTOP_RELEASE": "0123456789ab",
    # Nobody listens there: a test that asks the league says whom it asks.
    "TATIS_API_URL": "http://127.0.0.1:9",
}

for name in [name for name in os.environ if name.startswith(("DJANGO_", "TATIS_"))]:
    del os.environ[name]
# A DATABASE_URL that is given wins, so that the same tests run on PostgreSQL.
os.environ |= PRODUCTION | {"DATABASE_URL": os.environ.get("DATABASE_URL") or PRODUCTION["DATABASE_URL"]}
django.setup()

from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings

from games.models import Appearance, Person
from tests.troubled import TroubledLeague

# Who is mailed where a test wants it, in the form that this Django wants.
ADMINS = ["ada@example.com"] if django.VERSION >= (6, 0) else [("", "ada@example.com")]

# The same examples at each run, and no clock: a slow machine fails no test.
hypothesis.settings.register_profile("tatis", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tatis")


@pytest.fixture(scope="session")
def static_root(tmp_path_factory):
    """Where the static files are, collected once."""
    directory = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=directory):
        call_command("collectstatic", interactive=False, verbosity=0)
    return directory


@pytest.fixture(autouse=True)
def _own_state(settings, static_root, tmp_path):
    """A state directory of this test alone, and an empty cache."""
    settings.STATIC_ROOT, settings.STATE_DIR = static_root, tmp_path
    cache.clear()


@pytest.fixture
def python():
    """A function that runs Python beside manage.py in production's environment, changed by its keywords; None removes a variable."""

    def run(*arguments, **changes):
        environment = {name: value for name, value in (PRODUCTION | changes).items() if value is not None}
        return subprocess.run(
            [sys.executable, "-B", *arguments],
            cwd=Path(__file__).parent.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture
def setting(python):
    """A function that returns one expression over the settings, as text, under a changed environment."""

    def read(expression, **changes):
        result = python("-c", f"from django.conf import settings; print({expression})", **changes)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return read


@pytest.fixture
def keep(db):
    """A function that keeps news as a poll would have brought them: keep(as_of, game, …, status="Active", …fields of Person)."""

    def keep_news(as_of, *games, **fields):
        person, _made = Person.objects.update_or_create(pk=fields.pop("person_id", 665487), defaults={"as_of": as_of, "team": "San Diego Padres", **fields})
        for game in games:
            values = asdict(game) | {"presence": game.presence.value, "plays": list(game.plays), "errors_changed_at": game.start}
            Appearance.objects.update_or_create(person=person, game_pk=game.game_pk, defaults=values)
        return person

    return keep_news


@pytest.fixture
def league():
    """A made-up league that may be in trouble, at the moment "off"."""
    server = TroubledLeague()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()
