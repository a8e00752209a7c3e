"""Hosts of a scenario, asked from inside: what Ansible believes does not count.

The fixture is not called `host` as testinfra's own, which without this file would ask the machine that runs the tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME", "")
RELEASES = os.environ.get("RELEASES", "bookworm trixie").split()
# The plugins, as `make setup` links the collection into the checkout.
sys.path.insert(0, str(ROOT / ".ansible/collections"))
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


@pytest.fixture(params=RELEASES)
def server(request: pytest.FixtureRequest) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{SCENARIO}-{request.param}")


@pytest.fixture
def servers() -> list[testinfra.host.Host]:
    """All hosts, for what one run does to them at once."""
    return [testinfra.get_host(f"docker://{SCENARIO}-{release}") for release in RELEASES]


@dataclass(frozen=True)
class Run:
    """A run of the scenario's own playbook on both hosts."""

    status: int
    output: str

    @property
    def changed(self) -> list[int]:
        """How many tasks changed something, by host."""
        return [int(number) for _host, number in RECAP.findall(self.output)]

    def expect_success(self) -> Run:
        assert self.status == 0, self.output[-8000:]
        return self

    def expect_failure(self, sentence: str) -> Run:
        assert self.status != 0, "the run was expected to fail"
        assert sentence in " ".join(self.output.split()), self.output[-8000:]
        return self


@pytest.fixture(scope="session")
def play() -> Callable[..., Run]:
    """Runs the scenario's playbook again: play("--check", sites={…}) with options of ansible-playbook, and variables that take precedence."""
    scenario = ROOT / "molecule" / SCENARIO

    def run(*options: str, **variables: object) -> Run:
        shared = ROOT / ".config/molecule"
        inventories = [f"--inventory={path}" for path in (shared / "hosts.py", shared / "doors.yml", scenario / "inventory")]
        given = ["--extra-vars", json.dumps(variables)] if variables else []
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "MOLECULE_PROJECT_DIRECTORY": str(ROOT),
            "MOLECULE_SCENARIO_DIRECTORY": str(scenario),
        }
        command = ["ansible-playbook", *inventories, *options, *given, scenario / "converge.yml"]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def domains(server: testinfra.host.Host) -> dict[str, str]:
    """The canonical domain of each site of the scenario `default`."""
    name = server.backend.name
    return {"tatis": f"tatis.{name}.example.com", "uat": f"uat.tatis.{name}.example.com"}
