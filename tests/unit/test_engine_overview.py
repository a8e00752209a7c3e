"""What a server tells of its sites and their releases."""

from __future__ import annotations

import failed
import hold
import overview
import pytest
import records
import switch
from report import StepFailed

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
    assert overview.status(site)["state"] == f"down: see journalctl --namespace=+blog --unit=gunicorn-blog@{LIVE}{shown}"


def test_what_is_under_way_is_told(site, machine):
    machine.unit(LOCK, Description="deploy of blog by ada@laptop since noon")
    hold.hold(site, OLD)
    assert overview.status(site)["state"] == "serving; under way: deploy of blog by ada@laptop since noon; held after a rollback"


def test_a_record_that_cannot_be_read_is_told(site):
    records.record_file(site, LIVE).write_text("{", encoding="utf-8")
    assert overview.status(site) == {
        "site": "blog",
        "release": LIVE,
        "since": "",
        "by": "",
        "state": "serving; the record of this release cannot be read",
    }


def test_a_record_that_lacks_most_is_no_trouble(site):
    records.record_file(site, LIVE).write_text("{}", encoding="utf-8")
    assert overview.status(site) == {"site": "blog", "release": LIVE, "since": "", "by": "", "state": "serving"}


@pytest.mark.parametrize(
    "error", [StepFailed("systemctl show: no"), OSError("no"), KeyError("no"), RecursionError("no")], ids=lambda error: type(error).__name__
)
def test_what_is_wrong_with_a_site_is_told_in_its_line(site, machine, error):
    def fail(_line: str) -> str:
        raise error

    machine.answer("systemctl show gunicorn-blog@", fail)
    row = overview.status(site)
    assert (row["site"], row["state"]) == ("blog", f"cannot be told: {type(error).__name__}: {error}")
    assert row.keys() == {"site", "release", "since", "by", "state"}


FORGED = {
    "infinite": '{"live_since": 1e999}',
    "not a number": '{"prepared": NaN}',
    "a text for a time": '{"live_since": "yesterday"}',
    "a bool for a time": '{"live_since": true}',
    "beyond the years": '{"live_since": 1e18}',
    "before them": '{"live_since": -1e18}',
    "100,000 digits": f'{{"prepared": {"9" * 100_000}}}',
    "100,000 lists": "[" * 100_000,
    "a number for a name": '{"by": 1}',
    "a list for a name": '{"revision": ["v1"]}',
    "an escape sequence": '{"by": "\\u001b[2J"}',
    "bidi": '{"revision": "\\u202e"}',
    "a lone surrogate": '{"by": "\\ud800"}',
    "a way up": '{"previous": "../../etc"}',
    "another key": '{"state": "serving"}',
    "null": "null",
}


@pytest.fixture
def forged(blog, make_release, machine, request):
    """A site whose live release and the one before it are of version 0.1.0, and say what they like."""
    machine.unit(LOCK, ActiveState="inactive")
    for name in (LIVE, OLD):
        make_release(name, finished=False)
        (blog.release_dir(name) / records.OLD_MARK).write_text(request.param, encoding="utf-8")
    make_release("0000000000cc", live_since=NOON)
    switch.point(blog, LIVE)
    return blog


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys(), indirect=True)
def test_a_forged_mark_of_an_older_release_tells_nothing(forged):
    assert overview.status(forged)["state"] == "serving; the record of this release cannot be read"
    (row,) = overview.releases(forged)
    assert (row["release"], row["live since"]) == ("0000000000cc", "2026-01-01 12:00:00 UTC")
    overview.as_table([row])


@pytest.mark.parametrize("forged", [f'{{"live_since": 99999999999, "prepared": 0, "by": "{"x" * 500}"}}'], indirect=True, ids=["as far as it goes"])
def test_whatever_is_believed_can_be_shown(forged):
    assert overview.status(forged)["since"] == "5138-11-16 09:46:39 UTC"
    assert len(overview.as_table(overview.releases(forged)).splitlines()) == 4


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


@pytest.mark.parametrize("finished", [True, False], ids=["it was prepared", "it was not"])
def test_the_release_that_failed_last_is_told(site, make_release, finished):
    make_release("0000000000cc", finished=finished, **({"prepared": NOON + 60} if finished else {}))
    failed.keep(site, "0000000000cc")
    rows = {row["release"]: row["state"] for row in overview.releases(site)}
    assert rows == {LIVE: "live", OLD: "previous", "0000000000cc": "failed"}
    assert next(iter(rows)) == (LIVE if finished else "0000000000cc")


def test_an_earlier_release_that_failed_is_told_once(site):
    failed.keep(site, OLD)
    assert [(row["release"], row["state"]) for row in overview.releases(site)] == [(LIVE, "live"), (OLD, "previous, failed")]


def test_where_only_a_failure_is_there_it_is_told(blog, make_release, machine):
    make_release(OLD, finished=False)
    failed.keep(blog, OLD)
    (row,) = overview.releases(blog)
    assert row == {"release": OLD, "revision": "", "prepared": "", "live since": "", "by": "", "state": "failed"}


def test_rows_are_aligned_below_their_names():
    rows = [{"site": "blog", "release": "", "by": "ada"}, {"site": "a", "release": LIVE, "by": ""}]
    assert overview.as_table(rows).split("\n") == [
        "SITE  RELEASE       BY",
        "blog  -             ada",
        "a     0000000000aa  -",
    ]
