"""Attacks on one site from the inside of another. The hosts serve the sites blog, which has been taken over, and shop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Project, Server, fresh_host
from sites import Site

HERE = Path(__file__).parent
RELEASES = os.environ.get("RELEASES", "bookworm trixie").split()


@pytest.fixture(scope="module", params=RELEASES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with fresh_host(f"{request.module.__name__.rpartition('.')[2].replace('test_', '')}-{request.param}", request.param) as host:
        yield host


@pytest.fixture(scope="module")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server with both sites, each with conventions for all that it does not say."""
    project = Project(tmp_path_factory.mktemp("project"), server)
    for name in ("blog", "shop"):
        Site(name, project)
    project.play().expect_success()
    server.run("mkdir --mode 755 --parents /opt/attack")
    for file in ("attempts.py", "hogs.py"):
        server.write(f"/opt/attack/{file}", (HERE / file).read_text(encoding="utf-8"))
    return server
