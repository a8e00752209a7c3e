from __future__ import annotations

import os

import pytest
import testinfra
from stub import answer


@pytest.fixture(autouse=True, scope="session")
def _answered():
    """Both sites have an application behind them."""
    for release in os.environ["RELEASES"].split():
        server = testinfra.get_host(f"docker://nginx-{release}")
        for site in ("blog", "shop"):
            server.check_output(f"mkdir --parents /srv/{site}/static /srv/{site}/media")
            answer(server, site)
