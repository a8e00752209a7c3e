"""One site on two hosts, whose database is on the first of them: it is migrated once, and both go the same way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from house import Project, Server, fresh_host
from sites import Site
from table import Table
from test_again import add_migration, column, columns

RUNS = "journalctl --no-pager --output=cat | grep -c 'Started .*Site blog: manage.py migrate' || true"


@pytest.fixture(scope="module")
def second() -> Iterator[Server]:
    with fresh_host("deploy-hosts-second", "trixie") as host:
        yield host


@pytest.fixture(scope="module")
def served(server: Server, second: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    first_address, second_address = server.address, second.address
    project = Project(tmp_path_factory.mktemp("project"), server, others=[second])
    project.variables = {
        "postgres_listen_addresses": [first_address],
        "postgres_client_addresses": [f"{address}/32" for address in (first_address, second_address)],
        "base_firewall_rules": [{"port": 5432, "from": second_address, "comment": "PostgreSQL for the second host"}],
    }
    site = Site("blog", project)
    site.settings["database"] = {"host": first_address, "password": "a pass phrase of the database"}
    site.settings["environment"] = {"DJANGO_SECRET_KEY": "the same on both hosts " * 3}
    project.play().expect_success()
    return {"blog": site}


def migrated(*servers: Server) -> list[int]:
    """How often each host has migrated the database."""
    return [int(server.run(RUNS)) for server in servers]


def test_it_is_migrated_once(blog: Site, server: Server, second: Server, table: Table) -> None:
    assert migrated(server, second) == [1, 0]
    old = [host.live("blog") for host in (server, second)]
    add_migration(blog, 2, column("first"))
    with blog.load() as load, blog.load(server=second) as other_load:
        blog.deploy().expect_success()
        for each, host in ((load, server), (other_load, second)):
            each.releases.add(host.live("blog"))
    assert migrated(server, second) == [2, 0]
    assert "first" in columns(blog)
    assert [host.live("blog") == before for host, before in zip((server, second), old, strict=True)] == [False, False]
    table.add("a migration, two hosts with one database: the first", load, "migrated there alone")
    table.add("a migration, two hosts with one database: the second", other_load)
    for each in (load, other_load):
        each.expect_none_failed()


def test_where_it_fails_the_other_host_stays_as_it_is(blog: Site, server: Server, second: Server) -> None:
    old = [host.live("blog") for host in (server, second)]
    name = add_migration(blog, 3, "migrations.RunPython(lambda apps, schema_editor: 1 / 0)")
    run = blog.deploy().expect_failure('site "blog": migrate: manage.py migrate ended with status 1')
    (blog.source / f"project/migrations/{name}.py").unlink()
    run.expect_failure('site "blog": it was not released here, since the host that migrates its database did not release it')
    assert [host.live("blog") for host in (server, second)] == old


def test_both_go_back(blog: Site, server: Server, second: Server) -> None:
    new = [host.live("blog") for host in (server, second)]
    blog.rollback("-e", "migrations=reverse").expect_success()
    assert "first" not in columns(blog)
    assert [host.live("blog") == before for host, before in zip((server, second), new, strict=True)] == [False, False]
    assert [host.get(blog.domain).status for host in (server, second)] == [200, 200]
