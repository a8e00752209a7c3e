"""One run at a time: how it is begun, waited for and followed."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import lock
import pytest

UNIT = "shortstop-deploy-blog.service"
TAKEN = f"Failed to start transient service unit: Unit {UNIT} was already loaded or has a fragment file."
HOLDER = "deploy of blog by ada@laptop since 2026-01-01 12:00:00 UTC"


@pytest.fixture
def taken(machine) -> None:
    """Another run holds the lock."""
    machine.answer("systemd-run", TAKEN, status=1)
    machine.unit(UNIT, Description=HOLDER)


@pytest.fixture
def archive(tmp_path) -> Path:
    (tmp_path / "source.tar.gz").write_text("archive", encoding="utf-8")
    return tmp_path / "source.tar.gz"


def followed(run: str, when: float) -> None:
    lock.followed_file(run).touch()
    os.utime(lock.followed_file(run), (when, when))


def reported(run: str, *lines: str | dict) -> None:
    text = "".join(line if isinstance(line, str) else f"{json.dumps(line)}\n" for line in lines)
    lock.report_file(run).write_text(text, encoding="utf-8")


def test_it_works(blog, machine, clock):
    run = lock.start(blog, "ada@laptop", "deploy", "--source=abc")
    assert re.fullmatch("blog-[0-9a-f]{32}", run)
    (line,) = machine.started
    assert line.startswith(f"systemd-run --quiet --collect --unit={UNIT} ")
    assert re.search(r" --description=deploy of blog by ada@laptop since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC ", line)
    assert line.endswith(f" {lock.COMMAND} run deploy blog --by=ada@laptop --report={lock.report_file(run)} --source=abc")


def test_what_a_run_leaves_is_put_right_before_the_lock_is_free(blog, machine):
    run = lock.start(blog, "ada@laptop", "rollback")
    assert f" --property=ExecStopPost={lock.COMMAND} settle blog --report {lock.report_file(run)} " in machine.started[0]


def test_what_a_site_hands_over_takes_only_so_much_memory(blog, machine):
    lock.start(blog, "ada@laptop", "deploy")
    assert " --property=MemoryMax=512M " in machine.started[0]


def test_each_run_has_a_name_of_its_own(blog, machine):
    assert len({lock.start(blog, "ada@laptop", "rollback") for _ in range(3)}) == 3


def test_the_archive_is_out_of_the_others_reach(blog, machine, archive):
    run = lock.start(blog, "ada@laptop", "deploy", archive=archive)
    (copy,) = lock.INCOMING_DIR.iterdir()
    assert copy.name == f"{run}.tar.gz"
    assert copy.read_text(encoding="utf-8") == "archive"
    assert machine.started[0].endswith(f" --archive={copy}")
    assert lock.INCOMING_DIR.stat().st_mode & 0o777 == 0o700


def test_who_is_waited_for_is_told_at_once(blog, machine, clock, taken):
    followed("blog-other", clock.now + 1)
    with pytest.raises(lock.Busy, match=f"^{HOLDER}$") as busy:
        lock.start(blog, "bob@desk", "deploy")
    assert (busy.value.followed, busy.value.abandoned) == (True, False)
    assert clock.slept == []


def test_a_run_that_is_followed_anew_is_not_abandoned(blog, machine, clock, taken):
    followed("blog-other", clock.now - 1)
    machine.answer("systemd-run", lambda _line: (len(machine.started) == 4 and followed("blog-other", clock.now)) or TAKEN, status=1)
    with pytest.raises(lock.Busy) as busy:
        lock.start(blog, "bob@desk", "deploy")
    assert busy.value.followed
    assert len(clock.slept) == 3


@pytest.mark.parametrize("before", [None, -1, 0], ids=["never", "earlier", "in this moment"])
def test_a_run_that_nobody_follows_is_waited_for(blog, machine, clock, taken, before):
    if before is not None:
        followed("blog-other", clock.now + before)
    begun = clock.now
    with pytest.raises(lock.Busy, match=f"^{HOLDER}$") as busy:
        lock.start(blog, "bob@desk", "deploy")
    assert (busy.value.followed, busy.value.abandoned) == (False, True)
    assert lock.PATIENCE <= clock.now - begun < lock.PATIENCE + 1


def test_an_attempt_lasts_as_long_as_was_asked_for(blog, machine, clock, taken):
    begun = clock.now
    with pytest.raises(lock.Busy) as busy:
        lock.start(blog, "bob@desk", "deploy", seconds=2)
    assert (busy.value.followed, busy.value.abandoned, busy.value.since) == (False, False, begun)
    assert clock.now - begun == pytest.approx(2, abs=lock.AGAIN)


def test_attempts_add_up_to_one_wait(blog, machine, clock, taken):
    """Whoever has several runs to look after cannot wait for one in one go."""
    since = clock.now - lock.PATIENCE
    with pytest.raises(lock.Busy) as busy:
        lock.start(blog, "bob@desk", "deploy", since=since, seconds=0)
    assert (busy.value.abandoned, busy.value.since, clock.slept) == (True, since, [])
    followed("blog-other", since + 1)
    with pytest.raises(lock.Busy) as busy:
        lock.start(blog, "bob@desk", "deploy", since=since, seconds=0)
    assert (busy.value.abandoned, busy.value.followed) == (False, True)


def test_a_run_begins_when_an_abandoned_one_ends(blog, machine, clock, taken, archive):
    machine.answer("systemd-run", lambda _line: (len(machine.lines("systemd-run")) == 3 and machine.answer("systemd-run")) or TAKEN, status=1)
    run = lock.start(blog, "bob@desk", "deploy", archive=archive)
    assert len(machine.lines("systemd-run")) == 4
    assert str(lock.report_file(run)) in machine.started[-1]
    assert [file.name for file in lock.INCOMING_DIR.iterdir()] == [f"{run}.tar.gz"]


def test_the_followers_of_another_site_are_not_ours(blog, machine, clock, taken):
    followed("blogs-other", clock.now + 1)
    with pytest.raises(lock.Busy) as busy:
        lock.start(blog, "bob@desk", "deploy")
    assert busy.value.abandoned


def test_a_run_that_does_not_begin_leaves_no_archive(blog, machine, clock, taken, archive):
    with pytest.raises(lock.Busy):
        lock.start(blog, "bob@desk", "deploy", archive=archive)
    assert list(lock.INCOMING_DIR.iterdir()) == []
    assert archive.exists()


def test_a_systemd_that_refuses_is_an_error(blog, machine, clock, archive):
    machine.answer("systemd-run", "Failed to connect to bus\n", status=1)
    with pytest.raises(SystemExit, match=r"^shortstop: Failed to connect to bus$"):
        lock.start(blog, "bob@desk", "deploy", archive=archive)
    assert list(lock.INCOMING_DIR.iterdir()) == []


def test_reports_that_nobody_fetched_are_gone_after_a_day(blog, machine, clock):
    for run, age in {"blog-old": lock.DAY + 1, "blog-new": lock.DAY - 1}.items():
        followed(run, clock.now - age)
    lock.start(blog, "ada@laptop", "deploy")
    assert [file.name for file in lock.followed_file("blog-old").parent.iterdir()] == ["blog-new.followed"]


@pytest.mark.parametrize(("state", "holder"), [("activating", HOLDER), ("active", HOLDER), ("deactivating", HOLDER), ("inactive", ""), ("failed", "")])
def test_who_holds_the_lock_is_what_runs(blog, machine, state, holder):
    machine.unit(UNIT, ActiveState=state, Description=HOLDER)
    assert lock.holder(blog) == holder


RUN, OTHER = "blog-0123", "shop-4567"
LINES = [{"step": step, "result": "done"} for step in ("prepare", "migrate", "prove")]
LAST = {"step": "end", "result": "live"}


@pytest.fixture
def over(machine):
    """Lets the run of a site be over after so many questions to systemd, by default from the first on."""
    ends = {"blog": 0, "shop": 10**6}

    def state(line: str) -> str:
        asked = len(machine.lines("--property=ActiveState"))
        units = [word for word in line.split() if word.startswith("shortstop-deploy-")]
        sites = [unit.removeprefix("shortstop-deploy-").removesuffix(".service") for unit in units]
        return "\n".join(f"ActiveState={'active' if asked <= ends[site] else 'inactive'}\n" for site in sites)

    machine.answer("systemctl show shortstop-deploy-", state)

    def after(questions: int, site: str = "blog") -> None:
        ends[site] = questions

    return after


def lines_of(run: str, following) -> list[dict]:
    """The lines of one run among those that are followed."""
    return [line for name, line in following if name == run]


def test_a_run_is_followed_to_its_end(blog, clock, over):
    reported(RUN, *LINES, LAST)
    assert list(lock.follow({RUN: 0})) == [(RUN, line) for line in (*LINES, LAST)]
    assert clock.slept == []


def test_the_lines_come_as_they_are_written(blog, clock, over):
    over(1)
    reported(RUN, LINES[0])
    following = lock.follow({RUN: 0})
    assert next(following) == (RUN, LINES[0])
    reported(RUN, *LINES[:2])
    assert next(following) == (RUN, LINES[1])
    reported(RUN, *LINES, LAST)
    assert lines_of(RUN, following) == [LINES[2], LAST]


def test_the_last_line_comes_when_the_lock_is_free(blog, machine, clock, over):
    over(3)
    reported(RUN, *LINES, LAST)
    following = lock.follow({RUN: 0})
    assert [next(following) for _ in LINES] == [(RUN, line) for line in LINES]
    assert len(machine.lines(UNIT)) == 1
    assert next(following) == (RUN, LAST)
    assert len(machine.lines(UNIT)) == 4


def test_lines_that_are_known_are_not_told_again(blog, clock, over):
    reported(RUN, *LINES, LAST)
    assert lines_of(RUN, lock.follow({RUN: 2})) == [LINES[2], LAST]


def test_several_runs_are_followed_until_one_ends(blog, machine, clock, over):
    over(2)
    reported(RUN, *LINES, LAST)
    reported(OTHER, LINES[0], LAST)
    assert list(lock.follow({OTHER: 0, RUN: 1})) == [(OTHER, LINES[0]), (RUN, LINES[1]), (RUN, LINES[2]), (RUN, LAST)]
    assert all(f"{UNIT} " in f"{line} " and "shortstop-deploy-shop.service" in line for line in machine.lines("systemctl show"))
    assert not lock.report_file(RUN).exists()
    assert lock.report_file(OTHER).exists()
    assert lock.followed_file(OTHER).exists()
    over(0, "shop")
    assert list(lock.follow({OTHER: 1})) == [(OTHER, LAST)]


def test_the_last_words_that_come_with_the_end_are_told(blog, machine, clock):
    """They may be written between a look into the report and the question to systemd."""
    reported(RUN, LINES[0])
    machine.answer("systemctl show", lambda _line: reported(RUN, LINES[0], LAST) or "ActiveState=inactive\n")
    assert lines_of(RUN, lock.follow({RUN: 0})) == [LINES[0], LAST]


def test_runs_that_end_together_are_told_together(blog, clock, over):
    over(0, "shop")
    reported(RUN, LAST)
    reported(OTHER, LAST)
    assert list(lock.follow({RUN: 0, OTHER: 0})) == [(RUN, LAST), (OTHER, LAST)]


def test_a_look_lasts_as_long_as_was_asked_for(blog, clock, over):
    over(10**6)
    reported(RUN, *LINES, LAST)
    begun = clock.now
    assert lines_of(RUN, lock.follow({RUN: 0}, seconds=2)) == LINES
    assert clock.now - begun == pytest.approx(2, abs=lock.LOOK)


def test_systemd_is_asked_seldom_while_a_run_goes_on(blog, machine, clock, over):
    over(10**6)
    reported(RUN, *LINES)
    list(lock.follow({RUN: 0}, seconds=2))
    assert len(machine.lines(UNIT)) <= 2 / lock.ASK + 1


def test_a_line_that_is_half_written_is_not_told_yet(blog, clock, over):
    over(1)
    reported(RUN, LINES[0], json.dumps(LINES[1])[:10])
    following = lock.follow({RUN: 0})
    assert next(following) == (RUN, LINES[0])
    reported(RUN, *LINES[:2], LAST)
    assert lines_of(RUN, following) == [LINES[1], LAST]


def test_a_run_that_has_said_nothing_yet_is_waited_for(blog, clock, over):
    over(5)
    assert list(lock.follow({RUN: 0}, seconds=0.5)) == []


def test_who_follows_is_seen(blog, clock, over):
    over(10**6)
    followed(RUN, clock.now - 100)
    list(lock.follow({RUN: 0}, seconds=1))
    assert lock.followed_file(RUN).stat().st_mtime > clock.now - 100


def test_nothing_is_left_of_a_run_that_is_over(blog, clock, over):
    reported(RUN, LAST)
    list(lock.follow({RUN: 0}))
    assert list(lock.report_file(RUN).parent.iterdir()) == []


@pytest.mark.parametrize("known", [[], LINES], ids=["none", "some"])
def test_a_run_that_is_over_without_a_word_has_an_end(blog, clock, over, known):
    reported(RUN, *known)
    ((_run, last),) = lock.follow({RUN: len(known)})
    assert (last["step"], last["result"]) == ("end", "interrupted")
    assert last["message"] == f"the run ended without a word; see journalctl --unit={UNIT}"


def test_a_file_that_another_follower_removes_meanwhile_is_no_error(blog, machine, clock, taken):
    lock.followed_file("blog-other").symlink_to("gone")
    with pytest.raises(lock.Busy):
        lock.start(blog, "bob@desk", "deploy")


def test_systemd_expands_no_word_of_a_run(blog, machine):
    lock.start(blog, "ada$x@laptop", "deploy", "--revision=$HOME")
    assert " --by=ada$$x@laptop " in machine.started[0]
    assert machine.started[0].endswith(" --revision=$$HOME")
