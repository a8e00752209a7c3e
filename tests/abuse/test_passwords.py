"""Guesses at the passwords of a site with basic_auth are few, wherever they are made, and cost others nothing."""

from __future__ import annotations

import base64
import json

import pytest
from target import HERE, Target

PEOPLE = 60
GUESSES = 1500
MISMATCH = "grep --count 'password mismatch' /var/log/nginx/office.error.log || true"


@pytest.fixture(scope="module")
def office(target: Target) -> Target:
    for name in ("crowd.py", "guesses.py"):
        target.server.write(f"/srv/{name}", (HERE / name).read_text())
    target.server.run("mkdir -p /srv/office/static; ln -sf /srv/blog/live.sock /srv/office/; echo body >/srv/office/static/a.css")
    return target


def guess(office: Target, *arguments: str) -> dict:
    quoted = " ".join(f"'{argument}'" for argument in arguments)
    return json.loads(office.server.run(f"python3 /srv/guesses.py {quoted}"))


@pytest.mark.parametrize("path", ["/static/a.css", "/", "/media/a.png", "/missing"])
def test_few_passwords_of_one_user_are_tried(office: Target, path: str) -> None:
    before = int(office.server.run(MISMATCH))
    done = guess(office, path, str(GUESSES), f"127.0.7.{len(path)}", "user0")
    hashed = int(office.server.run(MISMATCH)) - before
    print(f"\n{office.server.name}: {GUESSES} guesses at {path} in {done['seconds']} s: {done['met']}, {hashed} hashes")
    # Six at once, and one more for each ten seconds that this took.
    assert hashed <= 8 + done["seconds"] / 10
    assert done["met"].keys() == {"401", "429"}


def test_few_passwords_of_all_users_are_tried(office: Target) -> None:
    done = guess(office, "/static/a.css", str(GUESSES), "127.0.7.100", "userNUMBER")
    print(f"\n{office.server.name}: {GUESSES} users' guesses in {done['seconds']} s: {done['met']}")
    assert done["met"]["401"] <= 103 + done["seconds"] / 2


def test_right_credentials_pass_beside_them_and_cost_one_hash(office: Target) -> None:
    """The neighbour's guesses come from the same address."""
    source = "127.0.7.101"
    assert guess(office, "/", "1", source, "user7", "password 7")["met"] == {"200": 1}
    guess(office, "/static/a.css", str(GUESSES), source, "userNUMBER")
    assert guess(office, "/static/a.css", "500", source, "user7", "password 7")["met"] == {"200": 500}
    # Somebody else at another address notices nothing.
    assert guess(office, "/", "1", "127.0.7.102", "user8", "password 8")["met"] == {"200": 1}


def test_an_office_behind_one_address_works(office: Target) -> None:
    met = json.loads(office.server.run(f"python3 /srv/crowd.py {PEOPLE} 10 20 127.0.7.103"))
    print(f"\n{office.server.name}: {PEOPLE} people: {met}")
    assert {what: met[what] for what in ("asked", "wrong", "page", "files")} == {
        "asked": {"401": PEOPLE},
        "wrong": {"401": 10},
        "page": {"200": PEOPLE},
        "files": {"200": PEOPLE * 20},
    }


def test_credentials_are_in_no_file_on_disk_and_in_no_log(office: Target) -> None:
    given = base64.b64encode(b"user7:password 7").decode()
    assert guess(office, "/", "1", "127.0.7.104", "user7", "password 7")["met"] == {"200": 1}
    found = office.server.run(f"grep -rlE '{given}|password 7' /etc/nginx /var/log /var/lib/nginx /tmp /var/cache 2>/dev/null", check=False).split()
    assert found == []
    kept = office.server.run("find /run/shortstop-passwords -type f -printf '%u %m\\n' | sort -u; findmnt -no FSTYPE -T /run/shortstop-passwords").split("\n")
    assert kept[:2] == ["www-data 600", "tmpfs"]
    assert office.server.run("stat -c '%U %a' /run/shortstop-passwords").strip() == "www-data 700"
    assert office.server.run("stat -c '%U:%G %a' /var/lib/nginx/shortstop").strip() == "root:www-data 750"


def test_a_changed_password_takes_effect_at_once(office: Target) -> None:
    source, users = "127.0.7.105", office.project.sites["office"]["basic_auth"]
    assert guess(office, "/", "1", source, "user9", "password 9")["met"] == {"200": 1}
    users["user9"] = "another"
    try:
        office.project.play().expect_success()
        assert guess(office, "/", "1", source, "user9", "password 9")["met"] == {"401": 1}
        assert guess(office, "/", "1", source, "user9", "another")["met"] == {"200": 1}
    finally:
        users["user9"] = "password 9"


def test_nginx_comes_back_when_it_was_killed(office: Target) -> None:
    """It leaves its sockets then."""
    office.server.run("pkill -KILL -o nginx; sleep 2; timeout 20 sh -c 'until curl -s -o /dev/null http://127.0.0.1/ || [ $? = 52 ]; do sleep 0.2; done'")
    assert guess(office, "/", "1", "127.0.7.106", "user10", "password 10")["met"] == {"200": 1}
