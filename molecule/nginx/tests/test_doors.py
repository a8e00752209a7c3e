"""Sites that are closed, and sites that ask who is there."""

from __future__ import annotations

import json

import pytest
from on_server import get, header
from stub import request, visit

DOMAIN = "shop.example.com"
MAINTENANCE = "molecule/nginx/maintenance.yml"
CHALLENGE = "/.well-known/acme-challenge/token"
PASSWORDS = "/etc/nginx/passwords/shop"


@pytest.mark.parametrize(("user", "status"), [("ada:open $esame, please", 200), ("grace:0:0", 200), ("ada:0:0", 401), ("eve:", 401)])
def test_a_site_that_is_not_public_asks_who_is_there(server, user, status):
    head, _body = get(server, DOMAIN, "/", f"--user '{user}'")
    assert head.startswith(f"HTTP/1.1 {status} ")


@pytest.fixture(autouse=True)
def _challenged(servers):
    """certbot has laid down what an ACME server asks for."""
    directory = f"/var/lib/shortstop/acme{CHALLENGE.rpartition('/')[0]}"
    for server in servers:
        server.check_output(f"mkdir --parents {directory} && echo answer >{directory}/token")


def test_it_keeps_the_answer_to_itself(server):
    assert "Authorization" not in get(server, DOMAIN, "/", "--user grace:0:0")[1]
    assert header(get(server, DOMAIN)[0], "WWW-Authenticate") == 'Basic realm="shop"'


def test_what_machines_ask_stays_open_and_nothing_else(server):
    expected = {"/healthz": 200, "/%68ealthz": 200, CHALLENGE: 200, "/.well-known/acme-challenge/missing": 404}
    expected |= dict.fromkeys(["/a/../healthz", "/%2e%2e/healthz", f"/a/..{CHALLENGE}"], 400)
    expected |= dict.fromkeys(["/", "/static/a.css", "/media/a.png", "/healthz/a", "/.well-known/security.txt"], 401)
    assert dict(zip(expected, visit(server, [request(DOMAIN, path) for path in expected], "127.0.3.3"), strict=True)) == expected


def test_the_application_is_asked_for_the_health_path_as_it_is_configured(server):
    for path in ("//healthz", "/%68ealthz", "/healthz?a=../b"):
        assert json.loads(get(server, DOMAIN, path)[1])["path"] == f"/healthz{path.partition('healthz')[2]}"


def test_few_wrong_passwords_are_tried_below_static_files_too(server):
    wrong = [request(DOMAIN, "/static/a.css", Authorization="Basic YWRhOndyb25n")] * 40
    statuses = visit(server, wrong, "127.0.3.4")
    # One more for each ten seconds that this took.
    assert statuses.count(401) <= 8
    assert set(statuses) == {401, 429}
    right = request(DOMAIN, Authorization="Basic Z3JhY2U6MDow")
    assert visit(server, [right] * 40, "127.0.3.4") == [200] * 40


def test_only_nginx_reads_the_passwords(server):
    file, directory = server.file(PASSWORDS), server.file("/etc/nginx/passwords")
    assert (file.user, file.group, file.mode) == ("root", "www-data", 0o640)
    assert (directory.user, directory.group, directory.mode) == ("root", "www-data", 0o750)


def test_the_passwords_are_what_the_server_s_own_crypt_makes_of_them(server):
    lines = dict(line.split(":", 1) for line in server.file(PASSWORDS).content_string.splitlines())
    for user, password in {"ada": "open $esame, please", "grace": "0:0"}.items():
        made = server.check_output("perl -e 'print crypt($ARGV[0], $ARGV[1])' %s %s", password, lines[user])
        assert lines[user] == made
        assert made.startswith("$6$rounds=1000$")


def test_only_their_owner_and_operators_read_the_logs(server):
    logs = server.check_output("find /var/log/nginx -type f -printf '%u:%g %m\\n' | sort --unique").splitlines()
    assert logs == ["www-data:adm 640"]


def test_logs_are_turned_and_written_on(server):
    # What is empty is not turned.
    assert get(server, "blog.example.com", "/before-the-turn")[0].startswith("HTTP/1.1 200 ")
    server.check_output("logrotate --force /etc/logrotate.d/nginx")
    assert get(server, "blog.example.com", "/after-the-turn")[0].startswith("HTTP/1.1 200 ")
    log = server.file("/var/log/nginx/blog.access.log")
    assert "/after-the-turn" in log.content_string
    assert (log.user, log.group, log.mode) == ("www-data", "adm", 0o640)
    assert server.file("/var/log/nginx/blog.access.log.1").exists


# From here on the hosts change.
def test_a_site_is_closed_and_opened_without_a_reload(play, servers):
    loaded = [server.check_output("pgrep --parent $(cat /run/nginx.pid)") for server in servers]
    assert play(maintenance="on", only="blog", playbook=MAINTENANCE).expect_success().changed == 1
    for server in servers:
        for path in ("/", "/static/a.css", "/?a=b"):
            head, body = get(server, "blog.example.com", path)
            assert head.startswith("HTTP/1.1 503 ")
            assert (header(head, "Retry-After"), header(head, "Content-Type")) == ("300", "text/html")
            assert "being worked on" in body
        assert get(server, "blog.example.com", CHALLENGE)[1] == "answer\n"
        assert get(server, DOMAIN, "/healthz")[0].startswith("HTTP/1.1 200 ")
    assert play(maintenance="off", playbook=MAINTENANCE).expect_success().changed == 1
    for server in servers:
        assert get(server, "blog.example.com")[0].startswith("HTTP/1.1 200 ")
    assert [server.check_output("pgrep --parent $(cat /run/nginx.pid)") for server in servers] == loaded


def test_the_health_of_a_closed_site_can_be_asked(server):
    server.check_output("touch /etc/nginx/maintenance/shop")
    try:
        assert get(server, DOMAIN)[0].startswith("HTTP/1.1 503 ")
        assert get(server, DOMAIN, "/healthz")[0].startswith("HTTP/1.1 200 ")
    finally:
        server.check_output("rm /etc/nginx/maintenance/shop")


def test_a_word_that_is_neither_on_nor_off_changes_nothing(play):
    play(maintenance="of", playbook=MAINTENANCE).expect_failure("Say -e maintenance=on or -e maintenance=off")
