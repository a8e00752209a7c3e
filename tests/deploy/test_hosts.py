"""One site on two hosts, whose database is on the first of them: it is migrated once, and both go the same way."""

from __future__ import annotations

import json
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


def test_where_one_host_does_not_go_back_the_migrating_one_stays(blog: Site, server: Server, second: Server) -> None:
    """Else it would take tables from under code that is live on the other."""
    live = [host.live("blog") for host in (server, second)]
    (previous,) = (row["release"] for row in json.loads(second.run("shortstop releases blog --json")) if row["state"] == "previous")
    second.run(f"mv /srv/blog/releases/{previous}/source /root/source")
    run = blog.rollback("-e", "migrations=reverse")
    second.run(f"mv /root/source /srv/blog/releases/{previous}/source")
    run.expect_failure('site "blog": it was not rolled back here')
    assert [host.live("blog") for host in (server, second)] == live
    assert "first" in columns(blog)
    assert [host.get(blog.domain).status for host in (server, second)] == [200, 200]


def test_both_go_back(blog: Site, server: Server, second: Server) -> None:
    new = [host.live("blog") for host in (server, second)]
    blog.rollback("-e", "migrations=reverse").expect_success()
    assert "first" not in columns(blog)
    assert [host.live("blog") == before for host, before in zip((server, second), new, strict=True)] == [False, False]
    assert [host.get(blog.domain).status for host in (server, second)] == [200, 200]


def test_a_purge_on_one_host_leaves_the_database_to_the_other(blog: Site, server: Server, second: Server) -> None:
    project, sites = blog.project, blog.project.sites
    count = "runuser -u postgres -- psql -At -d blog -c 'select count(*) from project_row'"
    rows = server.run(count)
    gone = {"blog": {"state": "absent", "purge": True}}
    project.variables |= {"present": sites, "gone": gone, "sites": f"{{{{ gone if inventory_hostname == '{second.name}' else present }}}}"}
    run = project.play().expect_success()
    assert 'site "blog": taken away are its units, its vhost and its variables; purged are its directory /srv/blog' in " ".join(run.output.split())
    assert server.get(blog.domain).status == 200
    assert server.run(count) == rows
    assert not second.succeeds("test -e /srv/blog || getent passwd blog || ls /etc/shortstop/sites/blog*")
