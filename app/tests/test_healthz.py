import json

import pytest

from tests.games import at


@pytest.fixture
def unreachable(python):
    """What a process answers and logs whose database cannot be opened."""
    code = """
import django; django.setup()
from django.test import Client
response = Client().get("/healthz")
print(response.status_code, response["Cache-Control"], response.content.decode(), sep="\\n")
"""
    return python("-c", code, DATABASE_URL="sqlite:////nowhere/db.sqlite3")


@pytest.mark.django_db
def test_it_works(client):
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == {"database": "reachable", "release": "0123456789ab", "last_poll": None}


def test_it_says_when_a_poll_last_brought_news(client, keep):
    keep(at("20:00"))
    assert client.get("/healthz").json()["last_poll"] == "2026-05-21T03:00:00Z"


@pytest.mark.django_db
def test_the_database_is_asked(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        client.get("/healthz")


@pytest.mark.django_db
def test_the_release_is_empty_outside_a_release(client, settings):
    settings.SHORTSTOP_RELEASE = ""
    assert client.get("/healthz").json()["release"] == ""


@pytest.mark.django_db
def test_no_cache_keeps_the_answer(client):
    assert client.get("/healthz")["Cache-Control"] == "no-store"


def test_an_unreachable_database_is_a_503(unreachable):
    status, cache, content = unreachable.stdout.splitlines()
    assert status == "503"
    assert cache == "no-store"
    assert json.loads(content) == {"database": "unreachable", "release": "0123456789ab"}


def test_the_reason_of_a_503_reaches_stderr(unreachable):
    assert "The database is unreachable: unable to open database file" in unreachable.stderr


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "status"), [("head", 200), ("post", 405), ("put", 405), ("delete", 405)])
def test_only_reading_is_allowed(client, method, status):
    assert getattr(client, method)("/healthz").status_code == status
