"""A server that version 0.1.0 made goes over to this version by a run, and its releases from before still serve."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from house import ROOT, Project, Server, Visitors

BEFORE = "7e56c64"  # the last commit of version 0.1.0
SIGN_IN = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore

user = get_user_model().objects.create_superuser("ada", "ada@example.com", "correct horse battery")
backend = "django.contrib.auth.backends.ModelBackend"
session = SessionStore()
session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: backend, HASH_SESSION_KEY: user.get_session_auth_hash()})
session.save()
print(session.session_key)
"""
RELEASES = os.environ.get("RELEASES", "bookworm trixie").split()


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of version 0.1.0, with the packages of this one."""
    checkout = tmp_path_factory.mktemp("earlier")
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract", "--directory", checkout], input=archive, check=True)
    collections = checkout / ".ansible/collections/ansible_collections/shortstop"
    collections.mkdir(parents=True)
    (collections / "django").symlink_to("../../../..")
    return checkout


@pytest.fixture(scope="module")
def upgraded(server: Server, earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two sites that version 0.1.0 deployed, then a run of this version while visitors ask for both."""
    directory = tmp_path_factory.mktemp("project")
    before = Project(directory, server, root=earlier, playbook=earlier / "site.yml")
    now = Project(directory, server, sites=before.sites)
    for name in ("tatis", "uat"):
        before.sites[name] = {**before.bundled(name), "source": {"path": str(earlier / "app")}, "environment": {"DJANGO_ADMIN_PATH": "admin"}}
    before.play().expect_success()
    server.run("basename $(readlink /srv/tatis/current) >/root/before")
    server.run("echo uploaded >/srv/tatis/media/words.txt; chown tatis: /srv/tatis/media/words.txt")
    server.run(f"shortstop manage tatis shell -v 0 -c {shlex.quote(SIGN_IN)} >/root/session")
    expect_belongings(server)
    with Visitors(server, "tatis.example.com") as tatis, Visitors(server, "uat.example.com") as uat:
        now.play().expect_success()
    assert (tatis.failed, uat.failed) == ([], [])
    print(f"\n{tatis.asked + uat.asked} requests during the run, 0 failed")
    return now


def expect_belongings(server: Server) -> None:
    """Data, an upload and the session of somebody who signed in before."""
    assert server.get("tatis.example.com", "/media/words.txt").body == "uploaded\n"
    page = server.get("tatis.example.com", "/admin/", cookie=f"sessionid={server.run('tail -n 1 /root/session').strip()}")
    assert page.status == 200
    assert "Log out" in page.body


def before(server: Server) -> str:
    return server.run("cat /root/before").strip()


def health(server: Server) -> dict:
    answer = server.get("tatis.example.com", "/healthz")
    assert answer.status == 200
    return json.loads(answer.body)


def test_a_run_makes_releases_of_the_new_layout(upgraded: Project, server: Server) -> None:
    assert server.live("tatis") != before(server)
    assert server.succeeds("test -f /srv/tatis/current/source/manage.py")
    assert health(server)["release"] == server.live("tatis")
    expect_belongings(server)


def test_the_settings_of_the_bundled_site_are_left_as_they_are(upgraded: Project, server: Server) -> None:
    assert server.run("shortstop settings tatis") == "the settings of tatis are the project's own\n"


def test_a_second_run_changes_nothing(upgraded: Project) -> None:
    assert upgraded.play().expect_success().changed == 0


def test_the_engine_tells_of_releases_from_before(upgraded: Project, server: Server) -> None:
    told = {row["release"]: row["state"] for row in json.loads(server.run("shortstop releases tatis --json"))}
    assert told == {before(server): "previous", server.live("tatis"): "live"}


def test_a_release_from_before_serves_again(upgraded: Project, server: Server) -> None:
    with Visitors(server, "tatis.example.com") as tatis:
        server.run("shortstop rollback tatis")
    assert tatis.failed == []
    assert health(server)["release"] == before(server) == server.live("tatis")
    expect_belongings(server)


def test_a_release_from_before_starts_again_and_runs_commands(upgraded: Project, server: Server) -> None:
    server.run(f"systemctl restart gunicorn-tatis@{before(server)}.service")
    assert health(server)["release"] == before(server)
    assert server.run("shortstop manage tatis shell -v 0 -c \"import os; print(os.environ['SHORTSTOP_RELEASE'])\"").strip() == before(server)


def test_the_next_deploy_goes_forward_again(upgraded: Project, server: Server) -> None:
    with Visitors(server, "tatis.example.com") as tatis:
        upgraded.play("-e", "only=tatis", playbooks=("deploy.yml",)).expect_success()
    assert tatis.failed == []
    assert health(server)["release"] == server.live("tatis") != before(server)
    expect_belongings(server)
    assert server.run("systemctl --failed --plain --no-legend") == ""
