"""Role base's guards, as Ansible reads them: of a run's own key, by what sshd says of it, and of the names of the sites' users."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

VARIABLES = Path(__file__).resolve().parents[2] / "roles/base/vars/main.yml"
OWN, OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOwn", "AAAAC3NzaC1lZDI1NTE5AAAAIOther"


def told(variable: str, **given: object) -> bool:
    """What one of the role's own variables is."""
    command = ["ansible", "localhost", "--connection", "local", "--inventory", "localhost,", "--module-name", "debug", "--args", f"var={variable}"]
    asked = subprocess.run(
        [*command, "-e", f"@{VARIABLES}", "-e", json.dumps({"base_deploy_user": "deploy", **given})], capture_output=True, text=True, check=True
    )
    return {"true": True, "false": False}[asked.stdout.partition(variable)[2].strip(' ":}\n')]


@pytest.mark.parametrize(
    ("keys", "said", "stays"),
    [
        ([f"ssh-ed25519 {OWN} me"], f"publickey ssh-ed25519 {OWN}", True),
        ([f"ssh-ed25519 {OTHER} other", f"ssh-ed25519 {OWN}"], f"publickey ssh-ed25519 {OWN}", True),
        ([f"ssh-ed25519 {OTHER} other"], f"publickey ssh-ed25519 {OWN}", False),
        # One that an authority has signed stands in no file, and root's door says nothing of the deploy user.
        ([f"ssh-ed25519 {OTHER} other"], f"publickey ssh-ed25519-cert-v01@openssh.com {OWN}", True),
        ([f"ssh-ed25519 {OTHER} other"], "", True),
    ],
)
def test_a_run_s_own_key_is_known(keys, said, stays):
    assert told("__base_own_key_kept", base_deploy_keys=keys, __base_own_key={"stdout": said}) is stays


@pytest.mark.parametrize(
    ("name", "user", "group", "is_own"),
    [
        ("blog", "", "", True),
        ("blog", "blog:x:999:999:shortstop site blog:/srv/blog:/usr/sbin/nologin", "blog:x:999:", True),
        # A site may get another name, and keep its user.
        ("blog", "blog:x:999:999:shortstop site diary:/srv/diary:/usr/sbin/nologin", "blog:x:999:", True),
        ("blog", "blog:x:1000:1000:Ada,,,:/home/blog:/bin/bash", "blog:x:1000:", False),
        ("blog", "blog:x:1000:1000::/home/blog:/bin/bash", "", False),
        ("blog", "", "blog:x:42:", False),
        ("deploy", "", "", False),
    ],
)
def test_a_user_that_is_somebody_else_s_is_known(name, user, group, is_own):
    others = ["root:x:0:0:root:/root:/bin/bash", "blogger:x:1001:1001::/home/blogger:/bin/bash"]
    taken = {"results": [{"stdout_lines": [*others, *filter(None, [user])]}, {"stdout_lines": [*filter(None, [group])]}]}
    assert told("__base_user_is_own", site={"user": name}, __base_taken=taken) is is_own
