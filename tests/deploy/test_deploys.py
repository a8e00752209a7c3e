"""Deploys that no visitor notices, after a look at what the same visitors notice of the usual way; the same again, and the road back."""

import os
import re
import time

import naive
import pytest
from house import Server
from load import Load, Window
from sites import Site
from table import Table

QUIET = 10.0  # seconds before each deploy
BAR = 4  # times the slowest request without a deploy


@pytest.mark.short
def test_the_same_visitors_notice_a_naive_restart(blog: Site, server: Server, table: Table, short: bool) -> None:
    restarts = 1 if short else 3
    with naive.served(server):
        with Load(server, naive.DOMAIN, releases={naive.RELEASE}) as load:
            for _ in range(restarts):
                naive.restart(server)
        table.add(f"naive: `systemctl restart`, {restarts} times", load, first=True)
    assert load.failed


@pytest.mark.short
def test_visitors_notice_no_deploy(blog: Site, server: Server, table: Table, short: bool) -> None:
    deploys = 3 if short else 20
    flips = []
    with blog.load(slow_every=1.5) as load:
        # By turns: what else keeps this machine busy meets both alike.
        quiet, busy = Window(load), Window(load)
        for number in range(deploys):
            with quiet.open():
                time.sleep(QUIET)
            before = blog.live
            with busy.open():
                if number % 2:
                    blog.colour(f"colour{number}")
                    blog.configure().expect_success()
                else:
                    blog.write(f"word{number}")
                    blog.deploy().expect_success()
            load.releases.add(blog.live)
            flips.append(blog.flipped_at)
            assert blog.live != before
    table.add(f"{deploys} deploys of content and configuration", load)
    flipping = Window(load, [(at - 1, at + 1) for at in flips])
    print(f"\nbetween deploys: {quiet}")
    for what, window in {f"during {deploys} deploys": busy, "within a second of the flips": flipping}.items():
        print(f"{what}: {window}, {window.slowest / quiet.slowest:.1f} times the slowest between deploys (bar: {BAR})")
    load.expect_none_failed()
    assert [at for at in flips if not load.in_flight(at)] == []
    assert {release: len(shown) for release, shown in load.contents.items()} == dict.fromkeys(load.releases, 1)
    assert busy.slowest <= 10 * BAR * quiet.slowest


@pytest.mark.short
def test_the_same_again_changes_nothing(blog: Site) -> None:
    blog.deploy()
    live = blog.live
    for file in blog.source.rglob("*"):
        os.utime(file, (1, 1))
        os.chown(file, 1234, 1234)
    run = blog.project.play().expect_success()
    assert run.changed == 0
    assert blog.live == live


@pytest.mark.short
def test_back_to_the_previous_release(blog: Site, table: Table) -> None:
    blog.deploy().expect_success()
    old = blog.live
    blog.write("regretted")
    blog.deploy().expect_success()
    regretted = blog.live
    with blog.load(slow_every=1.5) as load:
        load.releases.add(old)
        run = blog.rollback().expect_success()
    seconds = blog.record[-1]["seconds"]
    waited = float(re.search(r"blog: retire ([\d.]+) s", run.output)[1])
    told = f"{seconds:.1f} s on the server, {waited:.1f} s of them for requests that were under way"
    print(f"\nrollback: {told} (bar: 5)")
    table.add("rollback to the previous release", load, told)
    load.expect_none_failed()
    assert blog.live == old
    # A whole run leaves it there and says so; asked for by name, it goes on.
    run = blog.project.play(playbooks=("deploy.yml",)).expect_success()
    assert f'site "blog": release {regretted} was rolled back from, so {old} stays live' in " ".join(run.output.split())
    assert blog.live == old
    blog.deploy().expect_success()
    assert blog.live == regretted
