"""Run the tests as production runs: DEBUG off, hashed static files, everything from the environment."""

import os
import subprocess
import sys
from pathlib import Path

import django
import pytest
from django.core.management import call_command

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "tatis.settings",
    "DJANGO_SECRET_KEY": "fifty characters and more, none of them a secret: 0123456789",
    "DJANGO_ALLOWED_HOSTS": "testserver,www.testserver",
    "DJANGO_CSRF_TRUSTED_ORIGINS": "https://testserver,https://www.testserver",
    "DJANGO_SECURE": "1",
    "DATABASE_URL": "sqlite://:memory:",
    "SHORTSTOP_RELEASE": "0123456789ab",
}

for name in [name for name in os.environ if name.startswith("DJANGO_")]:
    del os.environ[name]
# A DATABASE_URL that is given wins, so that the same tests run on PostgreSQL.
os.environ |= PRODUCTION | {"DATABASE_URL": os.environ.get("DATABASE_URL") or PRODUCTION["DATABASE_URL"]}
django.setup()


@pytest.fixture(autouse=True)
def _static_files(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path / "static"
    call_command("collectstatic", interactive=False, verbosity=0)


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
