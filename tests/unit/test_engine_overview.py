"""What a server tells of its sites and their releases."""

from __future__ import annotations

import hold
import overview
import pytest
import switch

LIVE, OLD = "0000000000aa", "0000000000bb"
NOON = 1_767_268_800.0
LOCK = "shortstop-deploy-"


@pytest.fixture
def site(blog, make_release, machine):
    """A site whose second release is live, and which nobody deploys."""
    machine.unit(LOCK, ActiveState="inactive")
    make_release(OLD, live_since=NOON - 86400, prepared=NOON - 86460, by="bob@desk", revision="v1")
    make_release(LIVE, live_since=NOON, prepared=NOON - 60, by="ada@laptop", revision="v2", previous=OLD)
    switch.point(blog, LIVE)
    return blog


def test_it_works(site):
    assert overview.status(site) == {"site": "blog", "release": LIVE, "since": "2026-01-01 12:00:00 UTC", "by": "ada@laptop", "state": "serving"}


def test_a_site_that_was_never_live_says_so(site):
    switch.unpoint(site)
    assert overview.status(site) == {"site": "blog", "release": "", "since": "", "by": "", "state": "nothing is live yet"}


@pytest.mark.parametrize(("down", "shown"), [([".socket"], ".socket"), ([".service"], ".service"), ([".socket", ".service"], ".service")])
def test_a_site_that_is_down_says_where_to_look(site, machine, down, shown):
    for unit in down:
        machine.unit(f"gunicorn-blog@{LIVE}{unit}", ActiveState="failed")
    assert overview.status(site)["state"] == f"down: see journalctl --unit=gunicorn-blog@{LIVE}{shown}"


def test_what_is_under_way_is_told(site, machine):
    machine.unit(LOCK, Description="deploy of blog by ada@laptop since noon")
    hold.hold(site, OLD)
    assert overview.status(site)["state"] == "serving; under way: deploy of blog by ada@laptop since noon; held after a rollback"


def test_the_releases_are_told_the_one_that_was_live_last_first(site, make_release):
    make_release("0000000000cc", prepared=NOON + 60)
    hold.hold(site, "0000000000cc")
    rows = overview.releases(site)
    assert [(row["release"], row["revision"], row["live since"], row["by"], row["state"]) for row in rows] == [
        (LIVE, "v2", "2026-01-01 12:00:00 UTC", "ada@laptop", "live"),
        (OLD, "v1", "2025-12-31 12:00:00 UTC", "bob@desk", "previous"),
        ("0000000000cc", "", "", "", "held"),
    ]
    assert rows[2]["prepared"] == "2026-01-01 12:01:00 UTC"


def test_a_release_may_be_more_than_one_thing(site):
    hold.hold(site, OLD)
    assert [row["state"] for row in overview.releases(site)] == ["live", "previous, held"]


def test_rows_are_aligned_below_their_names():
    rows = [{"site": "blog", "release": "", "by": "ada"}, {"site": "a", "release": LIVE, "by": ""}]
    assert overview.as_table(rows).split("\n") == [
        "SITE  RELEASE       BY",
        "blog  -             ada",
        "a     0000000000aa  -",
    ]
