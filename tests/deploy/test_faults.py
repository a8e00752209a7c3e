"""What dies outside of a deploy: a worker, gunicorn, PostgreSQL, the host."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time

from house import Server
from sites import Site
from table import Table
from test_kills import expect_one_release, serves, until

WORKERS = 10


def workers(site: Site) -> list[str]:
    return site.server.run(f"pgrep --parent {site.server.main_process(site.name)}").split()


def test_killed_workers(blog: Site, server: Server, table: Table) -> None:
    with blog.load() as load:
        for _ in range(WORKERS):
            victim = workers(blog)[0]
            server.run(f"kill -9 {victim}")
            until(lambda victim=victim: victim not in workers(blog) and len(workers(blog)) == 2, "another worker")
    table.add(f"`kill -9` of a worker, {WORKERS} times", load)
    load.expect_none_failed()


def seconds_until(condition: object, what: str) -> float:
    start = time.monotonic()
    until(condition, what)
    return time.monotonic() - start


def test_killed_gunicorn(blog: Site, server: Server, table: Table) -> None:
    main = server.main_process("blog")
    with blog.load() as load:
        server.run(f"kill -9 {main}")
        # Not before systemd has seen it.
        seconds = seconds_until(lambda: server.main_process("blog") not in (0, main) and serves(blog), "an answer of the next gunicorn")
    print(f"\ngunicorn's main process killed: an answer after {seconds:.1f} s (bar: 2)")
    table.add("`kill -9` of gunicorn's main process", load, f"back after {seconds:.1f} s")
    expect_one_release(blog)


class Writer:
    """Stores rows, and knows which it was told are stored."""

    def __init__(self, site: Site) -> None:
        self.site, self.port, self.acknowledged, self.failed = site, site.server.port(80), 0, 0
        self._stop = threading.Event()

    def __enter__(self) -> Writer:
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._stop.wait(0.02):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("POST", "/row/", headers={"Host": self.site.domain, "Content-Length": "0"})
                good = connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                good = False
            finally:
                connection.close()
            self.acknowledged += good
            self.failed += not good


def rows(site: Site) -> int:
    return int(site.server.get(site.domain, "/row/").body)


def test_killed_postmaster(blog: Site, server: Server, table: Table) -> None:
    before, main = rows(blog), server.main_process("blog")
    with blog.load() as load, Writer(blog) as writer:
        until(lambda: writer.acknowledged > 20, "some rows")
        server.run("kill -9 $(head -1 /var/lib/postgresql/*/main/postmaster.pid)")
        until(lambda: writer.failed, "a failure")
        told = writer.acknowledged
        seconds = seconds_until(lambda: writer.acknowledged > told, "another row")
    print(f"\npostmaster killed: a row after {seconds:.1f} s (bar: 15), {writer.acknowledged} rows acknowledged, {writer.failed} refused")
    table.add("`kill -9` of the postmaster", load, f"back after {seconds:.1f} s, {writer.acknowledged} rows acknowledged, none lost")
    load.expect_none_failed()
    assert rows(blog) - before >= writer.acknowledged
    assert server.main_process("blog") == main


def test_restarted_postgres(blog: Site, server: Server, table: Table) -> None:
    main = server.main_process("blog")
    with blog.load() as load:
        server.run("systemctl restart postgresql")
        until(lambda: server.get(blog.domain, "/healthz").status == 200, "a healthy site")
    table.add("a restart of PostgreSQL", load, "no application restart")
    load.expect_none_failed()
    assert server.main_process("blog") == main
    # No thread holds on to a connection of the days before.
    assert [server.get(blog.domain, "/healthz").status for _ in range(20)] == [200] * 20


def test_rebooted_host(blog: Site, server: Server, table: Table) -> None:
    live = blog.live
    with blog.load() as load:
        load.quiet(2)
    subprocess.run(["docker", "restart", "--time", "60", server.name], check=True, capture_output=True)
    seconds = seconds_until(lambda: serves(blog), "an answer after the boot")
    table.add("a reboot", load, f"{seconds:.1f} s after the boot's begin")
    until(lambda: server.succeeds("systemctl is-system-running | grep -q running"), "the end of the boot")
    assert blog.live == live
    expect_one_release(blog)
