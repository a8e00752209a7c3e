"""Hosts of a scenario, asked from inside: what Ansible believes does not count.

The fixture is not called `host` as testinfra's own, which without this file would ask the machine that runs the tests.
"""

import os

import pytest
import testinfra

RELEASES = ("bookworm", "trixie")


@pytest.fixture(params=RELEASES)
def server(request: pytest.FixtureRequest) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{os.environ['MOLECULE_SCENARIO_NAME']}-{request.param}")


@pytest.fixture
def domains(server: testinfra.host.Host) -> dict[str, str]:
    """The canonical domain of each site."""
    name = server.backend.name
    return {"tatis": f"tatis.{name}.example.com", "uat": f"uat.tatis.{name}.example.com"}
