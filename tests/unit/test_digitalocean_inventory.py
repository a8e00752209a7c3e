"""The inventory plugin, as ansible-inventory reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ansible_collections.shortstop.django.plugins.inventory.digitalocean import InventoryModule

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def inventory(fake, tmp_path):
    """What ansible-inventory prints on stdout and stderr for a file of these options."""

    def read(*, name: str = "digitalocean.yml", environment: dict | None = None, **options: object) -> tuple[dict, str]:
        (tmp_path / name).write_text(yaml.safe_dump({"plugin": "shortstop.django.digitalocean", **options}))
        given = {"DIGITALOCEAN_API_URL": fake.url, "DO_API_TOKEN": fake.token, "no_proxy": "*"} if environment is None else environment
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "DO_", "DIGITALOCEAN_"))}
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "inventory", "-i", tmp_path / name, "--list", "-vvvv"],
            env={**kept, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000", **given},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert fake.token not in done.stdout + done.stderr
        # What cannot be read ends the run: no account is an empty one.
        found = done.stdout[done.stdout.index("\n{") :] if done.returncode == 0 else "{}"
        return json.loads(found, object_hook=lambda given: given.get("__ansible_unsafe", given)), done.stderr

    return read


def test_it_works(inventory, fake):
    web = fake.droplet("web1", "shortstop", "shortstop:web", "shortstop:eu-west", "other:db")
    fake.droplet("db1", "shortstop", "shortstop:db")
    fake.droplet("theirs", "theirs", "shortstop:web")
    found, _said = inventory(keyed_groups=[{"key": "digitalocean_droplet.region", "prefix": "region"}])
    assert {name: group["hosts"] for name, group in found.items() if "hosts" in group} == {
        "web": ["web1"],
        "db": ["db1"],
        "eu_west": ["web1"],
        "region_fra1": ["db1", "web1"],
    }
    variables = found["_meta"]["hostvars"]["web1"]
    assert variables["ansible_host"] == web["_addresses"]["public_v4"]
    assert (variables["digitalocean_droplet"]["id"], variables["digitalocean_droplet"]["size"]) == (web["id"], "s-1vcpu-1gb")


def test_a_tag_and_a_prefix_may_be_others(inventory, fake):
    fake.droplet("uat1", "uat", "uat_web")
    found, _said = inventory(tag="uat", group_prefix="uat_")
    assert found["web"]["hosts"] == ["uat1"]


def test_a_droplet_without_a_public_address_is_left_out(inventory, fake):
    fake.droplet("web1", "shortstop")["_active_looks"] = 1
    found, said = inventory()
    assert found["_meta"]["hostvars"] == {}
    assert 'droplet "web1" has no public address, and is left out' in said


def test_two_droplets_of_one_name_are_told(inventory, fake):
    for name in ("web1", "web1", "web2"):
        fake.droplet(name, "shortstop")
    assert 'there is more than one droplet of the name web1 with tag "shortstop"; rename or untag one' in inventory()[1]


def test_a_token_that_is_not_accepted_is_told_with_the_scopes(inventory, fake):
    _found, said = inventory(api_token="another")
    assert 'droplets with tag "shortstop": the API does not accept the token (401, Unable to authenticate you)' in said
    assert "it needs the scopes droplet:read, tag:read" in said


def test_a_wait_is_told_beside_the_inventory(digitalocean, fake, monkeypatch):
    options = {"api_token": fake.token, "api_url": fake.url, "request_timeout": 30, "wait_timeout": 300, "tag": "shortstop"}
    plugin, said = InventoryModule(), []
    monkeypatch.setattr(plugin, "get_option", options.get)
    plugin.templar = SimpleNamespace(template=lambda value: value)
    plugin.display = SimpleNamespace(display=lambda line, stderr: said.append((line, stderr)))
    fake.trouble(status=429, headers={"retry-after": "7"})
    assert plugin._droplets() == []
    assert said == [('droplets with tag "shortstop": the API takes no more requests for now (429); again in 7 s', True)]
    assert digitalocean.clock.slept == [7]


def test_the_token_may_come_from_a_template(inventory, fake, tmp_path):
    (tmp_path / "token").write_text(f"{fake.token}\n")
    fake.droplet("web1", "shortstop")
    token = "{{ lookup('ansible.builtin.file', '" + str(tmp_path / "token") + "') }}"
    found, _said = inventory(environment={"no_proxy": "*"}, api_token=token, api_url=fake.url)
    assert "web1" in found["_meta"]["hostvars"]


def test_a_cache_is_asked_first_and_holds_no_token(inventory, fake, tmp_path):
    fake.droplet("web1", "shortstop")
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    for _ in range(2):
        assert "web1" in inventory(**options)[0]["_meta"]["hostvars"]
    assert len(fake.asked()) == 1
    (cache,) = (tmp_path / "cache").iterdir()
    assert fake.token not in cache.read_text()


def test_a_file_of_another_name_is_another_plugins(inventory, fake):
    _found, _said = inventory(name="hosts.yml")
    assert fake.asked() == []
