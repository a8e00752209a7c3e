"""Deploys under load. Each module gets a fresh host that serves two sites, and a project of its own to run from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from house import Project, Server, fresh_host
from sites import Site
from table import Table

TABLE = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("deploys under load")
    group.addoption("--short", action="store_true", help="the short form: the cases marked so, with few rounds")
    group.addoption("--table", type=Path, metavar="FILE", help="where to write the table, as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLE] = Table()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--short"):
        left_out = [item for item in items if item.get_closest_marker("short") is None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    table = config.stash[TABLE]
    if table.rows:
        terminalreporter.section("deploys under load")
        terminalreporter.write(table.markdown())
        if file := config.getoption("--table"):
            file.write_text(table.markdown())


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def short(pytestconfig: pytest.Config) -> bool:
    return pytestconfig.getoption("--short")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh host; a module says with `RELEASE` which."""
    name = request.module.__name__.rpartition(".")[2].replace("test_", "deploy-")
    with fresh_host(name, getattr(request.module, "RELEASE", "trixie")) as host:
        yield host


@pytest.fixture(scope="module")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    """The sites blog and shop, served."""
    project = Project(tmp_path_factory.mktemp("project"), server)
    sites = {name: Site(name, project) for name in ("blog", "shop")}
    project.play().expect_success()
    return sites


@pytest.fixture(scope="module")
def blog(served: dict[str, Site]) -> Site:
    return served["blog"]


@pytest.fixture(scope="module")
def shop(served: dict[str, Site]) -> Site:
    return served["shop"]
