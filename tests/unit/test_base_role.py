"""Role base's guard of a run's own key: what sshd says of it, as Ansible reads it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

VARIABLES = Path(__file__).resolve().parents[2] / "roles/base/vars/main.yml"
OWN, OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOwn", "AAAAC3NzaC1lZDI1NTE5AAAAIOther"


def kept(keys: list[str], said: str) -> bool:
    """Whether these keys let a run in again that sshd says this of."""
    given = {"base_deploy_user": "deploy", "base_deploy_keys": keys, "__base_own_key": {"stdout": said}}
    command = ["ansible", "localhost", "--connection", "local", "--inventory", "localhost,", "--module-name", "debug", "--args", "var=__base_own_key_kept"]
    asked = subprocess.run([*command, "-e", f"@{VARIABLES}", "-e", json.dumps(given)], capture_output=True, text=True, check=True)
    return {"true": True, "false": False}[asked.stdout.partition("__base_own_key_kept")[2].strip(' ":}\n')]


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
    assert kept(keys, said) is stays
