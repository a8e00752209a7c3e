"""Role base's guards, as Ansible reads them: of a run's own key, by what sshd says of it, and of the names of the sites' users."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

VARIABLES = Path(__file__).resolve().parents[2] / "roles/base/vars/main.yml"
OWN, OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOwn", "AAAAC3NzaC1lZDI1NTE5AAAAIOther"


def told(variable: str, **given: object) -> bool:
    """What one of the role's own variables is."""
    command = [
        "ansible",
        "localhost",
        "--connection",
        "local",
        "--inventory",
        "localhost,",
        "--module-name",
        "debug",
        "--args",
        json.dumps({"msg": f"{{{{ {variable} }}}}"}),
    ]
    asked = subprocess.run(
        [*command, "-e", f"@{VARIABLES}", "-e", json.dumps({"base_deploy_user": "deploy", **given})], capture_output=True, text=True, check=True
    )
    return re.search(r"msg\W+(true|false)", asked.stdout, re.IGNORECASE)[1].lower() == "true"


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
    ("name", "comment", "groups", "is_own"),
    [
        ("blog", None, [], True),
        ("blog", "shortstop site blog", ["blog"], True),
        # A site may get another name, and keep its user.
        ("blog", "shortstop site diary", ["blog"], True),
        ("blog", "Ada,,,", ["blog"], False),
        ("blog", "", [], False),
        ("blog", None, ["blog"], False),
        ("deploy", None, [], False),
    ],
)
def test_a_user_that_is_somebody_else_s_is_known(name, comment, groups, is_own):
    survey = {"users": {} if comment is None else {name: {"comment": comment}}, "groups": groups}
    assert told("__base_foreign_users == []", site_names=["site"], site_by_name={"site": {"user": name}}, __base_survey=survey) is is_own


RULE = "ufw limit 22/tcp comment 'shortstop: limit 22/tcp from any: SSH'"
STATUS = "Status: active\nLogging: on (low)\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n"


@pytest.mark.parametrize(
    ("rules", "status", "differs"),
    [
        (RULE, STATUS, False),
        (f"ufw allow 'Nginx Full'\n{RULE}", STATUS, False),
        ("", STATUS, True),
        (RULE.replace("ufw limit", "ufw allow"), STATUS, True),  # its action was changed by hand, and the comment stayed
        (f"{RULE}\nufw allow 80/tcp comment 'shortstop: allow 80/tcp from any: -'", STATUS, True),
        (RULE, "Status: inactive\n", True),
        (RULE, STATUS.replace("deny (incoming)", "allow (incoming)"), True),
    ],
)
def test_a_firewall_that_differs_is_known(rules, status, differs):
    survey = {"commands": {"rules": {"stdout": rules}, "firewall": {"stdout": status}}}
    given = {"base_ssh_port": 22, "base_never_banned": [], "base_firewall_rules": []}
    assert told("__base_firewall_differs", __base_survey=survey, **given) is differs
