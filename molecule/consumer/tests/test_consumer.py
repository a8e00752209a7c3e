"""The collection in somebody else's project."""

from __future__ import annotations

import json
import os
from pathlib import Path

from conftest import ROOT
from on_server import get

INSTALLED = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "collections/ansible_collections/shortstop/django")


def test_it_works(server):
    head, body = get(server, f"tatis.{server.backend.name}.example.com", "/healthz", scheme="https")
    assert head.startswith("HTTP/1.1 200 ")
    assert json.loads(body)["release"] == server.file("/srv/tatis/current").linked_to.rpartition("/")[2]


def test_the_artifact_is_whole_and_holds_nothing_else():
    assert {path.name for path in INSTALLED.iterdir()} == {
        *("app", "inventories", "meta", "playbooks", "plugins", "roles"),
        *("CHANGELOG.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "ansible.cfg", "requirements.txt", "requirements.yml", "site.yml"),
    }
    assert (INSTALLED / "app/manage.py").is_file()
    assert not (INSTALLED / "app/tests").exists()


def test_the_collections_own_playbook_does_the_same_from_where_it_is_installed(play, servers):
    before = [server.file("/srv/tatis/current").linked_to for server in servers]
    run = play("-vv", playbook="shortstop.django.site").expect_success()
    assert run.changed == 0
    assert f"task path: {INSTALLED}/roles/django/" in run.output
    assert f"{ROOT}/roles/" not in run.output
    assert [server.file("/srv/tatis/current").linked_to for server in servers] == before
