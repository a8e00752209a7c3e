"""From a token to a page, and again without harm: what the account was asked for, what a visitor gets, and whom this machine believes."""

import http.client
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from house import ROOT, Run, Server, Watcher

sys.path.insert(0, str(ROOT / "tests"))
from fake_dns import ask

API, TOKEN = os.environ["DIGITALOCEAN_API_URL"], os.environ["DO_API_TOKEN"]
SSH = ROOT / ".cache/droplet/ssh"
INVENTORY, UAT = ROOT / "molecule/droplet/inventory", ROOT / "inventories/uat"
PRODUCTION, TWIN = Server("droplet-web1"), Server("droplet-uat1")
ADDRESS, RESERVED, TWIN_ADDRESS, DNS_PORT = "127.0.66.1", "127.0.67.1", "127.0.66.2", 8753
WEB1 = {"region": "fra1", "reserved_address": True}
ANSWER_WITHIN = 60  # seconds until a playbook asks its next question
# What stands in for the world of the twin's operator, whose inventory stays as it is: a directory for SSH, and a made-up league.
STAND_INS = {
    "workstation_ssh_dir": str(SSH),
    "droplet_ssh_args": [f"-F{SSH}/config"],
    "ansible_ssh_common_args": f"-F {SSH}/config",
    "base_never_banned": ["172.16.0.0/12"],
    "site_common": {"tls": "off", "environment": {"TATIS_API_URL": "http://127.0.0.1:8765"}},
}


