"""Releases that must not go live, each tried under load: no visitor meets one, the run says what is wrong, and the next good one needs no hand."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from house import ROOT, Server, fresh_host
from sites import SOURCE, Site
from table import Table

DISK = "/srv/filler"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A host whose sites have a small disk of their own, which can be filled."""
    with fresh_host("deploy-bad-releases", "trixie") as host:
        host.run("mount -t tmpfs -o size=700M,mode=755 tmpfs /srv")
        yield host


def edit(site: Site, file: str, text: str) -> None:
    (site.source / file).write_text(text)


def append(site: Site, file: str, text: str) -> None:
    edit(site, file, (site.source / file).read_text() + text)


def no_wsgi(site: Site) -> None:
    append(site, "project/wsgi.py", "\nraise RuntimeError('no wsgi today')\n")


def no_dependency(site: Site) -> None:
    append(site, "project/views.py", "\nimport a_package_that_nobody_required\n")


def no_package(site: Site) -> None:
    (site.source / "requirements.txt").write_text("a-package-that-nobody-published==1.0\n")


def no_migration(site: Site) -> None:
    text = """
from django.db import migrations

def refuse(apps, schema_editor):
    raise RuntimeError("no migration today")

class Migration(migrations.Migration):
    dependencies = [("project", "0001_initial")]
    operations = [migrations.RunPython(refuse)]
"""
    edit(site, "project/migrations/0002_refuse.py", text)


def missing_migration(site: Site) -> None:
    append(site, "project/models.py", "\n\nclass Unmigrated(models.Model):\n    pass\n")


def no_health(site: Site) -> None:
    append(site, "project/views.py", "\n\ndef healthz(request):\n    raise RuntimeError('no health today')\n")


def no_answer(site: Site) -> None:
    site.settings["health_timeout"] = 3
    append(site, "project/views.py", "\n\ndef healthz(request):\n    print('asked', flush=True)\n    time.sleep(20)\n")


def check_error(site: Site) -> None:
    text = """
from django.core import checks

@checks.register(deploy=True)
def refuse(app_configs, **kwargs):
    return [checks.Error("no deploy today", id="project.E001")]
"""
    append(site, "project/models.py", text)


def dying_worker(site: Site) -> None:
    text = """
import sys
import threading

def die():
    print("no worker today", file=sys.stderr, flush=True)
    os._exit(1)

timer = threading.Timer(1.5, die)
timer.daemon = True  # what only looks at this module ends before that
timer.start()
"""
    append(site, "project/wsgi.py", text)


def full_disk(site: Site) -> None:
    site.server.run(f"fallocate -l $(($(df --output=avail -B1 /srv | tail -1) - 65536)) {DISK}")
    (site.source / "large.bin").write_bytes(bytes(range(256)) * 4096)


def no_database(site: Site) -> None:
    site.server.run("systemctl stop postgresql")
    site.write("without-database")


# What is wrong, the step that finds out, and what the run shows of the application's own words.
CASES = {
    "a wsgi module that raises": (no_wsgi, "prepare", "RuntimeError: no wsgi today"),
    "a missing dependency": (no_dependency, "prepare", "No module named 'a_package_that_nobody_required'"),
    "a package that does not exist": (no_package, "prepare", "a-package-that-nobody-published"),
    "a model without its migration": (missing_migration, "prepare", "Create model Unmigrated"),
    "`check --deploy` errors": (check_error, "prepare", "no deploy today"),
    "a full disk at unpack": (full_disk, "prepare", "the disk has no room for"),
    "a failing migration": (no_migration, "migrate", "RuntimeError: no migration today"),
    "the database stopped": (no_database, "migrate", "failed: No such file or directory"),
    "a health path that answers 500": (no_health, "prove", "RuntimeError: no health today"),
    "a health path that never answers": (no_answer, "prove", "no answer within 3 seconds"),
    "a worker that dies after start": (dying_worker, "prove", "no worker today"),
}


def mend(site: Site, word: str) -> None:
    """Take back what a case did, and make other content."""
    for file in (path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        (site.source / file.relative_to(SOURCE)).write_bytes(file.read_bytes())
    shutil.copy(ROOT / "app/requirements.txt", site.source)
    for added in ("project/migrations/0002_refuse.py", "large.bin"):
        (site.source / added).unlink(missing_ok=True)
    site.settings.pop("health_timeout", None)
    site.server.run(f"rm -f {DISK}; systemctl start postgresql")
    site.write(word)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.short if case.startswith(("a health path that answers", "a failing")) else ()) for case in CASES]
)
def test_no_visitor_meets_it(blog: Site, server: Server, table: Table, case: str) -> None:
    break_it, step, words = CASES[case]
    old = blog.live
    with blog.load() as load:
        break_it(blog)
        run = blog.deploy()
        assert blog.live == old
        assert server.run("systemctl --failed --no-legend") == ""
        mend(blog, f"after{list(CASES).index(case)}")
        blog.deploy().expect_success()
        load.releases.add(blog.live)
    message = run.expect_failure(f'site "blog": {step}: ').expect_failure(words)
    table.add(case, load, message.sentence("blog"))
    load.expect_none_failed()
    assert blog.live != old


def during(server: Server, step: str, act: Callable[[], object]) -> threading.Thread:
    """Act as soon as a run begins a step. The thread ends with it."""

    def wait_and_act() -> None:
        server.run(f'until grep -qs \'"step": "{step}", "result": "begun"\' /run/shortstop/blog-*.jsonl; do :; done')
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def test_a_live_worker_killed_before_the_flip(blog: Site, server: Server, table: Table) -> None:
    blog.write("besides")
    with blog.load() as load:
        killer = during(server, "prove", lambda: server.run(f"kill -9 $(pgrep --parent {server.main_process('blog')} | head -1)"))
        blog.deploy().expect_success()
        killer.join()
        load.releases.add(blog.live)
    table.add("a live worker killed between Prepare and Flip", load, "deployed")
    load.expect_none_failed()


def test_an_older_gunicorn(blog: Site, server: Server, table: Table) -> None:
    requirements = blog.source / "requirements.txt"
    requirements.write_text(re.sub("gunicorn==.*", "gunicorn==23.0.0", requirements.read_text()))
    with blog.load() as load:
        run = blog.deploy().expect_success()
        load.releases.add(blog.live)
        assert "--worker-class=sync" in server.run(f"cat /etc/shortstop/blog/{blog.live}.env")
        mend(blog, "newer")
        blog.deploy().expect_success()
        load.releases.add(blog.live)
    assert "gunicorn 23.0 loses requests with threads" in run.output
    table.add("a requirement that gunicorn < 27 satisfies", load, "deployed with sync workers, and a warning")
    load.expect_none_failed()
