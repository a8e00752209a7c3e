"""The long proofs: real hosts, real runs. Each module gets a fresh host and a project of its own to run from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Project, Server, fresh_host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIRECTORY", help="where pictures of the bundled site's page go")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh host; a module says with `RELEASE` which."""
    name = request.module.__name__.rpartition(".")[2].replace("test_", "drill-")
    with fresh_host(name, getattr(request.module, "RELEASE", "trixie")) as host:
        yield host


@pytest.fixture(scope="module")
def project(server: Server, directory: Path) -> Project:
    """An inventory of that host, with no site yet."""
    return Project(directory, server)


@pytest.fixture(scope="module")
def served(project: Project) -> Project:
    """The same with two sites served."""
    project.sites["tatis"] = project.bundled("tatis")
    project.sites["uat"] = project.bundled("uat")
    project.play().expect_success()
    return project
