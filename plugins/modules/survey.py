#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: survey
short_description: Compare a host with what a role wants, in one module run
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Answers all questions of a role at once, so that the role starts a further module only where the host differs. Changes nothing.
options:
  trees:
    description:
      - Lists of entries by a name of the role's own, each as module M(shortstop.django.tree) takes it, but with the SHA-256 of a file's content instead of
        the content. P(shortstop.django.hashed_trees#filter) makes such lists.
    type: dict
    default: {}
  lines:
    description: Lines that files must hold, by a name of the role's own.
    type: dict
    default: {}
  packages:
    description: Names of Debian packages.
    type: list
    elements: str
    default: []
  units:
    description: Names of systemd units.
    type: list
    elements: str
    default: []
  users:
    description: Names of users and of groups.
    type: list
    elements: str
    default: []
  paths:
    description: Paths whose existence matters.
    type: list
    elements: path
    default: []
  texts:
    description: Paths of small text files whose content matters.
    type: list
    elements: path
    default: []
  commands:
    description: Commands that only read, by a name of the role's own, each a list of words. They run in the locale C.
    type: dict
    default: {}
attributes:
  check_mode:
    description: Runs alike in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Compare the host with what this role wants
  shortstop.django.survey:
    packages: [nginx]
    units: [nginx.service]
    trees: "{{ {'conf': conf_entries} | shortstop.django.hashed_trees }}"
  register: survey

- name: Install nginx
  when: survey.missing_packages | length > 0
  ansible.builtin.apt:
    name: nginx
"""

RETURN = r"""
differs:
  description: Whether an entry of the tree of this name differs, or a line of O(lines) is missing.
  returned: always
  type: dict
  sample: {"conf": false}
missing_packages:
  description: The names of O(packages) that are not installed.
  returned: always
  type: list
  elements: str
units:
  description: Whether each unit is active and enabled.
  returned: always
  type: dict
  sample: {"nginx.service": {"active": true, "enabled": true}}
users:
  description: The users of O(users) that exist, by name. Each has C(comment), C(home), C(shell), C(groups) without its own, and C(locked).
  returned: always
  type: dict
groups:
  description: The groups of O(users) that exist.
  returned: always
  type: list
  elements: str
paths:
  description: Those of O(paths) that exist.
  returned: always
  type: list
  elements: str
texts:
  description: The content of each file of O(texts) that exists, by path.
  returned: always
  type: dict
commands:
  description: The C(rc), C(stdout) and C(stderr) of each command, by name. C(rc) is 127 where there is no such program.
  returned: always
  type: dict
"""

import grp
import os
import pwd
import re
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.shortstop.django.plugins.module_utils import tree_entries

ENTRY = {**tree_entries.OPTIONS, "sha256": {"type": "str"}}
LINE = {"path": {"type": "path", "required": True}, "regexp": {"type": "str", "required": True}, "line": {"type": "str", "required": True}}


def run(words):
    """Run a command in the locale C."""
    try:
        ended = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError as error:
        return {"rc": 127, "stdout": "", "stderr": str(error)}
    return {"rc": ended.returncode, "stdout": ended.stdout, "stderr": ended.stderr}


def line_is_missing(line):
    """As module lineinfile judges: the last line that the expression matches must be the one that is wanted."""
    path = Path(line["path"])
    found = [each for each in path.read_text(encoding="utf-8", errors="replace").splitlines() if re.search(line["regexp"], each)] if path.is_file() else []
    return found[-1:] != [line["line"]]


def missing_packages(names):
    """Those that no installed package is or provides."""
    if not names:
        return []
    told = run(["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\t${Package}\t${Provides}\n"])["stdout"].splitlines()
    installed = set()
    for status, package, provided in (line.split("\t") for line in told):
        if status[1:2] == "i":
            installed.update((package, *(each.split()[0] for each in provided.split(",") if each.strip())))
    return [name for name in names if name not in installed]


def unit_states(names):
    if not names:
        return {}
    told = run(["systemctl", "show", "--property=ActiveState,UnitFileState", *names])["stdout"]
    states = [dict(line.partition("=")[::2] for line in unit.splitlines()) for unit in told.split("\n\n")]
    return {
        name: {"active": state.get("ActiveState") == "active", "enabled": state.get("UnitFileState") == "enabled"}
        for name, state in zip(names, states, strict=False)
    }


def user(name):
    found = pwd.getpwnam(name)
    shadow = run(["getent", "shadow", name])["stdout"].split(":")
    groups = [group.gr_name for group in grp.getgrall() if name in group.gr_mem and group.gr_gid != found.pw_gid]
    return {"comment": found.pw_gecos, "home": found.pw_dir, "shell": found.pw_shell, "groups": groups, "locked": shadow[1:2] == ["*"]}


def exists(look_up, name):
    try:
        look_up(name)
    except KeyError:
        return False
    return True


def checked(module, what, spec, given):
    """The arguments of a suboption that stands below names of the caller's own."""
    result = ArgumentSpecValidator(spec).validate(given)
    if result.error_messages:
        module.fail_json(msg=f"{what}: {result.error_messages[0]}")
    return result.validated_parameters


def main():
    module = AnsibleModule(
        argument_spec={
            "trees": {"type": "dict", "default": {}},
            "lines": {"type": "dict", "default": {}},
            "packages": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "path", "default": []},
            "texts": {"type": "list", "elements": "path", "default": []},
            "commands": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
        no_log=True,  # keeps long lists of files out of the host's journal
    )
    wanted = module.params
    differs = {}
    for name, entries in wanted["trees"].items():
        found = [tree_entries.differs(checked(module, f"trees: {name}", ENTRY, entry)) for entry in entries]
        differs[name] = any(found)
    for name, line in wanted["lines"].items():
        differs[name] = line_is_missing(checked(module, f"lines: {name}", LINE, line))
    module.exit_json(
        changed=False,
        differs=differs,
        missing_packages=missing_packages(wanted["packages"]),
        units=unit_states(wanted["units"]),
        users={name: user(name) for name in wanted["users"] if exists(pwd.getpwnam, name)},
        groups=[name for name in wanted["users"] if exists(grp.getgrnam, name)],
        paths=[path for path in wanted["paths"] if os.path.lexists(path)],
        texts={path: Path(path).read_text(encoding="utf-8", errors="replace") for path in wanted["texts"] if os.path.isfile(path)},
        commands={name: run([str(word) for word in words]) for name, words in wanted["commands"].items()},
    )


if __name__ == "__main__":
    main()
