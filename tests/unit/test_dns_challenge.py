"""What certbot calls to answer DNS challenges: in which domain, beside what is there, and not before all name servers tell it."""

from __future__ import annotations

import importlib.util
import json
import socketserver
import sys
import threading
from pathlib import Path

import pytest
from fake_dns import answer

FILE = Path(__file__).resolve().parents[2] / "roles/nginx/files/dns_challenge.py"
TOKEN = "dop_v1_secret"


@pytest.fixture
def names(fake):
    """Starts name servers that tell the fake account's records, but for the first `late` questions; each has a list of who asked."""
    running = []

    def serve(late=0):
        asked = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                asked.append(self.request[0])
                records = list(fake.account.state["records"].values()) if len(asked) > late else []
                self.request[1].sendto(answer(self.request[0], records), self.client_address)

        server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return f"127.0.0.1:{server.server_address[1]}", asked

    yield serve
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def program(fake, digitalocean, names, tmp_path, monkeypatch):
    """The program before an account that has example.com and sub.example.com: program("answer", NAME, VALUE) is what it ended with."""
    spec = importlib.util.spec_from_file_location("dns_challenge", FILE)
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "path", path)
    monkeypatch.setattr(module, "CONFIGURATION", tmp_path / "dns_challenge.json")
    for domain in ("example.com", "sub.example.com"):
        fake.account.create_domain({"name": domain})

    def run(what, name="", value="", *more, token=TOKEN, name_servers=None):
        configuration = {"api_token": token, "api_url": fake.url, "name_servers": name_servers or [names()[0]]}
        module.CONFIGURATION.write_text(json.dumps(configuration))
        monkeypatch.setenv("CERTBOT_DOMAIN", name)
        monkeypatch.setenv("CERTBOT_VALIDATION", value)
        return module.main([what, *more])

    return run


@pytest.fixture
def texts(fake):
    """The TXT records of the account: (domain, name, value)."""
    return lambda: {(record["_domain"], record["name"], record["data"]) for record in fake.account.state["records"].values() if record["type"] == "TXT"}


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("example.com", ("example.com", "_acme-challenge")),
        ("*.example.com", ("example.com", "_acme-challenge")),
        ("*.blog.example.com", ("example.com", "_acme-challenge.blog")),
        ("sub.example.com", ("sub.example.com", "_acme-challenge")),
        ("www.sub.example.com", ("sub.example.com", "_acme-challenge.www")),
    ],
)
def test_a_challenge_is_answered_in_the_longest_domain_and_cleaned_away(program, texts, name, record):
    assert program("answer", name, "proof") == 0
    assert texts() == {(*record, "proof")}
    assert program("clean", name, "proof") == 0
    assert texts() == set()


def test_a_name_and_its_wildcard_are_answered_side_by_side(program, texts, fake):
    fake.account.create_record("example.com", {"type": "TXT", "name": "@", "data": "v=spf1 -all", "ttl": 1800})
    assert program("answer", "example.com", "one") == program("answer", "*.example.com", "two") == program("answer", "example.com", "one") == 0
    of_others = ("example.com", "@", "v=spf1 -all")
    assert texts() == {of_others, ("example.com", "_acme-challenge", "one"), ("example.com", "_acme-challenge", "two")}
    assert program("clean", "example.com", "one") == 0
    assert texts() == {of_others, ("example.com", "_acme-challenge", "two")}


def test_it_waits_until_all_name_servers_tell_it(program, names):
    (prompt, asked_first), (late, asked) = names(), names(late=3)
    assert program("answer", "example.com", "proof", name_servers=[prompt, late]) == 0
    assert (len(asked_first), len(asked)) == (4, 4)


def test_name_servers_that_do_not_tell_it_are_given_up(program, names, capsys):
    name_server, _asked = names(late=10**6)
    assert program("answer", "example.com", "proof", name_servers=[name_server]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"example.com: waited 180 s until the name servers tell _acme-challenge.example.com, but {name_server} does not tell it yet"
    )


def test_a_name_outside_of_the_account_is_told(program, texts, capsys):
    sentence = "no domain of the account that nginx_acme.dns opens holds this name; add it there, or see whose token this is"
    assert program("check", "", "", "*.example.com", "*.example.org") == 0
    assert json.loads(capsys.readouterr().out) == {"*.example.org": sentence}
    assert program("answer", "example.org", "proof") == 1
    assert capsys.readouterr().err == f"example.org: {sentence}\n"
    assert texts() == set()


def test_what_the_api_does_late_is_said_beside_the_answer(program, fake, capsys):
    fake.trouble(status=503)
    assert program("check", "", "", "*.example.com") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {}
    assert "again in" in said.err


def test_a_token_that_is_not_accepted_is_told_without_it(program, capsys):
    assert program("answer", "example.com", "proof", token="dop_v1_another") == 1
    said = capsys.readouterr().err
    assert said.startswith("example.com: the API does not accept the token (401, ")
    assert "dop_v1_another" not in said


def test_nobody_is_followed_to_another_place(program, fake):
    fake.trouble(status=302, headers={"location": f"{fake.url}/v2/elsewhere"})
    assert program("answer", "example.com", "proof") == 1
    assert not [path for path in fake.asked() if "elsewhere" in path]
