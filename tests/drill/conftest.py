"""The long proofs: real hosts, real runs. Each module gets a fresh host and a project of its own to run from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import BOTH, Hostile
from house import Project, Server, fresh_host


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="DIRECTORY", help="where pictures of the bundled site's page go")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("server", getattr(metafunc.module, "RELEASES", ["trixie"]), indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh host; a module says with `RELEASES` which, one after the other."""
    name = request.module.__name__.rpartition(".")[2].replace("test_", "drill-").replace("_", "-")
    with fresh_host(f"{name}-{request.param}", request.param) as host:
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


@pytest.fixture(scope="session", params=BOTH)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A host of each Debian for all attacks on root, on a small disk that can be filled. It serves blog, which harms nobody, and evil."""
    with fresh_host(f"drill-root-attacked-{request.param}", request.param) as host:
        host.run("mount -t tmpfs -o size=1500M,mode=755 tmpfs /srv")
        project = Project(tmp_path_factory.mktemp("attacked"), host)
        for site in (Hostile("blog", project), Hostile("evil", project)):
            project.sites[site.name] = site.write().entry
        project.play().expect_success()
        yield project


@pytest.fixture
def evil(attacked: Project) -> Iterator[Hostile]:
    """A site for one attack after the other, which serves before each."""
    hostile = Hostile("evil", attacked)
    if not hostile.live:
        hostile.mend()
    # What is newer than this has come since.
    hostile.server.run("touch /root/before")
    yield hostile
    if not hostile.mended:
        hostile.forget()


@pytest.fixture
def host(evil: Hostile) -> Server:
    return evil.server
