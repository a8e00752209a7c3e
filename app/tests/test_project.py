import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_production_passes_every_check(python):
    result = python("-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_production_without_tls_passes_with_warnings_alone(python):
    result = python("manage.py", "check", "--deploy", "--fail-level", "ERROR", DJANGO_SECURE="0")
    assert result.returncode == 0, result.stderr
    assert "security.W004" in result.stderr


def test_gunicorn_loads_the_application(python):
    result = python("-m", "gunicorn", "--check-config", "tatis.wsgi")
    assert result.returncode == 0, result.stderr
