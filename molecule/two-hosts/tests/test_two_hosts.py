"""A site whose database is on another host: who comes in there, and how."""

from __future__ import annotations

import json

import pytest
import testinfra
from conftest import RELEASES
from on_server import get

PASSWORD = "a pass phrase of the database: # $ % é"


@pytest.fixture
def web() -> testinfra.host.Host:
    return testinfra.get_host(f"docker://two-hosts-web-{RELEASES[-1]}")


@pytest.fixture
def database() -> testinfra.host.Host:
    return testinfra.get_host(f"docker://two-hosts-database-{RELEASES[0]}")


@pytest.fixture
def stranger() -> testinfra.host.Host:
    return testinfra.get_host(f"docker://two-hosts-stranger-{RELEASES[-1]}")


@pytest.fixture
def address(database) -> str:
    return database.check_output("hostname --ip-address").split()[0]


# As the site does it: with the driver of its release.
CONNECT = """
import json, sys, psycopg
with psycopg.connect(**json.loads(sys.argv[1])) as connection:
    print(connection.pgconn.ssl_in_use, connection.execute("SELECT current_user").fetchone()[0])
"""


def enter(web, address: str, password: str = PASSWORD, **options: str):
    """Come in from the site's host."""
    words = {"host": address, "user": "blog", "dbname": "blog", "password": password, **options}
    return web.run("/srv/blog/current/venv/bin/python -c %s %s", CONNECT, json.dumps(words))


def as_postgres(database, statement: str) -> str:
    return database.check_output("runuser -u postgres -- psql --quiet --no-align --tuples-only --dbname blog --command %s", statement)


def test_it_works(web):
    head, body = get(web, "blog.example.com", "/healthz")
    assert head.startswith("HTTP/1.1 200 ")
    assert json.loads(body)["database"] == "reachable"


def test_the_tables_are_there(database):
    assert int(as_postgres(database, "SELECT count(*) FROM django_migrations")) > 0


def test_each_host_is_one_thing(web, database):
    assert [host.package("nginx").is_installed for host in (web, database)] == [True, False]
    assert [host.file("/srv/blog/current").exists for host in (web, database)] == [True, False]
    assert [host.file("/var/lib/postgresql").exists for host in (web, database)] == [False, True]


def test_the_site_comes_in_over_tls_with_a_password_kept_as_scram(web, database, address):
    assert enter(web, address).stdout == "True blog\n"
    kept = as_postgres(database, "SELECT rolpassword FROM pg_authid WHERE rolname = 'blog'")
    assert kept.startswith("SCRAM-SHA-256$")


def test_nobody_comes_in_without_tls_or_the_password_or_to_something_else(web, address):
    assert "no encryption" in enter(web, address, sslmode="disable").stderr
    assert "password authentication failed" in enter(web, address, "guessed").stderr
    assert "no pg_hba.conf entry" in enter(web, address, dbname="postgres").stderr
    assert "no pg_hba.conf entry" in enter(web, address, user="postgres").stderr


def test_the_firewall_lets_in_the_web_host_and_no_other(web, stranger, address):
    def reaches(host, port: int) -> bool:
        return host.run(f"timeout 2 bash -c '</dev/tcp/{address}/{port}'").rc == 0

    assert (reaches(web, 22), reaches(stranger, 22)) == (True, True)
    assert (reaches(web, 5432), reaches(stranger, 5432)) == (True, False)


# From here on the hosts change.
def test_another_password_is_one_on_both(play, web, address):
    said = play("-vvv", "--diff", database_password="a second pass phrase: ' \" \\").expect_success().output
    assert "a second pass phrase" not in said
    assert "password authentication failed" in enter(web, address).stderr
    assert enter(web, address, "a second pass phrase: ' \" \\").stdout == "True blog\n"
    assert json.loads(get(web, "blog.example.com", "/healthz")[1])["database"] == "reachable"