def control(path: str, method: str = "GET", **body: object) -> dict:
    request = urllib.request.Request(f"{API}/_fake/{path}", data=json.dumps(body).encode() if body else None, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def changes() -> list[str]:
    asked = control("requests")["requests"]
    assert asked
    return [f"{request['method']} {request['path']}" for request in asked if request["method"] != "GET"]


def command(playbooks: tuple[str, ...], inventory: Path, *options: str, **variables: object) -> list:
    given = ["--extra-vars", json.dumps(variables)] if variables else []
    return ["ansible-playbook", "--inventory", inventory, *options, *given, *(ROOT / f"playbooks/{name}.yml" for name in playbooks)]


def run(*options: str, playbooks: tuple[str, ...] = ("droplet",), inventory: Path = INVENTORY, environment: dict = {}, **variables: object) -> Run:  # noqa: B006
    """Runs playbooks with a log of the account's of its own."""
    control("requests", "DELETE")
    done = subprocess.run(
        command(playbooks, inventory, *options, **variables),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert TOKEN not in said
    return Run(done.returncode, said)


def run_at_terminal(playbook: str, answers: dict[str, str], **variables: object) -> Run:
    """Runs a playbook for somebody who sits at a terminal and answers its questions in this order."""
    control("requests", "DELETE")
    here, there = pty.openpty()
    words = command((playbook,), INVENTORY, **variables)
    process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, stdin=there, stdout=there, stderr=there, start_new_session=True)
    os.close(there)
    said = ""
    for question, answer in answers.items():
        while question not in said:
            assert select.select([here], [], [], ANSWER_WITHIN)[0], f"it did not ask {question!r}: {said}"
            said += os.read(here, 4096).decode()
        os.write(here, f"{answer}\n".encode())
    said += "".join(iter(lambda: read_terminal(here), ""))
    os.close(here)
    return Run(process.wait(), said)


def read_terminal(terminal: int) -> str:
    """What is shown next, and "" when the program has ended, which a terminal calls an error."""
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        return ""


def ssh(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ssh", "-F", SSH / "config", "-o", "BatchMode=yes", *words], capture_output=True, text=True, check=False)


def visit(name: str) -> http.client.HTTPResponse:
    """What a visitor gets who asks the name server first."""
    [address] = ask(name, port=DNS_PORT)
    visitor = http.client.HTTPConnection(address, 80, timeout=10)
    visitor.request("GET", "/", headers={"Host": name})
    answer = visitor.getresponse()
    answer.body = answer.read().decode()
    return answer


def untouched() -> tuple[dict, str]:
    """All that the account knows, but for what it counts, and all that production is made of."""
    state = {kind: control("state")[kind] for kind in ("droplets", "records", "firewalls", "reserved_ips")}
    shown = {
        kind: {name: {key: value for key, value in thing.items() if not key.startswith("_")} for name, thing in things.items()}
        for kind, things in state.items()
    }
    # Polls keep their pages in the site's own directory.
    return shown, "\n".join(line for line in PRODUCTION.fingerprint().splitlines() if "/srv/tatis/var" not in line)


@pytest.fixture
def other_host_keys() -> Iterator[None]:
    """Somebody else answers at the droplet's address."""
    PRODUCTION.run("cp -a /etc/ssh /tmp/ssh && rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
    yield
    PRODUCTION.run("cp -a /tmp/ssh/ssh_host_* /etc/ssh/ && systemctl restart ssh")


@pytest.fixture
def first_boot() -> Iterator[Callable[[str], None]]:
    """A function that puts the droplet's cloud-init into a state."""
    yield lambda state: PRODUCTION.run(f"echo {state} >/run/cloud-init-state")
    PRODUCTION.run("rm --force /run/cloud-init-state")


@pytest.fixture
def closed_door() -> Iterator[None]:
    """Nobody answers where the droplet's sshd was."""
    PRODUCTION.run("systemctl stop ssh.service")
    yield
    PRODUCTION.run("systemctl start ssh.service")


def test_it_works():
    assert ask("tatis.example.com", port=DNS_PORT) == [RESERVED]
    assert "Does Fernando Tatis Jr. have an error today?" in visit("tatis.example.com").body


@pytest.mark.parametrize("name", ["example.com", "www.tatis.example.com"])
def test_the_further_names_lead_to_the_first(name):
    assert visit(name).getheader("Location") == "http://tatis.example.com/"


def test_each_name_has_one_record_of_each_kind():
    records = [record for record in control("state")["records"].values() if record["type"] in ("A", "AAAA")]
    assert sorted((record["name"], record["type"]) for record in records) == sorted(
        (name, kind) for name in ("@", "tatis", "www.tatis") for kind in ("A", "AAAA")
    )
    assert len(ask("tatis.example.com", "AAAA", DNS_PORT)) == 1


def test_only_ssh_and_the_web_come_through_the_firewall():
    [firewall] = control("state")["firewalls"].values()
    let_in = sorted((rule["protocol"], rule["ports"]) for rule in firewall["inbound_rules"])
    assert let_in == [("icmp", "0"), ("tcp", "22"), ("tcp", "443"), ("tcp", "80"), ("udp", "443")]
    assert firewall["tags"] == ["shortstop"]


def test_a_second_run_only_looks_and_tells_no_token():
    assert run("-vvvv").expect_success().changed == 0
    assert changes() == []
    kept = [file for file in SSH.parent.rglob("*") if file.is_file() and TOKEN in file.read_text(errors="replace")]
    assert kept == []


def test_a_run_knocks_at_no_closed_door():
    """Somebody who does so often is sent away by sshd, and banned."""
    refused = "journalctl --unit ssh --output cat | grep --count 'authenticating user' || true"
    before = PRODUCTION.run(refused)
    run().expect_success()
    assert PRODUCTION.run(refused) == before


def test_a_reserved_address_was_had_once_and_leads_to_the_droplet():
    state = control("state")
    assert [(address["ip"], address["droplet"]) for address in state["reserved_ips"].values()] == [(RESERVED, next(iter(state["droplets"].values()))["id"])]
    assert [record["data"] for record in state["records"].values() if record["type"] == "A"] == [RESERVED] * 3


def test_a_check_shows_each_record_before_and_after_and_changes_nothing():
    [record] = [record for record in control("state")["records"].values() if (record["name"], record["type"]) == ("tatis", "A")]
    place = f"{API}/v2/domains/example.com/records/{record['id']}"
    moved = urllib.request.Request(place, json.dumps({**record, "data": "203.0.113.99"}).encode(), {"Authorization": f"Bearer {TOKEN}"}, method="PUT")
    urllib.request.urlopen(moved, timeout=10).close()
    sentence = (
        'domain "example.com": A of "tatis.example.com": it has 203.0.113.99 today, where 127.0.66.1, 127.0.67.1 was expected;'
        " if it is to be 127.0.67.1, say confirm="
    )
    run().expect_failure(sentence)
    assert changes() == []
    said = run("--check", "--diff", confirm="tatis.example.com").expect_success().output
    assert "-tatis.example.com 1800 A 203.0.113.99\n+tatis.example.com 1800 A 127.0.67.1" in said
    assert changes() == []
    assert run(confirm="tatis.example.com").expect_success().changed == 1
    assert ask("tatis.example.com", port=DNS_PORT) == [RESERVED]


@pytest.mark.usefixtures("other_host_keys")
def test_a_stranger_at_the_address_stops_every_run():
    run().expect_failure(f'droplet "web1": {ADDRESS} has another host key than the one that is pinned.')
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in ssh("web1", "true").stderr
    # A connection of an earlier run may still be open, to the right one.
    assert "unreachable=1" in run(playbooks=("base",), ansible_ssh_args="-o ControlPath=none").output


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (
            "running",
            f"waited 4 s until SSH lets this machine in and its first boot has ended, but cloud-init is still at work at {ADDRESS} (status: running);"
            " look at its console in the control panel, or allow a longer droplet_wait_timeout",
        ),
        ("error", "its first boot failed; look there into /var/log/cloud-init-output.log"),
    ],
)
def test_a_first_boot_that_does_not_end_well_stops_the_run(first_boot, state, sentence):
    first_boot(state)
    run(droplet_wait_timeout=4).expect_failure(f'droplet "web1": {sentence}')
    assert changes() == []


@pytest.mark.usefixtures("closed_door")
def test_a_door_that_stays_closed_is_not_waited_for_for_ever():
    waited = "waited 4 s until SSH lets this machine in and its first boot has ended"
    run(droplet_wait_timeout=4).expect_failure(f'droplet "web1": {waited}, but SSH lets nobody in at {ADDRESS} (')


def test_bad_input_is_told_before_anything_is_asked():
    failed = run(droplets={"web1": {"regoin": "fra1"}, "web2": {"region": "fra1", "sites": ["tatsi"]}}, droplet_domains=["example.org"])
    failed.expect_failure('droplet "web1": key "regoin" is not known; did you mean "region"?')
    failed.expect_failure('droplet "web2": key "sites": there is no site "tatsi"; did you mean "tatis"?')
    failed.expect_failure('site "tatis": tatis.example.com lies in none of droplet_domains; add the domain that holds it')
    assert changes() == []


@pytest.mark.parametrize("keys", [{"size": "s-2vcpu-4gb"}, {"image": "debian-12-x64"}])
def test_a_resize_and_a_rebuild_want_to_be_confirmed(keys):
    run(droplets={"web1": {**WEB1, **keys}}).expect_failure("if that is meant, say confirm=web1")
    assert changes() == []


@pytest.fixture(scope="module")
def twin(tmp_path_factory) -> SimpleNamespace:
    """inventories/uat as it is, from nothing to its page with one command that tells all it can, while somebody watches the process lists."""
    directory, before = tmp_path_factory.mktemp("run"), untouched()
    places = {"HOME": directory, "TMPDIR": directory, "ANSIBLE_HOME": directory / "ansible", "ANSIBLE_LOG_PATH": directory / "log"}
    begun = time.monotonic()
    with Watcher([TOKEN], PRODUCTION) as watcher:
        made = run("-vvvv", "--diff", playbooks=("droplet", "site"), inventory=UAT, environment=places, **STAND_INS)
    print(f"\nfrom nothing to the twin's page in {time.monotonic() - begun:.0f} s, {len(made.output)} characters of output, {watcher.reads} process lists")
    made.expect_success()
    return SimpleNamespace(run=made, seen=watcher.seen, directory=directory, before=before, changes=changes())


def test_a_twin_of_production_comes_with_one_command(twin):
    assert ask("uat.tatis.example.com", port=DNS_PORT) == [TWIN_ADDRESS]
    answer = visit("uat.tatis.example.com")
    assert "Does Fernando Tatis Jr. have an error today?" in answer.body
    assert (answer.getheader("X-Robots-Tag"), visit("tatis.example.com").getheader("X-Robots-Tag")) == ("noindex, nofollow", None)


def test_the_twin_has_its_own_of_everything(twin):
    tags = {droplet["name"]: droplet["tags"] for droplet in control("state")["droplets"].values()}
    assert tags == {"web1": ["shortstop", "shortstop:web", "shortstop:database"], "uat1": ["uat", "shortstop:web", "shortstop:database"]}
    keys = [server.run("cat /etc/shortstop/generated/tatis.secret_key") for server in (PRODUCTION, TWIN)]
    assert min(map(len, keys)) > 40
    assert keys[0] != keys[1]


def test_production_does_not_notice_its_twin(twin):
    known, host = twin.before
    now, host_now = untouched()
    assert {kind: {name: now[kind].get(name) for name in things} for kind, things in known.items()} == known
    assert host_now == host
    assert [change for change in twin.changes for things in known.values() for name in things if name in change.split("/")] == []
    new_records = [record["name"] for number, record in now["records"].items() if number not in known["records"]]
    assert sorted(new_records) == [name for name in ("uat.tatis", "uat.www.tatis") for _kind in ("A", "AAAA")]
    assert "Does Fernando" in visit("tatis.example.com").body


def test_a_second_run_for_the_twin_only_looks(twin):
    assert run(inventory=UAT, **STAND_INS).expect_success().changed == 0
    assert changes() == []


def test_what_is_waited_for_is_shown_with_what_is_left_of_the_time(twin):
    subject = 'droplet "uat1": '
    assert f"{subject}waiting until it is active and has a public address; it is new; 300 s left" in twin.run.output
    state = f"cloud-init is still at work at {TWIN_ADDRESS} (status: running)"
    told = re.escape(f"{subject}waiting until SSH lets this machine in and its first boot has ended; {state}; ") + r"(\d+) s left"
    left = [int(seconds) for seconds in re.findall(told, twin.run.output)]
    assert len(left) == 2
    assert 300 >= left[0] > left[1] > 250
    assert re.search(rf"{subject}SSH lets this machine in and its first boot has ended, after \d+ s", twin.run.output)


def test_the_watcher_can_see_a_token():
    with Watcher([TOKEN], PRODUCTION) as watcher:
        subprocess.run(["sh", "-c", f"sleep 1; : here {TOKEN}"], check=True)
        PRODUCTION.run(f"sleep 1; : there {TOKEN}")
    assert {where for where in ("here", "there") for line in watcher.seen if f"{where} {TOKEN}" in line} == {"here", "there"}


def test_the_token_shows_nowhere(twin):
    assert twin.seen == set()
    assert (twin.directory / "log").stat().st_size > 100_000
    kept = [file for place in (twin.directory, SSH.parent) for file in place.rglob("*") if file.is_file() and TOKEN in file.read_text(errors="replace")]
    assert kept == []
    places = "/etc /home /opt /root /run /srv /tmp /usr/local /var"
    for server in (PRODUCTION, TWIN):
        assert server.run(f"grep --recursive --files-with-matches --fixed-strings {TOKEN} {places}", check=False) == ""


def test_a_rebuilt_droplet_is_known_without_a_hand():
    pinned = (SSH / "known_hosts").read_text()
    run(droplets={"web1": {**WEB1, "image": "debian-12-x64"}}, confirm="web1").expect_success()
    assert (SSH / "known_hosts").read_text() != pinned
    assert ssh("root@web1", "true").returncode == 0
    assert "StrictHostKeyChecking no" not in (SSH / "config").read_text()


def test_a_droplet_is_retired_by_its_name_alone():
    run(playbooks=("retire",), only="web2", confirm="web2").expect_failure('There is no droplet "web2" with tag "shortstop"; there are web1.')
    failed = run(playbooks=("retire",), only="web1", confirm="")
    failed.expect_failure("all that is on its disk lost, and its reserved address 127.0.67.1 released, which then may become anybody's;")
    failed.expect_failure("if that is meant, say -e confirm=web1")
    assert changes() == []


def test_a_reserved_address_that_its_entry_does_not_ask_for_would_stay():
    sentence = "Its reserved address 127.0.67.1 stays, at a price, since its entry does not ask for one;"
    run(playbooks=("retire",), only="web1", confirm="", droplets={"web1": {"region": "fra1"}}).expect_failure(sentence)
    said = run("--check", playbooks=("retire",), only="web1", confirm="web1", droplets={}).expect_success().output
    assert 'droplet "web1" is destroyed now. Its reserved address 127.0.67.1 stays, at a price' in " ".join(said.split())
    assert changes() == []


QUESTIONS = ("The droplet that is to be destroyed: ", "and the reserved address that its entry asks for. Its name once more: ")


def test_another_name_at_the_second_question_destroys_nothing():
    failed = run_at_terminal("retire", dict(zip(QUESTIONS, ("web1", "wbe1"), strict=True)))
    failed.expect_failure('droplet "web1" (127.0.66.1) would be destroyed')
    assert changes() == []


def test_what_leads_to_a_retired_droplet_goes_with_it():
    kept = {number: record for number, record in control("state")["records"].items() if record["type"] in ("NS", "SOA") or record["name"].startswith("uat.")}
    run_at_terminal("retire", dict.fromkeys(QUESTIONS, "web1")).expect_success()
    state = control("state")
    assert [droplet["name"] for droplet in state["droplets"].values() if droplet["_leaves"] != 0] == ["uat1"]
    assert [firewall["name"] for firewall in state["firewalls"].values()] == ["uat"]
    assert state["reserved_ips"] == {}
    assert state["records"] == kept
    assert ask("tatis.example.com", port=DNS_PORT) == []
    assert "127.0.66.1" not in (SSH / "config").read_text() + (SSH / "known_hosts").read_text()
    assert subprocess.run(["docker", "inspect", PRODUCTION.name], capture_output=True, check=False).returncode != 0


def test_the_twin_is_retired_with_its_firewall(twin):
    run(playbooks=("retire",), inventory=UAT, only="uat1", confirm="uat1", **STAND_INS).expect_success()
    state = control("state")
    assert [kind for kind in ("droplets", "firewalls") if [thing for thing in state[kind].values() if thing.get("_leaves") != 0]] == []
    assert sorted({record["type"] for record in state["records"].values()}) == ["NS", "SOA"]
    assert not [text for text in ((SSH / name).read_text() for name in ("config", "known_hosts") if (SSH / name).exists()) if "127.0.6" in text]
