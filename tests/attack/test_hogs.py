"""A site takes all that it can get, and its neighbour serves on."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from house import Server
from load import Load
from sandboxed import group_file, inside

BAR = 2.0  # times the idle p99, printed
SECONDS = 20
UNIT_TASKS, UNIT_MEMORY = 256, 512  # by convention
SITE_TASKS, SITE_MEMORY = 2 * UNIT_TASKS, 2 * UNIT_MEMORY


@pytest.fixture(scope="module")
def neighbour(served: Server) -> Iterator[Load]:
    """Visitors of shop, all the time."""
    let_pass(served.port(80))
    with Load(served, "shop.example.com", {served.live("shop")}, rate=20) as load:
        yield load


def let_pass(port: int) -> None:
    """Have the engine's proxy of a published port pass on at once what it is given: it stands for the way to the server, which no hog is on."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"docker-proxy") and str(port).encode() in words:
                subprocess.run(["chrt", "--all-tasks", "--fifo", "--pid", "1", process.name], check=True)


@contextmanager
def started(server: Server, *commands: str) -> Iterator[list[subprocess.Popen]]:
    """Shell commands on the server that run beside each other, and have ended afterwards."""
    running = [subprocess.Popen(["docker", "exec", server.name, "sh", "-c", command], stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        yield running
    finally:
        for process in running:
            process.wait(timeout=90)


def hog(what: str, amount: int) -> list[str]:
    return ["python3", "/opt/attack/hogs.py", what, str(amount), str(SECONDS)]


def hogs(server: Server, load: Load, what: str, *commands: str) -> list[str]:
    """What these commands said that ran beside each other; the neighbour's visitors are looked at before and meanwhile."""
    # Each time anew: what else keeps this machine busy meets both alike.
    idle = load.quiet(SECONDS)
    with load.window() as window, started(server, *commands) as running:
        said = [process.communicate(timeout=90)[0] for process in running]
    ratio = window.p99 / idle.p99
    print(f"\n{server.name}: {what}: idle p99 {idle.p99 * 1000:.0f} ms, now {window}; {ratio:.1f} times (bar {BAR:.0f})")
    assert window.ordinary
    load.expect_none_failed()
    return said


# Outside of the sandbox the hogs take more than a site may have, or the tests below say nothing.
def test_the_hogs_are_hungry_enough(served: Server):
    as_blog = "runuser --user blog -- "
    assert json.loads(served.run(as_blog + " ".join(hog("processes", SITE_TASKS + 100)))) == {"made": SITE_TASKS + 100, "refused": ""}
    taken = served.run(as_blog + f"python3 /opt/attack/hogs.py memory {SITE_MEMORY + 100} 0").splitlines()
    assert json.loads(taken[-1])["taken"] == SITE_MEMORY + 100


def test_the_processor(served: Server, neighbour):
    hogs(served, neighbour, "8 processes that never wait", *[inside(served, "blog", *hog("processor", 4))] * 2)


def test_a_fork_bomb(served: Server, neighbour):
    (said,) = hogs(served, neighbour, "a fork bomb", inside(served, "blog", *hog("processes", 2000)))
    bomb = json.loads(said)
    assert bomb["refused"] == "EAGAIN"
    assert UNIT_TASKS / 2 < bomb["made"] < UNIT_TASKS


def test_fork_bombs_in_many_units(served: Server, neighbour):
    bombs = [json.loads(said) for said in hogs(served, neighbour, "4 fork bombs", *[inside(served, "blog", *hog("processes", 2000))] * 4) if said]
    assert {bomb["refused"] for bomb in bombs} == {"EAGAIN"}
    assert sum(bomb["made"] for bomb in bombs) < SITE_TASKS


def test_memory(served: Server, neighbour):
    # It is stopped within a second, and begins again, as a service does.
    again = f"while :; do {inside(served, 'blog', *hog('memory', 2000))}; done"
    (said,) = hogs(served, neighbour, "a memory hog that begins again", f"timeout {SECONDS} sh -c {shlex.quote(again)}")
    taken = [json.loads(line)["taken"] for line in said.splitlines()]
    assert taken.count(50) > 1
    assert UNIT_MEMORY / 2 < max(taken) <= UNIT_MEMORY


def test_memory_in_many_units(served: Server, neighbour):
    said = hogs(served, neighbour, "4 memory hogs", *[inside(served, "blog", "python3", "/opt/attack/hogs.py", "memory", "450", str(SECONDS))] * 4)
    # They end at once where the site as a whole has no more, and not only where one of them would.
    whole = [output for output in said if json.loads(output.splitlines()[-1])["taken"] == 450]
    assert len(whole) < 4
    # The name depends on the version of control groups.
    peak = group_file(served, "blog", "memory.peak") or group_file(served, "blog", "memory.max_usage_in_bytes")
    assert SITE_MEMORY * 2**20 / 2 < int(served.run(f"cat {peak}")) <= SITE_MEMORY * 2**20


def test_both_sites_serve_afterwards(served: Server, neighbour):
    for site in ("blog", "shop"):
        assert served.get(f"{site}.example.com").status == 200
    assert served.run("systemctl --failed --plain --no-legend") == ""
