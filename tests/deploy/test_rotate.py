"""New secrets under load: what was signed with the key before is believed once, and no visitor meets a password that is none any more."""

from __future__ import annotations

import http.client

import pytest
from house import Project, Server
from sites import Site
from table import Table

BROKEN = "\nraise RuntimeError('nothing good')\n"


@pytest.fixture(scope="module")
def served(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Site]:
    """The site blog, whose database is reached over the network and for each request anew."""
    project = Project(tmp_path_factory.mktemp("project"), server)
    project.variables = {"postgres_listen_addresses": [server.address], "postgres_client_addresses": [f"{server.address}/32"]}
    site = Site("blog", project)
    site.settings["environment"] = {"CONN_MAX_AGE": 0}
    give(site, "the first pass phrase")
    project.play().expect_success()
    return {"blog": site}


def give(site: Site, password: str) -> None:
    """Another password in the inventory."""
    site.settings["database"] = {"host": site.server.address, "password": password}


def visit(site: Site, cookie: str = "") -> tuple[int, str]:
    """How often the visitor with this cookie has been here, as far as the site believes it, and the next cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port(80), timeout=10)
    try:
        connection.request("GET", "/visits/", headers={"Host": site.domain, "Cookie": cookie})
        answer = connection.getresponse()
        return int(answer.read()), answer.headers["Set-Cookie"].partition(";")[0]
    finally:
        connection.close()


def wanted(site: Site) -> str:
    """What the site is to be told, and the keys that its host made."""
    return site.server.run(f"cat /etc/shortstop/{site.name}/environment /etc/shortstop/generated/{site.name}.secret_key; ls /etc/shortstop/{site.name}")


def enters(site: Site, password: str, user: str = "blog") -> bool:
    address = site.server.address
    return site.server.succeeds(f"PGPASSWORD='{password}' psql --host {address} --username {user} --dbname blog --command 'SELECT 1'")


def test_whoever_is_signed_in_stays_so_for_one_rotation(blog: Site, table: Table) -> None:
    _one, cookie = visit(blog)
    believed = [visit(blog, cookie)[0]]
    with blog.load() as load:
        for _ in range(2):
            blog.rotate().expect_success()
            load.releases.add(blog.live)
            believed.append(visit(blog, cookie)[0])
    table.add("two rotations of the secret key", load)
    load.expect_none_failed()
    assert len(load.releases) == 3
    # With the key, with it as a fallback, and with neither.
    assert believed == [2, 2, 1]


def test_a_release_that_is_no_good_leaves_the_secrets_in_use(blog: Site, table: Table) -> None:
    before, live, (_one, cookie) = wanted(blog), blog.live, visit(blog)
    views = blog.source / "project/views.py"
    good = views.read_text()
    with blog.load() as load:
        views.write_text(
            good.replace("def healthz(request: HttpRequest) -> HttpResponse:", "def healthz(request: HttpRequest) -> HttpResponse:\n    raise OSError")
        )
        run = blog.rotate()
        views.write_text(good)
    table.add("a rotation whose release is no good", load, run.sentence("blog"))
    run.expect_failure('site "blog": prove: it does not serve /healthz')
    load.expect_none_failed()
    assert (wanted(blog), blog.live, visit(blog, cookie)[0]) == (before, live, 2)
    assert blog.configure().expect_success().changed == 0


def test_the_same_visitors_notice_a_password_that_is_only_changed(blog: Site, table: Table) -> None:
    give(blog, "the second pass phrase")
    with blog.load(path="/healthz") as load:
        blog.project.play(playbooks=("database.yml", "web.yml", "deploy.yml")).expect_success()
        load.releases.add(blog.live)
    failed = load.failed
    table.add("another database password in the inventory, then `site.yml`", load)
    assert failed
    print(f"\n{len(failed)} of {len(load.requests)} requests failed over {failed[-1].at - failed[0].at:.1f} s")


def test_no_visitor_notices_a_new_password(blog: Site, table: Table) -> None:
    give(blog, "the third pass phrase")
    with blog.load(path="/healthz") as load:
        run = blog.rotate("-e", "what=database_password", "-vvv", "--diff").expect_success()
        # The releases of both turns, the first of which is gone.
        load.releases.update(line["release"] for line in blog.record[-2:])
    table.add("a rotation of the database password", load)
    load.expect_none_failed()
    assert len(load.releases) == 3
    assert [enters(blog, f"the {which} pass phrase") for which in ("second", "third")] == [False, True]
    assert not enters(blog, "the third pass phrase", "blog-rotating")
    assert "pass phrase" not in run.output
    owners = blog.server.run("runuser -u postgres -- psql -At -d blog -c \"SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'\"")
    assert owners.split() == ["blog"]
    assert blog.project.play().expect_success().changed == 0


def test_a_new_password_needs_one_in_the_inventory(blog: Site) -> None:
    blog.rotate("-e", "what=database_password").expect_failure(
        'site "blog": key "database": the inventory still gives the password in use; write a new one there, and run this again'
    )


def test_a_password_with_which_nothing_goes_live_leaves_the_one_in_use(blog: Site, table: Table) -> None:
    before, live = wanted(blog), blog.live
    give(blog, "the fourth pass phrase")
    views = blog.source / "project/views.py"
    good = views.read_text()
    with blog.load(path="/healthz") as load:
        views.write_text(good + BROKEN)
        blog.rotate("-e", "what=database_password").expect_failure('site "blog": prepare: ')
        views.write_text(good)
        assert (wanted(blog), blog.live) == (before, live)
        assert [enters(blog, f"the {which} pass phrase") for which in ("third", "fourth")] == [True, False]
        assert blog.deploy().expect_success().changed == 0
        # Again, and to its end.
        blog.rotate("-e", "what=secret_key,database_password").expect_success()
        load.releases.update(line["release"] for line in blog.record[-2:])
    table.add("a rotation of both that fails at first", load)
    load.expect_none_failed()
    assert [enters(blog, f"the {which} pass phrase") for which in ("third", "fourth")] == [False, True]
