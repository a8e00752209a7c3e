"""The admin: at a path that nobody guesses, behind a throttle, and only to look."""

import pytest
from django.contrib.auth.models import User

from games.models import Person
from tests.games import at, game

pytestmark = pytest.mark.django_db

ADMIN = "/back-office-5f3a/"


@pytest.fixture
def log_in(client):
    """A function that tries a password, from an address; returns the status."""
    User.objects.create_superuser("ada", password="correct horse")

    def attempt(password, address="192.0.2.7", username="ada"):
        # As gunicorn on a unix socket says it: no address but nginx's word.
        data = {"username": username, "password": password, "next": ADMIN}
        return client.post(f"{ADMIN}login/", data, REMOTE_ADDR="", headers={"X-Forwarded-For": address}).status_code

    return attempt


def test_it_works(log_in, client, keep):
    keep(at("20:00"), game("I", 1))
    assert log_in("correct horse") == 302
    for path in ("", "games/person/", "games/person/665487/change/", "games/appearance/"):
        assert client.get(ADMIN + path).status_code == 200


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/back-office/"])
def test_it_is_nowhere_else(client, path):
    assert client.get(path).status_code == 404


def test_without_a_path_there_is_none(python):
    code = "import django; django.setup(); from django.test import Client; print([Client().get(path).status_code for path in ('/admin/', '/login/')])"
    assert python("-c", code, DJANGO_ADMIN_PATH="").stdout.strip() == "[404, 404]"


def test_after_five_wrong_passwords_the_right_one_has_to_wait(log_in):
    assert [log_in(f"wrong {number}") for number in range(5)] == [200] * 4 + [429]
    assert log_in("correct horse") == 429


def test_others_need_not_wait(log_in):
    for number in range(5):
        log_in(f"wrong {number}")
    assert log_in("correct horse", address="192.0.2.8") == 302


def test_what_a_visitor_says_of_the_address_does_not_count(log_in):
    """nginx adds the address that it sees as the last one."""
    for number in range(5):
        log_in(f"wrong {number}", address=f"198.51.100.{number}, 192.0.2.7")
    assert log_in("correct horse", address="198.51.100.9, 192.0.2.7") == 429


def test_nothing_can_be_changed(log_in, client, keep):
    keep(at("20:00"), game("I", 1))
    log_in("correct horse")
    for path in ("games/person/665487/delete/", "games/person/add/", "games/appearance/add/"):
        assert client.get(ADMIN + path).status_code == 403
    assert client.post(f"{ADMIN}games/person/665487/change/", {"team": "Mets"}).status_code == 403
    assert Person.objects.get().team == "San Diego Padres"


def test_it_may_run_its_own_scripts_and_no_others(client):
    policy = client.get(f"{ADMIN}login/")["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "unsafe" not in policy
