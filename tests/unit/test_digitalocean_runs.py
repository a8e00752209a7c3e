"""Real plays with DigitalOcean's modules: what they change, what they tell, and where the token is not."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("digitalocean_*.py"))
ADDRESS = "{{ made.droplet.public_v4 | default('203.0.113.7', true) }}"
TASKS = [
    {"digitalocean_ssh_key": {"name": "me", "public_key": "ssh-ed25519 AAAA me"}},
    {"digitalocean_droplet": {"name": "web", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64", "user_data": "hidden"}, "register": "made"},
    {"digitalocean_reserved_ip": {"droplet_id": "{{ made.droplet.id }}"}, "when": "made.droplet.id is integer"},
    {"digitalocean_firewall": {"name": "web", "tags": ["shortstop"], "inbound_rules": [{"protocol": "tcp", "ports": 22, "sources": {"tags": ["home"]}}]}},
    {"digitalocean_domain": {"name": "example.com"}, "register": "domain"},
    {
        "digitalocean_dns_record_set": {"domain": "example.com", "name": "{{ item }}", "type": "A", "values": [ADDRESS]},
        "loop": ["example.com", "www.example.com"],
        "when": "not (ansible_check_mode and domain is changed)",
    },
    {"digitalocean_droplets_info": {}},
]

each_module = pytest.mark.parametrize("name", NAMES)


def command_lines() -> str:
    """Those of all processes."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has just ended
    return "\n".join(found)


@pytest.fixture
def play(fake, tmp_path):
    """Runs the tasks in a real play that tells all it can; returns what it told, and looks for the token at each request."""
    fake.trouble(looks_until_active=1, looks_until_address=0)
    seen = []
    carry_out = fake.carry_out

    def carry_out_and_look(*words: object) -> object:
        seen.extend(str(file) for file in tmp_path.rglob("*") if file.is_file() and fake.token in file.read_text(errors="replace"))
        seen.extend(line for line in command_lines().split("\n") if fake.token in line)
        return carry_out(*words)

    fake.carry_out = carry_out_and_look

    def run(*options: str, token: str = "{{ lookup('ansible.builtin.env', 'MY_TOKEN') }}", tasks: list[dict] = TASKS) -> str:
        defaults = {"group/shortstop.django.digitalocean": {"api_url": fake.url, "api_token": token}}
        tasks = [{f"shortstop.django.{name}" if name.startswith("digital") else name: value for name, value in task.items()} for task in tasks]
        play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        places = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_LOG_PATH": str(tmp_path / "log")}
        given = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PIPELINING": "0", "MY_TOKEN": fake.token, "no_proxy": "*", **places}
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-vvvv", "--diff", *options, tmp_path / "play.yml"],
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert fake.requests or done.returncode
        assert seen == []
        assert fake.token not in done.stdout
        assert [str(file) for file in tmp_path.rglob("*") if file.is_file() and fake.token in file.read_text(errors="replace")] == []
        return done.stdout

    return run


def test_it_works(play, fake):
    said = play()
    assert "ok=7    changed=6 " in said
    assert "+www.example.com 1800 A 203.0.113." in said
    assert "hidden" not in said
    fake.requests.clear()
    assert "ok=7    changed=0 " in play()
    assert fake.requests != []
    assert fake.changes() == []


def test_a_check_of_all_of_it_only_looks(play, fake):
    assert "ok=5    changed=4    unreachable=0    failed=0    skipped=2 " in play("--check")
    assert fake.requests != []
    assert fake.changes() == []


def test_a_failure_has_one_sentence_and_no_token(play, fake):
    fake.token, said = "another_secret", play(token="wrong", tasks=TASKS[-1:])
    assert 'droplets with tag "shortstop": the API does not accept the token (401, Unable to authenticate you); it needs the scopes' in said
    assert "wrong" not in said


@each_module
def test_each_runs_as_a_module_too(name, fake, capsys, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    module = importlib.import_module(f"ansible_collections.shortstop.django.plugins.modules.{name}")
    needed = {"domain": "example.com", "name": "web", "droplet_id": 1, "type": "A", "public_key": "ssh-ed25519 AAAA"}
    arguments = {option: value for option, value in needed.items() if option in module.ARGUMENTS}
    if "state" in module.ARGUMENTS:
        arguments["state"] = "absent"
    with patch_module_args({"api_url": fake.url, "api_token": fake.token, **arguments}), pytest.raises(SystemExit):
        module.main()
    said = capsys.readouterr().out
    assert json.loads(said)["changed"] is False
    assert fake.token not in said


def test_a_module_that_fails_says_so(fake, capsys):
    module = importlib.import_module("ansible_collections.shortstop.django.plugins.modules.digitalocean_droplets_info")
    with patch_module_args({"api_url": "http://example.com", "api_token": fake.token}), pytest.raises(SystemExit, match="1"):
        module.main()
    said = json.loads(capsys.readouterr().out)
    assert (said["failed"], said["msg"].partition(":")[0]) == (True, 'droplets with tag "shortstop"')


@each_module
def test_each_has_the_action_that_shows_what_it_waits_for_and_takes_part_in_the_group(name):
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    assert runtime["plugin_routing"]["modules"][name]["action_plugin"] == "shortstop.django.digitalocean_droplet"
    assert name in runtime["action_groups"]["digitalocean"]


@each_module
def test_each_documents_the_scopes_that_it_names_when_they_are_missing(name):
    module = importlib.import_module(f"ansible_collections.shortstop.django.plugins.modules.{name}")
    assert [scope for scope in module.SCOPES if f"C({scope})" not in module.DOCUMENTATION] == []


def test_ansible_doc_renders_all_of_them():
    for kind, names in (("module", NAMES), ("inventory", ["digitalocean"])):
        wanted = [f"shortstop.django.{name}" for name in names]
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "doc", "--type", kind, "--json", *wanted],
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name, plugin in json.loads(done.stdout).items():
            assert name in wanted
            assert {"api_token", "api_url"} <= plugin["doc"]["options"].keys()
            assert plugin["examples"]
