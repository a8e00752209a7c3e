"""The one runner: the sandbox is the unit's, and no value is on a command line."""

from __future__ import annotations

import os
import re
import sys

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


def test_no_secret_is_on_a_command_line(blog, machine):
    runner.run(blog, UNIT, ["true"], cwd=blog.root, environment=blog.environment_file)
    assert "not a secret" not in machine.started[0]


def test_a_failure_shows_the_command_and_its_last_lines(blog, machine):
    machine.answer("migrate", "\n".join(f"line {number}" for number in range(100)), status=3)
    with pytest.raises(StepFailed) as error:
        runner.run(blog, UNIT, ["manage.py", "migrate"], cwd=blog.root)
    first, *rest = str(error.value).splitlines()
    assert first == "manage.py migrate ended with status 3:"
    assert rest == [f"line {number}" for number in range(75, 100)]


def test_a_failure_of_root_s_is_shown_alike(machine):
    machine.answer("venv", "no space left", status=1)
    with pytest.raises(StepFailed, match=r"python3 -m venv ended with status 1:\nno space left"):
        runner.as_root("python3", "-m", "venv")


def test_output_that_is_no_utf_8_is_no_failure(tmp_path, program, monkeypatch):
    program("systemd-run", r"printf 'caf\351'")
    site = type("Site", (), {"name": "blog"})
    assert runner.run(site, UNIT, ["true"], cwd=tmp_path) == "caf\ufffd"


def test_a_journal_that_is_no_utf_8_is_no_failure(program):
    program("journalctl", r"printf 'caf\351\n'")
    assert systemd.journal("gunicorn-blog@1.service") == "caf\ufffd"


def test_root_s_programs_really_run():
    with pytest.raises(StepFailed, match="status 7:\nsaid"):
        runner.as_root(sys.executable, "-c", "print('said'); raise SystemExit(7)")
