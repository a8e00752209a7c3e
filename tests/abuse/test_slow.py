"""Five hundred connections that are as slow as they can be, and a visitor beside them who must not notice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from target import HERE, Target

CONNECTIONS = 500
SECONDS = 20
ATTACKER = "127.0.0.66"


def attack(target: Target, kind: str, seconds: int = SECONDS) -> tuple[dict[str, int], dict]:
    """What became of the connections, and what a visitor met meanwhile."""
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(target.server.run, f"python3 /srv/slow.py {kind} {CONNECTIONS} {seconds} {ATTACKER}")
        visitor = pool.submit(target.server.run, f"python3 /srv/visitor.py {seconds}")
        return json.loads(slow.result()), json.loads(visitor.result())


def p99(met: dict) -> str:
    took = met["took"]
    return f"{len(took)} requests, {len(met['failed'])} failed, p99 {took[int(len(took) * 0.99)] * 1000:.0f} ms"


@pytest.fixture(scope="module")
def idle(target: Target) -> str:
    for name in ("slow.py", "visitor.py"):
        target.server.write(f"/srv/{name}", (HERE / name).read_text())
    met = json.loads(target.server.run("python3 /srv/visitor.py 10"))
    assert met["failed"] == []
    return p99(met)


@contextmanager
def changed(target: Target, *expressions: str) -> Iterator[None]:
    """With nginx's own configuration changed by sed."""
    file = "/etc/nginx/nginx.conf"
    target.server.run(f"cp {file} /srv/nginx.conf")
    before = target.server.run("pgrep --parent $(cat /run/nginx.pid)").split()
    for expression in expressions:
        target.server.run(f"sed --in-place '{expression}' {file} /etc/nginx/sites-available/blog.conf")
    target.server.run("nginx -t -q && systemctl reload nginx")
    target.server.run(f"timeout 30 sh -c 'while ps --pid {','.join(before)} >/dev/null; do sleep 0.1; done'")
    try:
        yield
    finally:
        target.server.run(f"cp /srv/nginx.conf {file}")
        target.project.play().expect_success()


def test_slow_heads(target: Target, idle: str) -> None:
    became, met = attack(target, "heads")
    print(f"\n{target.server.name}: {CONNECTIONS} slow heads: {became}; a visitor: {p99(met)}; idle: {idle}")
    assert met["failed"] == []
    # All were sent away, whatever they dripped, and came again.
    assert became["closed"] >= CONNECTIONS
    assert became.keys() <= {"closed", "open"}


def test_slow_bodies(target: Target, idle: str) -> None:
    target.forget()
    became, met = attack(target, "bodies")
    print(f"\n{target.server.name}: {CONNECTIONS} slow bodies: {became}; a visitor: {p99(met)}; idle: {idle}")
    assert met["failed"] == []
    # One address holds a hundred, and no more.
    assert became["open"] == 100
    assert became["429"] >= CONNECTIONS - 100
    # What is not whole never reaches the application.
    assert not [seen for seen in target.seen if seen["head"].startswith("POST")]


def test_slow_reads(target: Target, idle: str) -> None:
    became, met = attack(target, "reads")
    print(f"\n{target.server.name}: {CONNECTIONS} slow readers of 20 MB: {became}; a visitor: {p99(met)}; idle: {idle}")
    assert met["failed"] == []


def test_the_visitor_notices_where_nothing_guards(target: Target, idle: str) -> None:
    """The same with the room and the patience that nginx would have of its own, and no limits."""
    loose = ["s/worker_connections 4096/worker_connections 128/", "s/client_header_timeout 10s/client_header_timeout 60s/", "s/limit_conn .* 100;//"]
    with changed(target, *loose):
        became, met = attack(target, "heads", 10)
        print(f"\n{target.server.name}: unguarded, {CONNECTIONS} slow heads: {became}; a visitor: {p99(met)}; idle: {idle}")
        assert met["failed"], "the visitor must notice"
        became, met = attack(target, "bodies", 10)
        print(f"\n{target.server.name}: unguarded, {CONNECTIONS} slow bodies: {became}; a visitor: {p99(met)}; idle: {idle}")
        assert "429" not in became
        assert met["failed"], "the visitor must notice"
