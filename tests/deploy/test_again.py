"""Another configuration, migrations there and back, and two at once."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from house import Run, Server
from load import ASSET
from sites import SOURCE, Site
from table import Table

SCRIPTS = 4.6  # seconds that the shell scripts took for a redeploy which visitors did notice


def releases(site: Site) -> list[str]:
    return site.server.run(f"cd /srv/{site.name}/releases && find . -mindepth 1 -maxdepth 1 -type d").split()


def venvs(site: Site) -> set[str]:
    return set(site.server.run(f"ls /srv/{site.name}/venvs").split())


def add_migration(site: Site, number: int, operation: str, *, atomic: bool = True) -> str:
    """A migration of the table Row, after the one before; returns its name. The model stays as it is, so that older code works."""
    before = sorted(file.stem for file in (site.source / "project/migrations").glob("0*.py"))[-1]
    name = f"{number:04}_change"
    text = f"""
import time

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("project", "{before}")]
    operations = [{operation}]
"""
    (site.source / f"project/migrations/{name}.py").write_text(text)
    return name


def column(name: str) -> str:
    return f'migrations.SeparateDatabaseAndState(database_operations=[migrations.AddField("row", "{name}", models.TextField(null=True))])'


def index(name: str) -> str:
    added = f'AddIndexConcurrently("row", models.Index(fields=["made_at"], name="{name}"))'
    return f"migrations.SeparateDatabaseAndState(database_operations=[{added}])"


def is_valid(site: Site, name: str) -> str:
    """Whether an index is, as PostgreSQL says it: t or f, or nothing if there is none."""
    query = f"select indisvalid from pg_index join pg_class on pg_class.oid = indexrelid where relname = '{name}'"
    return site.server.run(f'runuser -u postgres -- psql -At -d {site.name} -c "{query}"').strip()


def columns(site: Site) -> str:
    return site.server.run(
        f"runuser -u postgres -- psql -At -d {site.name} -c \"select column_name from information_schema.columns where table_name = 'project_row'\""
    )


def test_another_configuration_is_another_release(blog: Site) -> None:
    before = blog.live
    kept = before
    for change in (
        {"environment": {"DJANGO_SECRET_KEY": "another one, as long as Django wants them: 3f6a8c1e0b7d"}},
        {"workers": 3},
        {"limits": {"tasks": 200}},
    ):
        blog.settings.update(change)
        blog.configure().expect_success()
        assert blog.live != before
        kept, before = before, blog.live
    assert "TasksMax=200" in blog.server.run(f"systemctl cat gunicorn-blog@{blog.live}.service")
    blog.rollback().expect_success()
    assert blog.live == kept
    assert "TasksMax=256" in blog.server.run(f"systemctl cat gunicorn-blog@{blog.live}.service")


def test_back_across_migrations(blog: Site) -> None:
    blog.deploy().expect_success()
    old = blog.live
    name = add_migration(blog, 2, column("first"))
    blog.deploy().expect_success()
    new = blog.live
    blog.rollback().expect_failure(f"release {old} does not know these migrations: project.{name}")
    assert blog.live == new
    blog.rollback("-e", "migrations=keep").expect_success()
    assert blog.live == old
    assert "first" in columns(blog)
    blog.deploy().expect_success()
    assert blog.live == new
    blog.rollback("-e", "migrations=reverse", "-e", f"to={old}").expect_success()
    assert blog.live == old
    assert "first" not in columns(blog)
    (blog.source / f"project/migrations/{name}.py").unlink()


def test_a_risky_migration_is_told(blog: Site) -> None:
    name = add_migration(blog, 2, 'migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("row", "made_at")])')
    run = blog.deploy()
    (blog.source / f"project/migrations/{name}.py").unlink()
    assert f"project.{name} may break the release that is still live" in " ".join(run.output.split())
    blog.rollback("-e", "migrations=reverse").expect_success()


def redeploy(site: Site, word: str) -> float:
    """Seconds of the whole run that makes other content live."""
    site.write(word)
    start = time.monotonic()
    site.deploy().expect_success()
    return time.monotonic() - start


def test_a_requirement_makes_one_virtual_environment(blog: Site, table: Table) -> None:
    blog.deploy().expect_success()
    before = venvs(blog)
    alone = redeploy(blog, "quick")
    print(f"\nredeploy: {alone:.1f} s for the whole run (bar: 10), {blog.record[-1]['seconds']:.1f} s of it on the server")
    with blog.load() as load:
        loaded = redeploy(blog, "quicker")
    load.releases.add(blog.live)
    table.add("redeploy of one site", load, f"the whole run took {alone:.1f} s without visitors and {loaded:.1f} s with these; the scripts took {SCRIPTS} s")
    load.expect_none_failed()
    assert venvs(blog) == before
    requirements = blog.source / "requirements.txt"
    requirements.write_text(requirements.read_text() + "sqlparse>=0.5\n")
    blog.deploy().expect_success()
    assert len(venvs(blog) - before) == 1


def test_two_deploys_of_one_site(blog: Site) -> None:
    name = add_migration(blog, 2, "migrations.RunPython(lambda apps, schema_editor: time.sleep(15), migrations.RunPython.noop)")
    first = Background(blog)
    blog.server.run('until grep -qs \'"step": "migrate", "result": "begun"\' /run/shortstop/blog-*.jsonl; do sleep 0.1; done')
    blog.deploy().expect_failure('site "blog": another run is under way (deploy of blog by ')
    first.end().expect_success()
    (blog.source / f"project/migrations/{name}.py").unlink()


def test_two_sites_at_once(blog: Site, shop: Site) -> None:
    before = blog.live, shop.live
    blog.write("both")
    shop.write("both")
    first, second = Background(blog), Background(shop)
    first.end().expect_success()
    second.end().expect_success()
    assert blog.live != before[0]
    assert shop.live != before[1]


def test_one_site_s_failure_holds_up_no_other(blog: Site, shop: Site) -> None:
    before = blog.live, shop.live
    (blog.source / "project/wsgi.py").write_text("raise RuntimeError('no wsgi today')\n")
    shop.write("besides")
    run = blog.project.play(playbooks=("deploy.yml",)).expect_failure('site "blog": prepare: ')
    shutil.copy(SOURCE / "project/wsgi.py", blog.source / "project/wsgi.py")
    assert blog.live == before[0]
    assert shop.live != before[1]
    rows = [line.split() for line in run.output.replace('"', " ").replace(",", " ").splitlines()]
    assert ["shop", shop.live, "prune", "live"] in [row[:4] for row in rows]
    assert ["prepare", "failed"] in [row[2:4] for row in rows if row[:1] == ["blog"]]


class Background:
    """A deploy that runs beside the test."""

    def __init__(self, site: Site) -> None:
        self.process = site.project.start("--extra-vars", f"only={site.name}", playbooks=("deploy.yml",))
        # What nobody reads stops whoever writes it.
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        self.output, _none = self.process.communicate()

    def end(self) -> Run:
        self.thread.join()
        return Run(self.process.returncode, self.output)


def test_timers_and_daemons_run_in_one_release(blog: Site, server: Server) -> None:
    blog.settings["timers"] = {"tick": {"command": "manage.py tick", "every": "1s"}}
    blog.settings["daemons"] = {"work": {"command": "manage.py work"}}
    for word in ("one", "two", "three", "four"):
        blog.write(word)
        blog.deploy().expect_success()
    ticks, works = (blog.lines(file) for file in ("ticks.jsonl", "work.jsonl"))
    overlaps = [(a, b) for a, b in pairwise(ticks) if b["started"] < a["ended"]]
    assert overlaps == []
    order = [work["release"] for work in works]
    assert len(set(order)) == 4
    assert len([pair for pair in pairwise(order) if pair[0] != pair[1]]) == 3
    assert len({tick["release"] for tick in ticks}) > 1
    # A timer that fails, and a daemon that ends, are seen.
    blog.settings["timers"] = {"tick": {"command": "manage.py nonsense", "every": "1s"}}
    blog.settings["daemons"] = {}
    blog.deploy().expect_success()
    until_failed = "until systemctl --failed --no-legend | grep -q site-blog-tick.service; do sleep 0.2; done"
    server.run(f"timeout 30 sh -c '{until_failed}'")
    assert "site-blog-work" not in server.run("systemctl list-units --all --no-legend 'site-blog-*'")
    blog.settings["timers"] = {}
    blog.deploy().expect_success()
    assert server.run("systemctl list-units --all --no-legend 'site-blog-*'; ls /etc/systemd/system | grep site-blog- || true") == ""


def test_a_daemon_that_ends_does_not_go_live(blog: Site) -> None:
    old = blog.live
    blog.settings["daemons"] = {"work": {"command": "manage.py nonsense"}}
    blog.deploy().expect_failure('site "blog": flip: ').expect_failure("Unknown command: 'nonsense'")
    blog.settings["daemons"] = {}
    assert blog.live == old


def test_a_migration_behind_a_long_reader(blog: Site, server: Server, table: Table) -> None:
    old = blog.live
    add_migration(blog, 3, column("second"))
    with long_reader(server), blog.load() as load:
        quiet = load.quiet(10)
        with load.window() as busy:
            run = blog.deploy()
    run.expect_failure('site "blog": migrate: manage.py migrate got no lock in 7 tries')
    print(f"\nquiet: {quiet}\nbehind a long reader: {busy}")
    table.add("a migration behind a long reader", load, run.sentence("blog"))
    load.expect_none_failed()
    assert blog.live == old
    blog.deploy().expect_success()
    assert "second" in columns(blog)


def test_a_migration_that_is_not_atomic_waits_for_a_reader(blog: Site, server: Server, table: Table) -> None:
    add_migration(blog, 4, index("row_made"), atomic=False)
    with long_reader(server, seconds=20), blog.load() as load:
        run = blog.deploy().expect_success()
        load.releases.add(blog.live)
    waited = float(re.search(r"blog: migrate ([\d.]+) s", run.output)[1])
    table.add("an index added beside a reader who holds the table for 20 s", load, f"migrate took {waited:.1f} s")
    load.expect_none_failed()
    assert is_valid(blog, "row_made") == "t"


def test_a_migration_that_is_not_atomic_does_not_wait_for_ever(blog: Site, server: Server, table: Table) -> None:
    """Who deploys reads which statement drops the index that it left, and the next deploy works after it."""
    old = blog.live
    blog.settings["deploy_timeout"] = 60
    add_migration(blog, 5, index("row_again"), atomic=False)
    with long_reader(server), blog.load() as load:
        run = blog.deploy()
    drop = "DROP INDEX CONCURRENTLY public.row_again"
    run.expect_failure(f'site "blog": migrate: an index is invalid, and its migration fails until it is dropped: {drop}')
    table.add("an index added beside a reader who never lets go", load, run.sentence("blog"))
    load.expect_none_failed()
    assert (blog.live, is_valid(blog, "row_again")) == (old, "f")
    server.run(f"runuser -u postgres -- psql -d blog -c '{drop}'")
    del blog.settings["deploy_timeout"]
    blog.deploy().expect_success()
    assert is_valid(blog, "row_again") == "t"


@contextmanager
def long_reader(server: Server, seconds: int = 600) -> Iterator[None]:
    """Somebody who reads the table in a transaction that lasts so long, or until it is ended."""
    server.run(f"systemd-run --quiet --collect --uid=postgres psql -d blog -c 'begin; select * from project_row; select pg_sleep({seconds})'")
    reader = f"from pg_stat_activity where query like '%pg_sleep({seconds})%' and wait_event = 'PgSleep'"
    psql = "runuser -u postgres -- psql --tuples-only --no-align --command"
    server.run(f'until {psql} "select 1 {reader}" | grep -q 1; do sleep 0.2; done')
    yield
    # PostgreSQL does not look after a client that only waits, so it has to end there.
    server.run(f'{psql} "select pg_terminate_backend(pid) {reader}"')


def test_what_a_first_deploy_loads(served: dict[str, Site], shop: Site, server: Server) -> None:
    (shop.source / "project/fixtures").mkdir()
    rows = shop.source / "project/fixtures/rows.json"
    rows.write_text('[{"model": "project.row", "pk": 1000, "fields": {"made_at": "2026-01-01T00:00:00Z"}}]')
    shop.settings["fixtures"] = ["project/fixtures/rows.json"]
    shop.deploy().expect_success()
    assert server.get(shop.domain, "/row/").body.strip() == "1"
    # Loaded once, so what a visitor makes of it since then stays.
    server.run("runuser -u postgres -- psql -d shop -c 'delete from project_row'")
    shop.write("newer")
    shop.deploy().expect_success()
    assert server.get(shop.domain, "/row/").body.strip() == "0"
    rows.write_text(rows.read_text().replace("1000", "1001"))
    shop.deploy().expect_success()
    assert server.get(shop.domain, "/row/").body.strip() == "1"


PASSWORD = "from django.contrib.auth import authenticate as a; print(bool(a(username='ada', password='{}')))"


def knows(site: Site, password: str) -> bool:
    """Whether the superuser comes in with this password."""
    return site.server.run(f'shortstop manage {site.name} shell -v 0 -c "{PASSWORD.format(password)}"').split()[-1] == "True"


def test_a_superuser_is_made_once(shop: Site) -> None:
    shop.settings["superuser"] = {"username": "ada", "email": "ada@example.com", "password": "the first pass phrase"}
    shop.deploy().expect_success()
    assert knows(shop, "the first pass phrase")
    shop.settings["superuser"]["password"] = "the second pass phrase"
    shop.write("another password")
    run = shop.deploy().expect_success()
    assert 'superuser "ada" was made with another password or address, and stays as it is' in " ".join(run.output.split())
    assert "pass phrase" not in run.output
    assert (knows(shop, "the first pass phrase"), knows(shop, "the second pass phrase")) == (True, False)


def git(site: Site, *words: str) -> str:
    """What git says in the site's source, which is a working copy from then on."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    return subprocess.run(["git", "-C", site.source, *identity, *words], capture_output=True, text=True, check=True).stdout.strip()


