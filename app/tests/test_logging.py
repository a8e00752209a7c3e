import pytest

FAILING_PAGE = "import django; django.setup(); from django.test import Client; print(Client(raise_request_exception=False).get('/').status_code)"


@pytest.mark.parametrize("debug", ["0", "1"])
def test_an_unhandled_error_reaches_stderr_once(python, debug):
    result = python("-c", FAILING_PAGE, DATABASE_URL="sqlite:////nowhere/db.sqlite3", DJANGO_DEBUG=debug)
    assert result.stdout.strip() == "500"
    assert result.stderr.count("Internal Server Error: /") == 1
    assert "django.db.utils.OperationalError: unable to open database file" in result.stderr


def test_information_reaches_stderr(python):
    result = python("-c", "import django, logging; django.setup(); logging.getLogger('games').info('Play ball')")
    assert result.stderr == "Play ball\n"
