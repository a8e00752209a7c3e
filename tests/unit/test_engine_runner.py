"""The one runner: the sandbox is the unit's, and no value is on a command line."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import programs
import pytest
import runner
import systemd
from report import CommandFailed, StepFailed

UNIT = """[Service]
Restart=always

# Sandbox: what it may do.
User=blog
  UMask=0027

# A comment among it.
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def template(unit_of) -> str:
    """The unit that role gunicorn writes for a site as it is by default."""
    return unit_of()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program on the path, a line of shell."""

    def put(name: str, line: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return put


def test_it_works(blog, machine):
    machine.answer("manage.py check", "no issues")
    assert runner.run(blog, UNIT, ["python", "manage.py", "check"], cwd=blog.root) == "no issues"


def test_the_sandbox_is_the_lines_between_its_mark_and_the_next_section():
    assert runner.sandbox(UNIT) == ["User=blog", "UMask=0027", "SystemCallFilter=~@privileged @resources"]


def test_the_sandbox_may_end_with_the_unit():
    assert runner.sandbox(UNIT.partition("[Install]")[0]) == runner.sandbox(UNIT)


def test_the_sandbox_of_the_real_unit_is_whole(template):
    lines = runner.sandbox(template)
    assert (lines[0], lines[-1].partition("=")[0]) == ("User=blog", "IPAddressAllow")
    assert {
        "Group=blog",
        "Slice=site-blog.slice",
        "SystemCallFilter=~@privileged @resources",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "PrivateTmp=yes",
    } < set(lines)


def test_the_sandbox_of_the_real_unit_holds_nothing_of_the_service_alone(template):
    names = {line.partition("=")[0] for line in runner.sandbox(template)}
    assert not names & {"Type", "ExecStart", "Restart", "RestartSec", "EnvironmentFile", "WorkingDirectory", "KillMode", "TimeoutStopSec", "WantedBy"}


def test_a_unit_without_the_mark_is_refused():
    with pytest.raises(StepFailed, match='the service unit has no line "# Sandbox:"; let role gunicorn write it again'):
        runner.sandbox("[Service]\nUser=blog\n")


def test_every_line_of_the_sandbox_is_a_property(blog, machine, template):
    runner.run(blog, template, ["true"], cwd=blog.root)
    (line,) = machine.started
    assert all(f"--property={wanted}" in line for wanted in runner.sandbox(template))


def test_a_command_gets_a_directory_its_variables_and_a_place_to_write(blog, machine, tmp_path):
    runner.run(blog, UNIT, ["true"], cwd=blog.root, environment=tmp_path / "a.env", writable=tmp_path / "scratch", properties=("MemoryMax=infinity",))
    (line,) = machine.started
    for wanted in (f"WorkingDirectory={blog.root}", f"EnvironmentFile={tmp_path}/a.env", f"ReadWritePaths={tmp_path}/scratch", "MemoryMax=infinity"):
        assert f" --property={wanted} " in line


def test_a_command_gets_no_variables_unless_it_is_told_to(blog, machine):
    runner.run(blog, UNIT, ["true"], cwd=blog.root)
    assert "EnvironmentFile" not in machine.started[0]
    assert "ReadWritePaths" not in machine.started[0]


def test_the_command_comes_last_and_apart(blog, machine):
    runner.run(blog, UNIT, ["python", "-m", "pip"], cwd=blog.root)
    assert machine.started[0].endswith(" -- python -m pip")


def test_systemd_expands_no_word_of_a_command(blog, machine):
    runner.run(blog, UNIT, ["echo", "$HOME", "5$"], cwd=blog.root)
    assert machine.started[0].endswith(" -- echo $$HOME 5$$")


def test_a_unit_carries_its_site_and_what_it_does(blog, machine):
    for _ in range(2):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="long " * 100)
    units = {re.search(r" --unit=(shortstop-run-blog-[0-9a-f]{8}\.service) ", line)[1] for line in machine.started}
    assert len(units) == 2
    assert all(f" --description=Site blog: {'long ' * 40} --property=" in line for line in machine.started)


def test_a_failure_is_called_by_its_name(blog, machine):
    machine.answer("systemd-run", "it broke", status=2)
    with pytest.raises(CommandFailed, match=r"^a look ended with status 2:\nit broke$") as error:
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")
    assert error.value.output == "it broke"


def test_a_failure_that_is_known_has_its_sentence(blog, machine):
    machine.answer("systemd-run", "ModuleNotFoundError: No module named 'yaml'", status=1)
    with pytest.raises(CommandFailed) as error:
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")
    assert str(error.value) == (
        'a look ended with status 1: the module "yaml" is neither in the source nor in an installed package; add the package that has it to'
        " requirements.txt:\nModuleNotFoundError: No module named 'yaml'"
    )


def test_a_build_that_fails_has_no_sentence(blog, machine):
    """It builds packages of others, whose ends say nothing of the site."""
    machine.answer("systemd-run", "ModuleNotFoundError: No module named 'yaml'", status=1)
    with pytest.raises(CommandFailed, match=r"^a build ended with status 1:\nModuleNotFoundError"):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a build", properties=("Slice=site.slice", "MemoryMax=75%"))


def bounded(machine, text: str, output: str) -> None:
    """Let a command reach a bound."""

    def exceed(line: str) -> str:
        raise programs.Exceeded(line.split(), text, output)

    machine.answer("systemd-run", exceed)


def own_unit(machine) -> str:
    """The unit of the one command that was started."""
    (line,) = machine.lines("systemd-run")
    return re.search(r" --unit=(\S+) ", line)[1]


def test_a_command_that_takes_too_long_is_ended(blog, machine):
    bounded(machine, "took longer than 1800 seconds", "Collecting\n")
    with pytest.raises(
        CommandFailed, match=r"^a look took longer than 1800 seconds and was ended; give the site a longer deploy_timeout if it needs the time:\nCollecting$"
    ) as error:
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")
    assert error.value.output == "Collecting\n"


def test_a_command_that_prints_too_much_is_ended(blog, machine):
    bounded(machine, "printed more than 8 MB", "y\n" * 100)
    with pytest.raises(CommandFailed, match=r"^a look printed more than 8 MB and was ended:\n(y\n){99}y$"):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")


def test_of_a_command_that_is_ended_no_process_is_left(blog, machine):
    """What was ended is systemd-run, which only waits for it."""
    bounded(machine, "took longer than 1800 seconds", "")
    with pytest.raises(StepFailed):
        runner.run(blog, UNIT, ["true"], cwd=blog.root)
    own = own_unit(machine)
    assert machine.started[1:] == [f"systemctl kill --signal=SIGKILL {own}", f"systemctl stop {own}", f"systemctl reset-failed {own}"]


@pytest.mark.parametrize("seconds", [1800, 60])
def test_a_command_has_as_long_as_the_site_says(blog, machine, monkeypatch, seconds):
    given = []
    monkeypatch.setattr(programs, "run", lambda words, **options: given.append(options) or machine(words))
    runner.run(dataclasses.replace(blog, deploy_timeout=seconds), UNIT, ["true"], cwd=blog.root)
    assert given == [{"seconds": seconds, "merged": True}]


def test_a_command_may_have_less_time_than_the_site_s_others(blog, machine, monkeypatch):
    given = []
    monkeypatch.setattr(programs, "run", lambda words, **options: given.append(options) or machine(words))
    runner.run(blog, UNIT, ["true"], cwd=blog.root, seconds=35)
    assert given == [{"seconds": 35, "merged": True}]


def test_a_site_that_an_older_shortstop_wrote_has_half_an_hour(blog):
    assert blog.deploy_timeout == 1800


def test_a_unit_does_not_wait_long_for_its_end(blog, machine):
    runner.run(blog, UNIT, ["true"], cwd=blog.root)
    assert " --property=TimeoutStopSec=10 " in machine.started[0]


@pytest.mark.parametrize("result", ["signal", "oom-kill"])
@pytest.mark.parametrize(
    ("properties", "more"),
    [((), "; give the site a larger limits.memory"), (("Slice=site.slice", "MemoryMax=75%"), "")],
    ids=["the site's own limit", "a build's"],
)
def test_a_command_that_was_killed_says_why_that_may_be(blog, machine, properties, more, result):
    machine.answer("systemd-run", "half\n", status=137)
    machine.unit("shortstop-run-blog-", Result=result)
    with pytest.raises(CommandFailed, match=f"^a look was killed, as happens to a program that wants more memory than it may have{more}:\nhalf$"):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look", properties=properties)


def test_a_command_that_crashed_says_so(blog, machine):
    machine.answer("systemd-run", "half", status=255)
    machine.unit("shortstop-run-blog-", Result="core-dump")
    with pytest.raises(CommandFailed, match=r"^a look crashed:\nhalf$"):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")


@pytest.mark.parametrize("result", ["exit-code", "success", "timeout"])
def test_another_failure_has_its_status(blog, machine, result):
    machine.answer("systemd-run", "half", status=9)
    machine.unit("shortstop-run-blog-", Result=result)
    with pytest.raises(CommandFailed, match=r"^a look ended with status 9:\nhalf$"):
        runner.run(blog, UNIT, ["true"], cwd=blog.root, name="a look")


def test_a_unit_that_failed_is_forgotten_once_it_was_asked_why(blog, machine):
    machine.answer("systemd-run", status=1)
    with pytest.raises(StepFailed):
        runner.run(blog, UNIT, ["true"], cwd=blog.root)
    own = own_unit(machine)
    assert machine.started[1:] == [f"systemctl show {own} --property=Result", f"systemctl reset-failed {own}"]


def test_a_command_runs_where_the_release_s_unit_says():
    unit = "[Service]\nType=notify\nWorkingDirectory=/srv/blog/releases/%i/source\nUser=blog\n"
    assert runner.working_directory(unit, "0000000000aa") == Path("/srv/blog/releases/0000000000aa/source")
    assert runner.working_directory(unit.replace("/source", ""), "0000000000aa") == Path("/srv/blog/releases/0000000000aa")


def test_the_real_unit_says_where_the_code_lies(template):
    assert runner.working_directory(template, "0000000000aa") == Path("/srv/blog/releases/0000000000aa/source")


@pytest.mark.parametrize("unit", ["[Service]\nUser=blog\n", "[Service]\n#WorkingDirectory=/srv\n"])
def test_a_unit_that_does_not_say_where_the_code_lies_is_refused(unit):
    with pytest.raises(StepFailed, match=r'^the service unit has no line "WorkingDirectory="; let role gunicorn write it again$'):
        runner.working_directory(unit, "0000000000aa")


def test_no_secret_is_on_a_command_line(blog, machine):
    runner.run(blog, UNIT, ["true"], cwd=blog.root, environment=blog.environment_file)
    assert "not a secret" not in machine.started[0]


def test_a_failure_shows_the_command_and_its_last_lines(blog, machine):
    machine.answer("migrate", "\n".join(f"line {number}" for number in range(150)), status=3)
    with pytest.raises(StepFailed) as error:
        runner.run(blog, UNIT, ["manage.py", "migrate"], cwd=blog.root)
    first, *rest = str(error.value).splitlines()
    assert first == "manage.py migrate ended with status 3:"
    assert rest == [f"line {number}" for number in range(50, 150)]


def test_a_failure_of_root_s_is_shown_alike(machine):
    machine.answer("venv", "no space left", status=1)
    with pytest.raises(StepFailed, match=r"python3 -m venv ended with status 1:\nno space left"):
        runner.as_root("python3", "-m", "venv")


def test_output_that_is_no_utf_8_is_no_failure(tmp_path, program, monkeypatch):
    program("systemd-run", r"printf 'caf\351'")
    site = SimpleNamespace(name="blog", deploy_timeout=60)
    assert runner.run(site, UNIT, ["true"], cwd=tmp_path) == "caf\ufffd"


def test_a_journal_that_is_no_utf_8_is_no_failure(program):
    program("journalctl", r"printf 'caf\351\n'")
    assert systemd.journal("blog", "gunicorn-blog@1.service") == "caf\ufffd"


def test_a_journal_is_asked_for_since_a_time(machine):
    machine.answer("journalctl --namespace=+blog", "one\ntwo\n")
    assert systemd.journal("blog", "gunicorn-blog@1.service", since=1_767_268_800.9) == "one\ntwo"
    assert machine.started == [
        "journalctl --namespace=blog --sync",
        "journalctl --namespace=+blog --unit=gunicorn-blog@1.service --lines=200 --since=@1767268800 --output=cat --no-pager",
    ]


def test_a_journal_that_prints_too_much_is_told_as_far_as_it_came(machine):
    def exceed(line: str) -> str:
        raise programs.Exceeded(line.split(), "printed more than 8 MB", "one\ntwo\nthree\n")

    machine.answer("journalctl --namespace=+blog", exceed)
    assert systemd.journal("blog", "gunicorn-blog@1.service", 2) == "two\nthree"


def test_root_s_programs_really_run():
    with pytest.raises(StepFailed, match="status 7:\nsaid"):
        runner.as_root(sys.executable, "-c", "print('said'); raise SystemExit(7)")
