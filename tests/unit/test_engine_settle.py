"""After a kill: what `live.sock` names is the truth, and all else is made to follow."""

from __future__ import annotations

import json

import audit
import hold
import pytest
import records
import settle
import switch
from report import Report

NEW, OLD = "0000000000aa", "0000000000bb"


@pytest.fixture
def killed(blog, make_release):
    """A site whose deploy was killed while it was prepared."""
    make_release(OLD, live_since=1)
    make_release(NEW, finished=False)
    switch.point(blog, OLD)
    for directory in (settle.SCRATCH_DIR, settle.INCOMING_DIR):
        directory.mkdir()
    audit.begin(blog, "deploy", "ada@laptop", NEW, "v1")
    return blog


@pytest.fixture
def report(tmp_path):
    return tmp_path / "run" / "report.jsonl"


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_works(killed):
    settle.settle(killed)
    assert killed.live == OLD
    assert not killed.release_dir(NEW).exists()


def test_what_still_runs_of_it_is_stopped_first(killed, machine):
    settle.settle(killed)
    assert machine.started[0] == "systemctl stop shortstop-run-blog-*.service"


def test_what_is_not_live_is_stopped(killed, machine):
    machine.answer("list-units", f"gunicorn-blog@{NEW}.service loaded active running\ngunicorn-blog@{OLD}.service loaded active running\n")
    settle.settle(killed)
    assert machine.lines("systemctl stop gunicorn-blog") == [f"systemctl stop gunicorn-blog@{NEW}.socket gunicorn-blog@{NEW}.service"]


def test_what_is_live_runs_and_starts_at_boot(killed, machine):
    settle.settle(killed)
    units = f"gunicorn-blog@{OLD}.socket gunicorn-blog@{OLD}.service"
    assert {f"systemctl enable --quiet {units}", f"systemctl start --no-block {units}"} < set(machine.started)


@pytest.mark.parametrize("current", [f"releases/{NEW}", None], ids=["behind", "missing"])
def test_current_follows_what_is_live(killed, current):
    (killed.root / "current").unlink()
    if current:
        (killed.root / "current").symlink_to(current)
    settle.settle(killed)
    assert str((killed.root / "current").readlink()) == f"releases/{OLD}"


@pytest.mark.parametrize(("record", "kept"), [({}, False), ({"live_since": 5}, True)], ids=["killed at the flip", "noted in time"])
def test_a_live_release_knows_since_when(killed, make_release, record, kept):
    make_release("flipped", **record)
    switch.point(killed, "flipped")
    changed = killed.release_dir("flipped").stat().st_mtime
    settle.settle(killed)
    assert records.read(killed, "flipped")["live_since"] == (5 if kept else changed)


def test_the_jobs_become_those_of_the_live_release_without_waiting(killed, machine):
    killed.jobs_dir(OLD).mkdir()
    (killed.jobs_dir(OLD) / "site-blog-worker.service").write_text("old", encoding="utf-8")
    (switch.UNIT_DIR / "site-blog-worker.service").write_text("new", encoding="utf-8")
    settle.settle(killed)
    assert (switch.UNIT_DIR / "site-blog-worker.service").read_text(encoding="utf-8") == "old"
    assert machine.lines("restart") == ["systemctl restart --no-block site-blog-worker.service"]


def test_what_it_had_on_its_way_is_removed(killed):
    (settle.SCRATCH_DIR / "blog-1" / "wheels").mkdir(parents=True)
    (settle.SCRATCH_DIR / "shop-1").mkdir()
    (killed.root / "venvs/.0123456789ab.new/lib").mkdir(parents=True)
    (settle.INCOMING_DIR / "blog-1.tar.gz").write_text("", encoding="utf-8")
    (settle.INCOMING_DIR / "shop-1.tar.gz").write_text("", encoding="utf-8")
    settle.settle(killed)
    assert [path.name for directory in (settle.SCRATCH_DIR, settle.INCOMING_DIR) for path in directory.iterdir()] == ["shop-1", "shop-1.tar.gz"]
    assert not (killed.root / "venvs/.0123456789ab.new").exists()


def test_what_waits_for_its_turn_keeps_its_archive(killed, report):
    for name in (report.stem, "blog-waits"):
        (settle.INCOMING_DIR / f"{name}.tar.gz").write_text("", encoding="utf-8")
    settle.after_run(killed, report)
    assert [path.name for path in settle.INCOMING_DIR.iterdir()] == ["blog-waits.tar.gz"]


def test_the_record_tells_of_it_once(killed):
    settle.settle(killed)
    settle.settle(killed)
    (line,) = lines(killed.audit_file)
    assert (line["action"], line["who"], line["release"], line["result"], line["live"]) == ("deploy", "ada", NEW, "interrupted", OLD)
    assert audit.last_failure(killed)["message"] == "the run was ended from outside"


def test_where_nothing_was_left_nothing_is_told(killed):
    audit.end(killed, "live")
    settle.settle(killed)
    assert [line["result"] for line in lines(killed.audit_file)] == ["live"]


def test_a_site_that_was_never_live_is_only_swept(blog, machine, make_release):
    make_release(NEW, finished=False)
    settle.settle(blog)
    assert not blog.release_dir(NEW).exists()
    assert machine.lines(" start ") == []
    assert not (blog.root / "current").is_symlink()


def test_a_held_site_stays_held(killed):
    hold.hold(killed, NEW)
    settle.settle(killed)
    assert hold.held(killed) == [NEW]


@pytest.mark.parametrize(("live", "named"), [(OLD, f"release {OLD}"), (None, "nothing")])
def test_the_report_of_a_killed_run_gets_its_end(killed, report, live, named):
    if not live:
        switch.unpoint(killed)
    with Report(report) as told:
        told.say("prove", "begun")
    settle.after_run(killed, report)
    last = lines(report)[-1]
    assert (last["step"], last["result"], last["release"]) == ("end", "interrupted", live or "")
    assert last["message"] == f"the run was ended from outside; {named} is live"
    assert not killed.release_dir(NEW).exists()


def test_what_cannot_be_set_right_is_told(killed, machine, report):
    machine.answer("systemctl enable", "no", status=1)
    settle.after_run(killed, report)
    assert f"; release {OLD} is live, and what it left is not set right: systemctl enable " in lines(report)[-1]["message"]


def test_a_run_that_was_killed_before_its_first_word_gets_an_end_too(killed, report):
    settle.after_run(killed, report)
    assert [line["result"] for line in lines(report)] == ["interrupted"]


def test_after_a_run_that_ended_nothing_happens(killed, machine, report):
    with Report(report) as told:
        told.end("failed", NEW, "prove: it is dumb")
    before = report.read_text(encoding="utf-8")
    settle.after_run(killed, report)
    assert machine.started == []
    assert report.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("", False),
        ('{"step": "prove"}\n', False),
        ('{"step": "prove"}\n{"step": "end"}\n', True),
        ('{"step": "prove"}\n{"step": "en', False),
    ],
    ids=["nothing", "a step", "the end", "half an end"],
)
def test_a_run_has_ended_when_it_has_said_so(report, text, ended):
    report.parent.mkdir()
    report.write_text(text, encoding="utf-8")
    assert settle.ended(report) is ended


def test_a_run_without_a_report_has_not_ended(report):
    assert not settle.ended(report)


def test_the_end_does_not_stand_in_a_line_that_was_cut_off(killed, report):
    report.parent.mkdir()
    report.write_text('{"step": "prepare"}\n{"step": "mig', encoding="utf-8")
    settle.after_run(killed, report)
    assert [line["step"] for line in lines(report)] == ["prepare", "end"]
