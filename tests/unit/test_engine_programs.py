"""How the engine starts programs: real ones, bounded in time and in what they print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import programs
import pytest
from report import StepFailed

NO_TIME = 0.001  # seconds; a program that waits reaches this bound at the first look


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def late(tmp_path, monkeypatch) -> Path:
    """A file. Once a program has made it, all of its time has passed."""
    file = tmp_path / "late"
    begun = iter([0.0])  # also for a program that has made it before the bound is set
    monkeypatch.setattr(programs, "time", SimpleNamespace(monotonic=lambda: next(begun, 1e9 if file.exists() else 0.0)))
    return file


def ends_at_a_bound(words: list[str], text: str, **options: object) -> programs.Exceeded:
    with pytest.raises(programs.Exceeded) as error:
        programs.run(words, **options)
    assert error.value.text == text
    return error.value


def test_it_works():
    done = programs.run(shell("echo said"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "said\n", "")


def test_output_and_error_are_apart():
    done = programs.run(shell("echo out; echo err >&2; echo out again"))
    assert (done.stdout, done.stderr) == ("out\nout again\n", "err\n")


def test_errors_stand_where_they_were_printed_if_they_are_merged():
    done = programs.run(shell("echo out; echo err >&2; echo out again"), merged=True)
    assert (done.stdout, done.stderr) == ("out\nerr\nout again\n", "")


def test_a_status_is_told():
    assert programs.run(shell("exit 3")).returncode == 3


def test_a_program_that_was_killed_has_its_signal_for_a_status():
    assert programs.run(shell("echo said; kill -9 $$")).returncode == -signal.SIGKILL


def test_words_may_be_paths_and_stay_as_they_are():
    done = programs.run([Path(sys.executable), "-c", "import sys; print(sys.argv[1:])", "a b", "$HOME", Path("/srv")])
    assert done.stdout == "['a b', '$HOME', '/srv']\n"


def test_a_program_has_nothing_to_read():
    assert programs.run(["cat"]).stdout == ""


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        programs.run([tmp_path / "nothing"])


@pytest.mark.parametrize(("printed", "read"), [(r"caf\351", "caf\ufffd"), (r"\377\376", "\ufffd\ufffd"), (r"caf\303\251", "café"), (r"a\000b", "a\0b")])
@pytest.mark.parametrize("merged", [False, True], ids=["apart", "merged"])
def test_output_need_not_be_utf_8(printed, read, merged):
    done = programs.run(shell(f"printf '{printed}'; printf '{printed}' >&2"), merged=merged)
    assert (done.stdout, done.stderr) == ((read * 2, "") if merged else (read, read))


def test_a_letter_that_arrives_in_two_blocks_is_one(monkeypatch):
    monkeypatch.setattr(programs, "BLOCK", 1)
    assert programs.run(shell(r"printf 'caf\303\251'")).stdout == "café"


def test_all_is_read_of_what_a_program_printed_before_its_end():
    words = [sys.executable, "-c", "import os; [os.write(1, b'x' * 65536) for _ in range(40)]"]
    assert len(programs.run(words).stdout) == 40 * 65536


def test_a_program_that_takes_too_long_is_ended(late):
    error = ends_at_a_bound(shell(f"echo $$; touch {late}; exec sleep 60"), "took longer than 1800 seconds")
    assert not is_alive(int(error.output))


def test_a_bound_ends_a_step_with_a_sentence():
    with pytest.raises(StepFailed, match=r"^sleep 60 took longer than 0.001 seconds$"):
        programs.run(["sleep", "60"], seconds=NO_TIME)


@pytest.mark.parametrize("closed", ["exec >&-", "exec 2>&-", "exec >&- 2>&-"], ids=["output", "errors", "both"])
def test_a_program_that_closes_its_output_and_goes_on_is_ended_too(closed):
    ends_at_a_bound(shell(f"{closed}; exec sleep 60"), "took longer than 0.2 seconds", seconds=0.2)


def test_a_program_that_closes_its_output_is_waited_for():
    words = ["import os, sys, threading", "os.close(1)", "os.close(2)", "threading.Timer(0.2, os._exit, [3]).start()"]
    assert programs.run([sys.executable, "-c", "; ".join(words)]).returncode == 3


@pytest.fixture
def kill():
    """Kills the processes that are given to it at the end of a test."""
    pids = []
    yield pids.append
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("merged", [False, True], ids=["apart", "merged"])
def test_a_child_that_outlives_its_parent_and_keeps_the_output_is_not_waited_for(kill, merged):
    done = programs.run(shell("sleep 60 & echo $!; exit 3"), merged=merged)
    kill(int(done.stdout))
    assert done.returncode == 3
    assert is_alive(int(done.stdout))


def test_a_child_that_keeps_the_output_gives_its_parent_no_more_time(kill, late):
    error = ends_at_a_bound(shell(f"sleep 60 & echo $!; touch {late}; wait"), "took longer than 1800 seconds")
    kill(int(error.output))


@pytest.mark.parametrize("where", ["", " >&2"], ids=["output", "errors"])
def test_a_program_that_prints_without_end_is_ended(monkeypatch, where):
    monkeypatch.setattr(programs, "OUTPUT", 1 << 20)
    error = ends_at_a_bound(shell(f"exec yes{where}"), "printed more than 1 MB")
    assert error.output == "" if where else (1 << 20) < len(error.output) <= (1 << 20) + programs.BLOCK


def test_as_much_as_the_bound_may_be_printed(monkeypatch):
    monkeypatch.setattr(programs, "OUTPUT", 1 << 20)
    assert len(programs.run(shell("yes | head -c 1048576")).stdout) == 1 << 20
    ends_at_a_bound(shell("yes | head -c 1048577"), "printed more than 1 MB")


def test_output_and_errors_are_bounded_each(monkeypatch):
    monkeypatch.setattr(programs, "OUTPUT", 1 << 20)
    done = programs.run(shell("yes | head -c 1048576; yes | head -c 1048576 >&2"))
    assert len(done.stdout) == len(done.stderr) == 1 << 20


@pytest.mark.parametrize(
    ("script", "bounded"),
    [("echo said; echo err >&2", False), ("exec sleep 60", True), ("exec >&- 2>&-; exec sleep 60", True)],
    ids=["ended", "time", "closed"],
)
def test_no_descriptor_stays_open(script, bounded):
    before = os.listdir("/proc/self/fd")
    if bounded:
        ends_at_a_bound(shell(script), "took longer than 0.001 seconds", seconds=NO_TIME)
    else:
        programs.run(shell(script))
    assert os.listdir("/proc/self/fd") == before


# What an operator looks at

SHOW = "import sys; sys.path.insert(0, {engine!r}); import programs; sys.exit(programs.show(['/bin/sh', '-c', {script!r}]))"


def shown(script: str, stdin: int = -1) -> subprocess.Popen:
    code = SHOW.format(engine=str(Path(programs.__file__).parent), script=script)
    return subprocess.Popen([sys.executable, "-c", code], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_a_program_prints_is_shown_as_it_comes(tmp_path):
    process = shown(f"echo one; echo two >&2; until [ -e {tmp_path}/go ]; do sleep 0.05; done; printf three; exit 7")
    assert process.stdout.readline() == b"one\n"
    assert process.stderr.readline() == b"two\n"
    (tmp_path / "go").touch()
    assert process.communicate() == (b"three", b"")
    assert process.returncode == 7


def test_a_program_reads_what_is_piped_into_it():
    assert shown("cat", stdin=subprocess.PIPE).communicate(b"fixtures") == (b"fixtures", b"")


def test_a_program_gets_no_terminal_of_the_operator_s():
    ours, theirs = os.openpty()
    code = SHOW.format(engine=str(Path(programs.__file__).parent), script="for number in 0 1 2; do [ -t $number ] && echo $number; done; cat; echo end")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    assert process.wait(30) == 0
    assert os.read(ours, 100) == b"end\r\n"
    os.close(ours)
    os.close(theirs)


def test_an_output_that_another_process_keeps_open_ends_with_the_program(tmp_path):
    process = shown(f"sleep 100 & echo $! >{tmp_path}/pid; echo done")
    try:
        assert process.communicate(timeout=30)[0] == b"done\n"
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
