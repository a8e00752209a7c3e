"""From a token to a page, and again without harm: what the account was asked for, what a visitor gets, and whom this machine believes."""

import http.client
import json
import os
import subprocess
import sys
import urllib.request

import pytest
from house import ROOT, Run

sys.path.insert(0, str(ROOT / "tests"))
from fake_dns import ask

API, TOKEN = os.environ["DIGITALOCEAN_API_URL"], os.environ["DO_API_TOKEN"]
SSH = ROOT / ".cache/droplet/ssh"
INVENTORY = ROOT / "molecule/droplet/inventory"
CONTAINER, ADDRESS, DNS_PORT = "droplet-web1", "127.0.66.1", 8753


def control(path: str, method: str = "GET", **body: object) -> dict:
    request = urllib.request.Request(f"{API}/_fake/{path}", data=json.dumps(body).encode() if body else None, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def changes() -> list[str]:
    asked = control("requests")["requests"]
    assert asked
    return [f"{request['method']} {request['path']}" for request in asked if request["method"] != "GET"]


def run(*options: str, playbook: str = "droplet", **variables: object) -> Run:
    """Runs a playbook with a log of the account's of its own."""
    control("requests", "DELETE")
    given = ["--extra-vars", json.dumps(variables)] if variables else []
    command = ["ansible-playbook", "--inventory", INVENTORY, *options, *given, ROOT / f"playbooks/{playbook}.yml"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert TOKEN not in said
    return Run(done.returncode, said)


def ssh(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ssh", "-F", SSH / "config", "-o", "BatchMode=yes", *words], capture_output=True, text=True, check=False)


def on_container(script: str) -> None:
    subprocess.run(["docker", "exec", CONTAINER, "sh", "-euc", script], check=True, capture_output=True)


@pytest.fixture
def other_host_keys():
    """Somebody else answers at the droplet's address."""
    on_container("cp -a /etc/ssh /tmp/ssh && rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
    yield
    on_container("cp -a /tmp/ssh/ssh_host_* /etc/ssh/ && systemctl restart ssh")


def test_it_works():
    [address] = ask("tatis.example.com", port=DNS_PORT)
    visitor = http.client.HTTPConnection(address, 80, timeout=10)
    visitor.request("GET", "/", headers={"Host": "tatis.example.com"})
    assert "Does Fernando Tatis Jr. have an error today?" in visitor.getresponse().read().decode()


@pytest.mark.parametrize("name", ["example.com", "www.tatis.example.com"])
def test_the_further_names_lead_to_the_first(name):
    [address] = ask(name, port=DNS_PORT)
    visitor = http.client.HTTPConnection(address, 80, timeout=10)
    visitor.request("GET", "/", headers={"Host": name})
    assert visitor.getresponse().getheader("Location") == "http://tatis.example.com/"


def test_each_name_has_one_record_of_each_kind():
    records = [record for record in control("state")["records"].values() if record["type"] in ("A", "AAAA")]
    assert sorted((record["name"], record["type"]) for record in records) == sorted(
        (name, kind) for name in ("@", "tatis", "www.tatis") for kind in ("A", "AAAA")
    )
    assert len(ask("tatis.example.com", "AAAA", DNS_PORT)) == 1


def test_only_ssh_and_the_web_come_through_the_firewall():
    [firewall] = control("state")["firewalls"].values()
    assert sorted((rule["protocol"], rule["ports"]) for rule in firewall["inbound_rules"]) == [("icmp", "0"), ("tcp", "22"), ("tcp", "443"), ("tcp", "80")]
    assert firewall["tags"] == ["shortstop"]


def test_a_second_run_only_looks_and_tells_no_token():
    assert run("-vvvv").expect_success().changed == 0
    assert changes() == []
    kept = [file for file in SSH.parent.rglob("*") if file.is_file() and TOKEN in file.read_text(errors="replace")]
    assert kept == []


def test_a_check_shows_each_record_before_and_after_and_changes_nothing():
    [record] = [record for record in control("state")["records"].values() if (record["name"], record["type"]) == ("tatis", "A")]
    place = f"{API}/v2/domains/example.com/records/{record['id']}"
    moved = urllib.request.Request(place, json.dumps({**record, "data": "203.0.113.99"}).encode(), {"Authorization": f"Bearer {TOKEN}"}, method="PUT")
    urllib.request.urlopen(moved, timeout=10).close()
    sentence = (
        'domain "example.com": A of "tatis.example.com": it has 203.0.113.99 today, where 127.0.66.1 was expected; if it is to be 127.0.66.1, say confirm='
    )
    run().expect_failure(sentence)
    assert changes() == []
    said = run("--check", "--diff", confirm="tatis.example.com").expect_success().output
    assert "-tatis.example.com 1800 A 203.0.113.99\n+tatis.example.com 1800 A 127.0.66.1" in said
    assert changes() == []
    assert run(confirm="tatis.example.com").expect_success().changed == 1
    assert ask("tatis.example.com", port=DNS_PORT) == [ADDRESS]


@pytest.mark.usefixtures("other_host_keys")
def test_a_stranger_at_the_address_stops_every_run():
    run().expect_failure(f'droplet "web1": {ADDRESS} has another host key than the one that is pinned.')
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ssh("web1", "true").stderr
    # A connection of an earlier run may still be open, to the right one.
    assert "unreachable=1" in run(playbook="base", ansible_ssh_args="-o ControlPath=none").output


def test_bad_input_is_told_before_anything_is_asked():
    failed = run(droplets={"web1": {"regoin": "fra1"}, "web2": {"region": "fra1", "sites": ["tatsi"]}}, droplet_domains=["example.org"])
    failed.expect_failure('droplet "web1": key "regoin" is not known; did you mean "region"?')
    failed.expect_failure('droplet "web2": key "sites": there is no site "tatsi"; did you mean "tatis"?')
    failed.expect_failure('site "tatis": tatis.example.com lies in none of droplet_domains; add the domain that holds it')
    assert changes() == []


@pytest.mark.parametrize("keys", [{"size": "s-2vcpu-4gb"}, {"image": "debian-12-x64"}])
def test_a_resize_and_a_rebuild_want_to_be_confirmed(keys):
    run(droplets={"web1": {"region": "fra1", **keys}}).expect_failure("if that is meant, say confirm=web1")
    assert changes() == []


def test_a_rebuilt_droplet_is_known_without_a_hand():
    pinned = (SSH / "known_hosts").read_text()
    run(droplets={"web1": {"region": "fra1", "image": "debian-12-x64"}}, confirm="web1").expect_success()
    assert (SSH / "known_hosts").read_text() != pinned
    assert ssh("root@web1", "true").returncode == 0
    assert "StrictHostKeyChecking no" not in (SSH / "config").read_text()


def test_a_droplet_is_retired_by_its_name_alone():
    run(playbook="retire", only="web2", confirm="web2").expect_failure('There is no droplet "web2" with tag "shortstop"; there are web1.')
    run(playbook="retire", only="web1", confirm="").expect_failure("if that is meant, say -e confirm=web1")
    assert changes() == []


def test_what_leads_to_a_retired_droplet_goes_with_it():
    run(playbook="retire", only="web1", confirm="web1").expect_success()
    state = control("state")
    assert [kind for kind in ("droplets", "firewalls") if [thing for thing in state[kind].values() if thing.get("_leaves") != 0]] == []
    assert sorted({record["type"] for record in state["records"].values()}) == ["NS", "SOA"]
    assert ask("tatis.example.com", port=DNS_PORT) == []
    assert "127.0.66.1" not in (SSH / "config").read_text() + (SSH / "known_hosts").read_text()
    assert subprocess.run(["docker", "inspect", CONTAINER], capture_output=True, check=False).returncode != 0
