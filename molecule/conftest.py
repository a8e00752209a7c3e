"""Hosts of a scenario, asked from inside: what Ansible believes does not count.

The fixture is not called `host` as testinfra's own, which without this file would ask the machine that runs the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from house import Run

ROOT = Path(__file__).resolve().parents[1]
SCENARIO = os.environ.get("MOLECULE_SCENARIO_NAME", "")
RELEASES = os.environ.get("RELEASES", "bookworm trixie").split()
# The plugins, as `make setup` links the collection into the checkout.
sys.path.insert(0, str(ROOT / ".ansible/collections"))


@pytest.fixture(params=RELEASES)
def server(request: pytest.FixtureRequest) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{SCENARIO}-{request.param}")


@pytest.fixture
def servers() -> list[testinfra.host.Host]:
    """All hosts, for what one run does to them at once."""
    return [testinfra.get_host(f"docker://{SCENARIO}-{release}") for release in RELEASES]


@pytest.fixture(scope="session")
def play() -> Callable[..., Run]:
    """Runs the scenario's playbook again: play("--check", sites={…}) with options of ansible-playbook, and variables that take precedence."""
    scenario = ROOT / "molecule" / SCENARIO
    shared = ROOT / ".config/molecule"
    inventories = [f"--inventory={path}" for path in (shared / "hosts.py", shared / "doors.yml", scenario / "inventory")]

    def run(*options: str, playbook: Path | str = scenario / "converge.yml", **variables: object) -> Run:
        given = ["--extra-vars", json.dumps(variables)] if variables else []
        command = ["ansible-playbook", *inventories, *options, *given, playbook]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    return run


@pytest.fixture
def domains(server: testinfra.host.Host) -> dict[str, str]:
    """The canonical domain of each site of the scenario `default`."""
    name = server.backend.name
    return {"tatis": f"tatis.{name}.example.com", "uat": f"uat.tatis.{name}.example.com"}
