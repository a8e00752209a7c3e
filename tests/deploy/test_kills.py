"""The controller and the host killed at and in the steps of a deploy: one release serves afterwards, and the next deploy needs no hand."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import pytest
from house import Run, Server
from sites import Site
from table import Table

STEPS = ["prepare", "migrate", "prove", "flip", "retire", "prune"]
# The beginning of a step is the time between it and the one before.
MOMENTS = [f"{where} {step}" for step in STEPS for where in ("before", "in")]
IN = 0.15  # seconds after its beginning
DEADLINE = 60.0  # seconds


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what} has not come about in {DEADLINE:.0f} s"
        time.sleep(0.05)


def deploy_until(site: Site, moment: str) -> subprocess.Popen:
    """Begin a deploy, and return at that moment of it."""
    where, step = moment.split()
    site.server.run("rm -f /run/shortstop/*.jsonl")
    controller = site.project.start("--extra-vars", f"only={site.name}", playbooks=("deploy.yml",))
    begun = f'"step": "{step}", "result": "begun"'
    site.server.run(f"until grep -qs '{begun}' /run/shortstop/{site.name}-*.jsonl; do :; done")
    if where == "in":
        time.sleep(IN)
    return controller


def expect_one_release(site: Site) -> None:
    """Everything on the host speaks of the same release."""
    server, live, unit = site.server, site.live, f"gunicorn-{site.name}@{site.live}"
    assert server.run(f"readlink /srv/{site.name}/live.sock").strip() == f"/run/gunicorn-{site.name}/{live}.sock"
    running = server.run(f"systemctl list-units --plain --no-legend --state=active 'gunicorn-{site.name}@*' | cut -d' ' -f1").split()
    assert sorted(running) == [f"{unit}.service", f"{unit}.socket"]
    enabled = server.run(f"find /etc/systemd/system/*.wants -name 'gunicorn-{site.name}@*' -printf '%f\\n' | sort").split()
    assert enabled == [f"{unit}.service", f"{unit}.socket"]
    assert server.run("systemctl --failed --no-legend") == ""
    assert server.run("find /var/lib/shortstop/incoming /var/lib/shortstop/scratch -mindepth 1") == ""
    assert f"release {live}" in server.get(site.domain).body


def serves(site: Site) -> bool:
    try:
        return site.server.get(site.domain).status == 200
    except OSError:
        return False


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_controller_killed(blog: Site, table: Table, moment: str) -> None:
    number = MOMENTS.index(moment)
    blog.write(f"controller{number}")
    with blog.load() as load:
        controller = deploy_until(blog, moment)
        os.killpg(controller.pid, signal.SIGKILL)
        controller.communicate()
        blog.write(f"afterwards{number}")
        # At once: it waits for what the killed one began.
        blog.deploy().expect_success()
    left, wanted = blog.record[-2:]
    load.releases |= {left["release"], wanted["release"]}
    table.add(f"the controller killed {moment}", load, f"its run ended by itself ({left['result']}); the next deploy waited for that")
    load.expect_none_failed()
    assert (left["result"], wanted["result"]) == ("live", "live")
    assert blog.live == wanted["release"] != left["release"]
    expect_one_release(blog)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_host_killed(blog: Site, server: Server, table: Table, moment: str) -> None:
    number, old = MOMENTS.index(moment), blog.live
    blog.write(f"host{number}")
    with blog.load() as load:
        controller = deploy_until(blog, moment)
        killed = time.time()
        subprocess.run(["docker", "kill", server.name], check=True, capture_output=True)
    output, _none = controller.communicate()
    subprocess.run(["docker", "start", server.name], check=True, capture_output=True)
    until(lambda: serves(blog), "an answer")
    until(lambda: server.succeeds("systemctl is-system-running | grep -q running"), "the end of the boot")
    # What was asked when the host was up counts, unless its answer was under way at the end.
    load.requests = [request for request in load.requests if request.at + request.seconds < killed]
    left, live = blog.record[-1], blog.live
    load.releases.add(left["release"])
    table.add(f"the host killed {moment}", load, f"the {'old' if live == old else 'new'} release served after the boot, by itself")
    load.expect_none_failed()
    Run(controller.returncode, output).expect_failure('site "blog": ')
    assert live in (old, left["release"])
    if "flip" not in moment:
        assert (live == old) == (STEPS.index(moment.split()[1]) < STEPS.index("flip"))
    # systemd dies before the run does, whose last words are about that; they are true of what is live.
    assert left["result"] == "interrupted" or (left["result"] == "failed") == (live == old)
    expect_one_release(blog)
    blog.write(f"afterhost{number}")
    blog.deploy().expect_success()
    assert blog.live not in (old, live)
    expect_one_release(blog)
