"""The fake itself: by hand as a program, and where the real API's ways are easily got wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "fake_digitalocean.py"
DROPLET = {"name": "web", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64"}


def ask(url: str, method: str = "GET", body: dict | None = None, token: str = "dop_v1_secret") -> tuple[int, dict]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            return answer.status, json.loads(answer.read() or "{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.fixture
def program(tmp_path):
    """Starts the program with these options; returns its address. It ends with the test, or before the next start."""
    running = []

    def end() -> None:
        while running:
            process = running.pop()
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()

    def start(*options: object) -> str:
        end()
        environment = {**os.environ, "DO_API_TOKEN": "dop_v1_secret"}
        running.append(subprocess.Popen([sys.executable, PROGRAM, "--port", "0", *options], env=environment, stdout=subprocess.PIPE, text=True))
        return running[0].stdout.readline().strip().partition("=")[2]

    yield start
    end()


def hook(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hook"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_it_works(program, tmp_path):
    state = tmp_path / "state.json"
    url = program("--state", state)
    assert ask(f"{url}/v2/domains", "POST", {"name": "example.com"})[0] == 201
    url = program("--state", state)
    assert [domain["name"] for domain in ask(f"{url}/v2/domains")[1]["domains"]] == ["example.com"]
    assert ask(f"{url}/v2/domains", token="another")[0] == 401
    assert "dop_v1_secret" not in state.read_text()


def test_a_program_can_stand_behind_each_droplet(program, tmp_path):
    file = hook(tmp_path, f"""cat >>{tmp_path}/told; echo >>{tmp_path}/told; echo '{{"public_v4": "127.0.0.9", "port": 2222}}'""")
    url = program("--on-create", file, "--on-destroy", file)
    key = {"name": "me", "public_key": "ssh-ed25519 AAAA me"}
    ask(f"{url}/v2/account/keys", "POST", key)
    fingerprint = ask(f"{url}/v2/account/keys")[1]["ssh_keys"][0]["fingerprint"]
    droplet = ask(f"{url}/v2/droplets", "POST", {**DROPLET, "ssh_keys": [fingerprint], "user_data": "#cloud-config"})[1]["droplet"]
    for _ in range(3):
        shown = ask(f"{url}/v2/droplets/{droplet['id']}")[1]["droplet"]
    assert shown["networks"]["v4"][1]["ip_address"] == "127.0.0.9"
    assert shown["fake"] == {"port": 2222}
    assert ask(f"{url}/v2/droplets/{droplet['id']}", "DELETE")[0] == 204
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert [(one["name"], one["ssh_keys"], one["user_data"]) for one in told] == [("web", [key["public_key"]], "#cloud-config")] * 2


def test_a_program_that_fails_makes_no_droplet(program, tmp_path):
    url = program("--on-create", hook(tmp_path, "echo no container >&2; exit 3"))
    status, answer = ask(f"{url}/v2/droplets", "POST", DROPLET)
    assert (status, answer["message"].partition(" ")[2]) == (422, "ended with 3: no container")
    assert ask(f"{url}/v2/droplets")[1]["droplets"] == []


def test_trouble_can_be_asked_for_and_ended_from_outside(fake):
    ask(f"{fake.url}/_fake/trouble", "POST", {"status": 500, "times": 2, "path": "domains"})
    assert [ask(f"{fake.url}/v2/domains")[0] for _ in range(3)] == [500, 500, 200]
    ask(f"{fake.url}/_fake/trouble", "POST", {"status": 429, "times": 9, "looks_until_active": None})
    assert fake.account.looks_until_active is None
    ask(f"{fake.url}/_fake/trouble", "DELETE")
    assert ask(f"{fake.url}/v2/domains")[0] == 200


def test_requests_can_be_read_and_forgotten_from_outside(fake):
    ask(f"{fake.url}/v2/droplets", "POST", {**DROPLET, "user_data": "secret"})
    (request,) = ask(f"{fake.url}/_fake/requests")[1]["requests"]
    assert request == {"method": "POST", "path": "/v2/droplets", "body": {**DROPLET, "user_data": "…"}, "status": 202}
    ask(f"{fake.url}/_fake/requests", "DELETE")
    assert fake.requests == []
    assert [droplet["name"] for droplet in ask(f"{fake.url}/_fake/state")[1]["droplets"].values()] == ["web"]


def test_a_list_comes_in_pages_with_links_to_the_real_api(fake):
    for number in range(45):
        fake.droplet(f"web{number}", "shortstop")
    pages = [ask(f"{fake.url}/v2/droplets?tag_name=shortstop&page={number}")[1] for number in (1, 2, 3)]
    assert [len(page["droplets"]) for page in pages] == [20, 20, 5]
    assert {page["meta"]["total"] for page in pages} == {45}
    assert [sorted(page["links"]["pages"]) for page in pages] == [["last", "next"], ["first", "last", "next", "prev"], ["first", "prev"]]
    assert pages[0]["links"]["pages"]["next"] == "https://api.digitalocean.com/v2/droplets?tag_name=shortstop&page=2&per_page=20"
    assert ask(f"{fake.url}/v2/droplets?per_page=200")[1]["links"] == {}


def test_a_new_droplet_shows_its_private_address_first(fake):
    droplet = ask(f"{fake.url}/v2/droplets", "POST", DROPLET)[1]["droplet"]
    assert (droplet["status"], droplet["networks"]) == ("new", {"v4": [], "v6": []})
    looks = [ask(f"{fake.url}/v2/droplets/{droplet['id']}")[1]["droplet"] for _ in range(3)]
    assert [(look["status"], [network["type"] for network in look["networks"]["v4"]]) for look in looks] == [
        ("new", []),
        ("active", ["private"]),
        ("active", ["private", "public"]),
    ]


def test_a_record_is_filtered_by_its_full_name(fake):
    ask(f"{fake.url}/v2/domains", "POST", {"name": "example.com", "ip_address": "203.0.113.7"})
    counts = [ask(f"{fake.url}/v2/domains/example.com/records?type=A&name={name}")[1]["meta"]["total"] for name in ("example.com", "@.example.com", "@")]
    assert counts == [1, 0, 0]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v2/droplets", {"name": "web"}, 422, "size is required."),
        ("/v2/droplets", {**DROPLET, "name": "a b"}, 422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
        ("/v2/droplets", {**DROPLET, "tags": ["a b"]}, 422, "Tag name is invalid."),
        ("/v2/tags", {"name": "a.b"}, 422, "Tag name is invalid."),
        ("/v2/account/keys", {"name": "me", "public_key": "ssh-ed25519"}, 422, "Key invalid, key should be of the format `type key [comment]`"),
        ("/v2/domains", {"name": "example.com"}, 422, "domain 'example.com': name already exists"),
        ("/v2/domains/example.com/records", {"type": "A", "name": "@", "data": "::1"}, 422, "Data is not a valid IPv4 address"),
        ("/v2/domains/example.com/records", {"type": "CNAME", "name": "a", "data": "b.example.net"}, 422, "Data needs to end with a dot (.)"),
        ("/v2/domains/example.com/records", {"type": "A", "name": "a", "data": "1.2.3.4", "ttl": 29}, 422, "Ttl must be greater than or equal to 30"),
        ("/v2/firewalls", {"name": "a_b"}, 422, "name is invalid"),
        ("/v2/firewalls", {"name": "web"}, 409, "duplicate name"),
        ("/v2/firewalls", {"name": "db", "tags": ["none"]}, 422, "tag none does not exist"),
        ("/v2/nothing", {}, 404, "The resource you were accessing could not be found."),
    ],
)
def test_what_the_api_refuses_is_refused(fake, path, body, status, message):
    fake.account.create_domain({"name": "example.com"})
    fake.account.create_firewall({"name": "web"})
    answered, answer = ask(f"{fake.url}{path}", "POST", body)
    assert (answered, answer["message"]) == (status, message)
    assert answer.keys() == {"id", "message", "request_id"}


@pytest.mark.parametrize(("protocol", "ports"), [("tcp", "0"), ("tcp", ""), ("icmp", "0"), ("icmp", "all"), ("tcp", None)])
def test_a_firewall_does_not_take_the_ports_that_it_gives(fake, protocol, ports):
    rule = {"protocol": protocol, "sources": {"addresses": ["::/0"]}, **({} if ports is None else {"ports": ports})}
    status, answer = ask(f"{fake.url}/v2/firewalls", "POST", {"name": "web", "inbound_rules": [rule]})
    assert (status, answer["message"]) == (422, "You must specify a positive value for ports.")
