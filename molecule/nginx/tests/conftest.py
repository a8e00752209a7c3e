from __future__ import annotations

import os

import pytest
import testinfra
from stub import answer


@pytest.fixture(autouse=True, scope="session")
def _answered():
    """Both sites have an application behind them."""
    for release in os.environ.get("RELEASES", "bookworm trixie").split():
        server = testinfra.get_host(f"docker://{os.environ['MOLECULE_SCENARIO_NAME']}-{release}")
        for site in ("blog", "shop"):
            server.check_output(f"mkdir --parents /srv/{site}/static /srv/{site}/media")
            answer(server, site)
