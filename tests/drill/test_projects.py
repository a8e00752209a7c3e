"""Other people's projects: each goes live by `domains` and `source` alone, unless a key is given with its reason, and works as visitors use it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from expect import expect
from house import Project, Run, fresh_host
from tiny import MADE, Tiny, tiny_projects

RELEASES = os.environ.get("RELEASES", "bookworm trixie").split()
NAMES = os.environ.get("PROJECTS", " ".join(MADE)).split()  # some of them for a quicker look


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tiny]:
    return tiny_projects(tmp_path_factory.mktemp("startproject"))


@pytest.fixture(scope="module", params=RELEASES)
def served(request: pytest.FixtureRequest, projects: dict[str, Tiny], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Run]]:
    """A host that serves all of them, and the run that was to deploy them."""
    with fresh_host(f"drill-projects-{request.param}", request.param) as server:
        house = Project(tmp_path_factory.mktemp("house"), server, variables={"site_common": {"tls": "self-signed"}})
        for tiny in (projects[name] for name in NAMES):
            source = {"path": str(tiny.write(house.directory)), **tiny.keys.get("source", {})}
            house.sites[tiny.name] = {"domains": [domain(tiny)], **tiny.keys, "source": source}
        yield house, house.play()


def domain(tiny: Tiny) -> str:
    return f"{tiny.name.replace('_', '-')}.example.com"


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_live_and_works(served: tuple[Project, Run], projects: dict[str, Tiny], name: str) -> None:
    tiny, (house, run) = projects[name], served
    assert bool(tiny.keys) == bool(tiny.reason)
    print(f"\n{name}{f': keys {list(tiny.keys)}, since {tiny.reason}' if tiny.keys else ''}")
    refused = [line for line in run.output.splitlines() if re.search(rf'site "{name}": (prepare|migrate|prove|flip): ', line)]
    assert house.server.succeeds(f"test -L /srv/{name}/live.sock"), "\n".join(refused) or run.output[-8000:]
    expect(tiny, domain(tiny), house.server.run)


def test_a_second_run_changes_nothing(served: tuple[Project, Run]) -> None:
    house, run = served
    run.expect_success()
    assert house.play().expect_success().changed == 0
