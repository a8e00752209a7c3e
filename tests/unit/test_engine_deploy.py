"""The road of a release: which step follows which, and what a failure leaves."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import database
import deploy
import failed
import gates
import hold
import prepare
import prune
import pytest
import records
import release
import switch
from report import Report, StepFailed

SOURCE = "a" * 64
OLD = "0000000000bb"
STEPS = {
    failed: ("forget",),
    switch: ("sweep", "prove", "flip", "abandon", "retire_all_but"),
    prepare: ("prepare",),
    database: ("migrate",),
    gates: ("after_migrations",),
    prune: ("prune",),
}
WHOLE = ["forget", "sweep", "prepare", "migrate", "after_migrations", "prove", "flip", "retire_all_but", "prune"]


class Road:
    """A deploy whose steps only remember that they were taken; the flip changes what is live, too."""

    def __init__(self, site, path: Path, monkeypatch) -> None:
        self.site, self.path, self.patch = site, path, monkeypatch
        self.new = release.identify(site, SOURCE)
        self.taken: list[str] = []
        for steps in STEPS.values():
            for step in steps:
                self.let(step)

    def let(self, step: str, fail: Exception | None = None, warnings: tuple[str, ...] = ()) -> None:
        """What a step does from now on."""

        def taken(*arguments: object):
            self.taken.append(step)
            if fail:
                raise fail
            if step == "flip":
                switch.point(self.site, arguments[1])
            return iter(warnings)

        module = next(module for module, steps in STEPS.items() if step in steps)
        self.patch.setattr(module, step, taken)

    def go(self, **options: object) -> int:
        with Report(self.path) as report:
            return deploy.deploy(self.site, SOURCE, self.path.with_name("archive"), report, **options)

    def told(self) -> list[tuple[str, str]]:
        return [(line["step"], line["result"]) for line in self.lines() if line["result"] != "begun"]

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def message(self) -> str:
        """What was said at the end, before the ways to see more of it."""
        message, way, _more = self.lines()[-1]["message"].partition("\nThe whole message: sudo shortstop failure blog")
        assert way
        return message

    def noted(self) -> list[dict]:
        return [json.loads(line) for line in self.site.audit_file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def road(blog, tmp_path, monkeypatch, make_release, clock) -> Road:
    make_release(OLD)
    switch.point(blog, OLD)
    make_release(release.identify(blog, SOURCE))
    return Road(blog, tmp_path / "report.jsonl", monkeypatch)


def test_it_works(road):
    assert road.go() == 0
    assert road.taken == WHOLE
    assert road.told() == [*((step, "done") for step in ("prepare", "migrate", "prove", "flip", "retire", "prune")), ("end", "live")]
    assert road.lines()[-1]["release"] == road.new


def test_what_is_live_already_is_left_alone(road):
    switch.point(road.site, road.new)
    assert road.go() == 0
    assert road.taken == []
    assert road.told() == [("end", "unchanged")]
    assert not road.site.audit_file.exists()


@pytest.mark.parametrize("step", ["prepare", "migrate", "after_migrations", "prove"])
def test_a_warning_is_told_and_stops_nothing(road, step):
    road.let(step, warnings=("HSTS is off",))
    assert road.go() == 0
    assert [line["message"] for line in road.lines() if line["result"] == "warning"] == ["HSTS is off"]
    assert road.taken == WHOLE


CHANGED = ["DEBUG: True, here False", "MEDIA_URL: not set, here '/media/'"]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, CHANGED, [f"settings: {line}" for line in CHANGED]),
        (CHANGED[:1], CHANGED, [f"settings: {line}" for line in CHANGED]),
        (CHANGED, CHANGED, ["settings: 2 are not the project's own, as before; shortstop settings blog lists them"]),
        (CHANGED, [], []),
        ([], [], []),
    ],
)
def test_a_new_release_s_settings_are_told_unless_they_are_the_live_one_s(road, blog, make_release, before, now, told):
    new = release.identify(blog, SOURCE)
    records.remove(blog, new)
    if before is not None:
        records.write(blog, OLD, settings=before)
    road.patch.setattr(prepare, "prepare", lambda *_arguments: (records.write(blog, new, settings=now), [])[1])
    assert road.go() == 0
    assert [line["message"] for line in road.lines() if line["result"] == "told"] == told
    # A release that is kept was told of when it was made.
    switch.point(blog, OLD)
    assert road.go() == 0
    assert [line["message"] for line in road.lines() if line["result"] == "told"] == told


@pytest.mark.parametrize("error", [StepFailed("it broke"), OSError("it broke")], ids=["foreseen", "unforeseen"])
@pytest.mark.parametrize("broken", ["forget", "sweep", "prepare", "migrate", "after_migrations", "prove", "flip"])
def test_a_failure_abandons_the_new_release(road, error, broken):
    road.let(broken, fail=error)
    assert road.go() == 1
    assert road.taken == [*WHOLE[: WHOLE.index(broken) + 1], "abandon"]
    step = {"forget": "prepare", "sweep": "prepare", "after_migrations": "migrate"}.get(broken, broken)
    assert road.told()[-3:] == [(step, "failed"), ("clean up", "done"), ("end", "failed")]
    assert road.message() == f"{step}: {'' if isinstance(error, StepFailed) else 'OSError: '}it broke"
    assert road.site.live == OLD
    assert failed.release(road.site) == road.new


@pytest.mark.parametrize("can_run", [True, False])
@pytest.mark.parametrize(("broken", "leads"), [("prove", True), ("retire_all_but", False)])
def test_a_failure_says_how_to_see_more(road, monkeypatch, can_run, broken, leads):
    monkeypatch.setattr(failed, "can_run", lambda site, name: (site, name) == (road.site, road.new) and can_run)
    road.let(broken, fail=StepFailed("it is dumb\nits log"))
    road.go()
    way = f"\nTo look into this release: sudo shortstop manage blog --release {road.new} shell" if leads and can_run else ""
    assert road.lines()[-1]["message"].endswith(f"\nThe whole message: sudo shortstop failure blog{way}")


def test_a_run_that_ends_well_has_no_more_to_say(road):
    road.go()
    assert road.lines()[-1]["message"] == ""
    assert "message" not in road.noted()[-1]


def test_the_record_has_the_whole_message_and_the_report_a_short_one(road):
    log = [f"line {number}" for number in range(50)]
    road.let("prove", fail=StepFailed("\n".join(["it is dumb", *log])))
    road.go()
    assert road.message() == "\n".join(["prove: it is dumb", *log[-10:]])
    assert road.noted()[-1]["message"] == "\n".join(["prove: it is dumb", *log])


def test_neither_the_record_nor_the_report_has_a_secret(road):
    road.let("prove", fail=StepFailed("it is open sesame\npostgres://ada:hunter22@db"))
    with Report(road.path, {"open sesame"}) as report:
        deploy.deploy(road.site, SOURCE, road.path.with_name("archive"), report)
    assert road.message() == road.noted()[-1]["message"] == "prove: it is ********\npostgres://ada:********@db"


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("module", "function", "step"),
    [("audit", "begin", "prepare"), ("records", "write", "migrate")],
    ids=["the line of the record", "what the release takes the place of"],
)
def test_a_full_disk_is_told_in_the_step_that_met_it(road, monkeypatch, module, function, step):
    def fail(*_arguments: object, **_more: object) -> None:
        raise FULL

    monkeypatch.setattr(importlib.import_module(module), function, fail)
    assert road.go() == 1
    assert road.told()[-3:] == [(step, "failed"), ("clean up", "done"), ("end", "failed")]
    assert road.message() == f"{step}: OSError: [Errno 28] No space left on device"
    assert road.site.live == OLD


def test_a_hold_that_cannot_be_let_go_is_told_in_a_step(road, monkeypatch):
    def fail(_site: object) -> None:
        raise FULL

    monkeypatch.setattr(hold, "let_go", fail)
    assert road.go() == 1
    assert road.told()[-2:] == [("prune", "failed"), ("end", "live, but not done")]


def test_a_report_that_cannot_be_written_ends_no_run(road, capsys):
    with Report(road.path) as report:
        report.file.close()
        report.file = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115 the report closes it
        assert deploy.deploy(road.site, SOURCE, road.path, report) == 0
    assert road.taken == WHOLE
    assert "the report cannot be written ([Errno 28] No space left on device)" in capsys.readouterr().err


def test_a_clean_up_that_fails_too_is_told_after_its_cause(road):
    road.let("prove", fail=StepFailed("it is dumb"))
    road.let("abandon", fail=StepFailed("it does not stop"))
    assert road.go() == 1
    assert road.told()[-3:] == [("prove", "failed"), ("clean up", "failed"), ("end", "failed")]
    assert road.message() == "prove: it is dumb"


@pytest.mark.parametrize(("broken", "step"), [("retire_all_but", "retire"), ("prune", "prune")])
def test_what_fails_after_the_flip_leaves_the_new_release_live(road, broken, step):
    road.let(broken, fail=StepFailed("it does not stop"))
    assert road.go() == 1
    assert "abandon" not in road.taken
    assert road.told()[-2:] == [(step, "failed"), ("end", "live, but not done")]
    assert road.message() == f"{step}: it does not stop\nRelease {road.new} is live; the next run tries to take away what is left"


@pytest.mark.parametrize("unapplied", [["shop.0001_initial", "shop.0002_price"], []], ids=["it has not", "it has"])
def test_a_host_that_does_not_migrate_waits_for_the_one_that_does(road, monkeypatch, unapplied):
    monkeypatch.setattr(database, "state", lambda _site, _name: database.State(set(), unapplied, set(), {}))
    assert road.go(migrates=False) == int(bool(unapplied))
    assert "migrate" not in road.taken
    if unapplied:
        sentence = "migrate: the host that migrates this database has not applied shop.0001_initial, shop.0002_price; deploy to it first"
        assert road.message() == sentence


def test_a_release_knows_what_it_takes_the_place_of_before_it_is_live(road):
    road.let("prove", fail=StepFailed("it is dumb"))
    road.go(by="ada@laptop")
    record = records.read(road.site, road.new)
    assert (record["previous"], record["by"]) == (OLD, "ada@laptop")


@pytest.mark.parametrize(("broken", "holds"), [("prepare", True), ("flip", True), (None, False)])
def test_a_deploy_lets_go_once_it_is_live(road, broken, holds):
    hold.hold(road.site, "0000000000cc")
    if broken:
        road.let(broken, fail=StepFailed("it broke"))
    road.go()
    assert bool(hold.held(road.site)) is holds


@pytest.mark.parametrize(("broken", "result"), [(None, "live"), ("prove", "failed"), ("prune", "live, but not done")])
def test_a_run_is_noted_as_it_ends(road, broken, result):
    if broken:
        road.let(broken, fail=StepFailed("it broke"))
    road.go(by="ada@laptop", revision="v1")
    (line,) = road.noted()
    assert (line["action"], line["who"], line["from"], line["revision"]) == ("deploy", "ada", "laptop", "v1")
    assert (line["release"], line["result"], line["live"]) == (road.new, result, OLD if broken == "prove" else road.new)


def test_a_run_is_noted_as_under_way_from_its_beginning(road, monkeypatch):
    there = []
    monkeypatch.setattr(switch, "sweep", lambda site: there.extend(site.configuration_dir.glob("under_way.json")))
    road.go()
    assert len(there) == 1
    assert not there[0].exists()


@pytest.fixture
def back(road, make_release, monkeypatch):
    """Rolls back to the release before the live one, in a database that has some migrations more."""
    site = road.site
    switch.point(site, road.new)
    known = {
        OLD: {"live_since": 2, "migrations": {"shop.0001_initial": []}, "leaves": ["shop.0001_initial"]},
        road.new: {"live_since": 3, "previous": OLD, "migrations": {"shop.0001_initial": [], "shop.0002_price": [], "tag.0001_initial": []}},
    }
    for name, record in known.items():
        records.write(site, name, **record)
    make_release("0000000000cc", live_since=1, migrations={"shop.0001_initial": []})
    make_release("never_live")
    applied = {"shop.0001_initial"}
    monkeypatch.setattr(database, "state", lambda _site, _name: database.State(applied, [], set(), {}))
    monkeypatch.setattr(database, "reverse", lambda *arguments: road.taken.append(arguments[1:]))

    def go(to: str | None = None, migrations: str = "", more: tuple[str, ...] = ()) -> int:
        applied.update(more)
        with Report(road.path) as report:
            return deploy.rollback(site, to, report, by="ada@laptop", migrations=migrations)

    return go


MORE = ("shop.0002_price", "tag.0001_initial")


@pytest.mark.parametrize(("to", "chosen"), [(None, OLD), (OLD, OLD), ("0000000000cc", "0000000000cc")])
def test_a_rollback_is_the_same_road(road, back, to, chosen):
    assert back(to) == 0
    assert road.taken == ["sweep", "prove", "flip", "retire_all_but"]  # what failed last stays
    assert road.told() == [*((step, "done") for step in ("choose", "prove", "flip", "retire")), ("end", "live")]
    assert road.lines()[-1]["release"] == chosen
    assert [(line["action"], line["release"], line["result"]) for line in road.noted()] == [("rollback", chosen, "live")]


def test_a_rollback_holds_the_site(road, back):
    back()
    assert hold.held(road.site) == [road.new]


def test_a_rollback_that_fails_holds_nothing(road, back):
    road.let("prove", fail=StepFailed("it is dumb"))
    assert back() == 1
    assert hold.held(road.site) == []
    assert road.taken[-1] == "abandon"
    assert failed.release(road.site) == OLD


def test_a_rollback_that_works_at_last_has_not_failed(road, back):
    road.let("prove", fail=StepFailed("it is dumb"))
    back()
    road.let("prove")
    assert back() == 0
    switch.point(road.site, road.new)
    assert failed.release(road.site) is None


def test_a_rollback_that_is_killed_after_its_flip_holds_the_site_too(road, back):
    road.let("retire_all_but", fail=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        back()
    assert hold.held(road.site) == [road.new]


@pytest.mark.parametrize(
    ("refused", "live", "new", "holds"),
    [("a", "b", "a", True), ("a", "b", "c", False), ("a", "a", "a", False), (None, "b", "a", False)],
    ids=["other configuration", "another source", "gone back from configuration alone", "not held"],
)
def test_a_source_that_was_gone_back_from_is_held_whatever_its_configuration(blog, make_release, refused, live, new, holds):
    make_release("0000000000aa", source=refused)
    make_release(OLD, source=live)
    switch.point(blog, OLD)
    if refused:
        hold.hold(blog, "0000000000aa")
    assert hold.holds(blog, "0000000000cc", new) is holds
    assert hold.holds(blog, "0000000000aa", new) is bool(refused)


@pytest.mark.parametrize("to", ["0123456789ab", "never_live", "the live one"])
def test_only_a_kept_release_is_gone_back_to(road, back, to):
    to = road.new if to == "the live one" else to
    assert back(to) == 1
    assert road.taken == []
    assert failed.release(road.site) is None
    assert road.message() == f"choose: there is no release {to} to go back to; the releases that are kept are {OLD}, 0000000000cc"


def test_what_is_live_needs_no_look_into(road, back, monkeypatch):
    monkeypatch.setattr(failed, "can_run", lambda _site, _name: True)
    assert back(road.new) == 1
    assert road.lines()[-1]["message"].endswith("\nThe whole message: sudo shortstop failure blog")


def test_where_no_release_was_before_it_says_which_others_there_are(road, back):
    records.write(road.site, road.new, previous="0123456789ab")
    assert back() == 1
    assert road.message() == f"choose: no release before {road.new} is kept; the releases that are kept are {OLD}, 0000000000cc"


def test_where_nothing_else_is_kept_it_says_so(road, back):
    for name in (OLD, "0000000000cc"):
        prune.forget(road.site, name)
    assert back() == 1
    assert road.message() == f"choose: no release before {road.new} is kept; no other release is kept"


def test_a_site_that_was_never_live_has_nothing_to_go_back_from(road, back):
    switch.unpoint(road.site)
    assert back() == 1
    assert road.message() == "choose: nothing is live yet"


def test_migrations_that_older_code_does_not_know_need_a_word(road, back):
    assert back(more=MORE) == 1
    assert road.message() == (
        f"choose: release {OLD} does not know these migrations: shop.0002_price, tag.0001_initial. Say what becomes of them: migrations=keep"
        " leaves them applied, migrations=reverse takes them back, with the data that only they hold"
    )
    assert road.taken == ["sweep"]


@pytest.mark.parametrize(("migrations", "reverses"), [("keep", False), ("reverse", True)])
def test_migrations_are_kept_or_reversed_after_the_flip(road, back, migrations, reverses):
    assert back(migrations=migrations, more=MORE) == 0
    assert road.taken == ["sweep", "prove", "flip", "retire_all_but", *([(road.new, OLD, list(MORE))] if reverses else [])]


def test_where_nothing_is_unknown_nothing_is_reversed(road, back):
    assert back(migrations="reverse") == 0
    assert road.taken[-1] == "retire_all_but"


def test_a_reversal_that_fails_leaves_the_older_release_live_and_held(road, back, monkeypatch):
    def fail(*_arguments: object) -> None:
        raise StepFailed("it cannot be reversed")

    monkeypatch.setattr(database, "reverse", fail)
    assert back(migrations="reverse", more=MORE) == 1
    assert road.told()[-2:] == [("reverse", "failed"), ("end", "live, but not done")]
    assert hold.held(road.site) == [road.new]


def test_each_release_that_was_gone_back_from_is_held(blog):
    for name in ("one", "two"):
        hold.hold(blog, name)
    assert hold.held(blog) == ["one", "two"]
    hold.let_go(blog)
    assert hold.held(blog) == []


def test_what_holds_a_site_may_have_been_cut_off(blog):
    hold.hold(blog, "one")
    (blog.configuration_dir / "held.json").write_text('["on', encoding="utf-8")
    assert hold.held(blog) == []