def test_a_source_in_git(shop: Site) -> None:
    path = shop.settings["source"]
    git(shop, "init", "--quiet", "--initial-branch=main")
    commits = {}
    for version in ("v1", "v2"):
        shop.write(version)
        git(shop, "add", ".")
        git(shop, "commit", "--quiet", "--message", version)
        git(shop, "tag", version)
        commits[version] = git(shop, "rev-parse", "HEAD")
    shop.write("never committed")
    for version, commit in (*commits.items(), ("main", commits["v2"]), ("v1", commits["v1"])):
        shop.settings["source"] = {"git": f"file://{shop.source}", "version": version}
        before = shop.live
        shop.deploy().expect_success()
        assert f"content {'v2' if version == 'main' else version}" in shop.server.get(shop.domain).body
        assert shop.record[-1]["revision"] == commit
        # Another name of the same commit is no other release.
        assert (shop.live == before) is (version == "main")
    shop.settings["source"] = {"git": f"file://{shop.source}", "version": "v3"}
    shop.deploy().expect_failure('site "shop": key "source": ')
    shop.settings["source"] = path


def test_assets_come_compressed_and_stay(shop: Site, server: Server) -> None:
    texts = {}
    for word in ("older", "newer"):
        shop.write(word)
        css = shop.source / "project/static/page.css"
        css.write_text(css.read_text() + "p { color: black; }\n" * 50)
        shop.deploy().expect_success()
        texts[ASSET.search(server.get(shop.domain).body.encode())[1].decode()] = css.read_text()
    assert len(texts) == 2
    for path, text in texts.items():
        for encoding, unpack in {"br": "brotli -dc", "gzip": "gzip -dc", "identity": "cat"}.items():
            ask = f"curl --silent --raw --header 'Host: {shop.domain}' --header 'Accept-Encoding: {encoding}' http://127.0.0.1{path}"
            head = server.run(f"{ask} --dump-header - --output /dev/null").lower().splitlines()
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            assert headers.get("content-encoding", "identity") == encoding
            assert headers["cache-control"] == "public, max-age=31536000, immutable"
            assert server.run(f"{ask} | {unpack}") == text


def test_releases_that_are_kept(blog: Site) -> None:
    blog.settings["releases_kept"] = 3
    for word in ("k1", "k2", "k3", "k4"):
        blog.write(word)
        blog.deploy().expect_success()
    assert len(releases(blog)) == 3
    used = {blog.server.run(f"readlink /srv/blog/releases/{name}/venv").strip().rpartition("/")[2] for name in releases(blog)}
    assert venvs(blog) == used
    assert blog.server.run("ls /srv/blog/static | grep -c 'page\\.[0-9a-f]*\\.css$'").strip() == "3"
