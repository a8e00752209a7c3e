"""Hosts of a scenario, asked from inside: what Ansible believes does not count."""

import os

import pytest
import testinfra

RELEASES = ("bookworm", "trixie")


@pytest.fixture(params=RELEASES)
def host(request: pytest.FixtureRequest) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{os.environ['MOLECULE_SCENARIO_NAME']}-{request.param}")


@pytest.fixture
def domains(host: testinfra.host.Host) -> dict[str, str]:
    """The canonical domain of each site."""
    name = host.backend.name
    return {"tatis": f"tatis.{name}.example.com", "uat": f"uat.tatis.{name}.example.com"}
