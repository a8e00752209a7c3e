"""The one runner: the sandbox is the unit's, no value is on a command line, and no link is followed."""

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


def test_scratch_is_gone_afterwards(blog):
    with runner.scratch(blog) as directory:
        (directory / "file").write_text("content", encoding="utf-8")
        assert directory.name.startswith("blog-")
    assert not directory.exists()


def test_scratch_is_gone_after_a_failure(blog):
    with pytest.raises(StepFailed), runner.scratch(blog) as directory:
        raise StepFailed
    assert not directory.exists()


@pytest.fixture
def written(tmp_path, machine):
    """What a site's user may have written."""
    directory = tmp_path / "written"
    (directory / "css" / "deep").mkdir(parents=True)
    (directory / "site.css").write_text("site", encoding="utf-8")
    (directory / "css" / "deep" / "a.css").write_text("deep", encoding="utf-8")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "secret").write_text("secret", encoding="utf-8")
    return directory


def test_regular_files_are_copied(written, tmp_path):
    copied = runner.copy_regular_files(written, tmp_path / "copy")
    assert sorted(map(str, copied)) == ["css/deep/a.css", "site.css"]
    assert (tmp_path / "copy/css/deep/a.css").read_text(encoding="utf-8") == "deep"


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("../foreign/secret"),
        lambda path: path.symlink_to("../foreign"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: os.mkfifo(path),
    ],
    ids=["link to a file", "link to a directory", "dangling link", "fifo"],
)
def test_nothing_but_regular_files_is_copied(written, tmp_path, make):
    make(written / "bait")
    copied = runner.copy_regular_files(written, tmp_path / "copy")
    assert len(copied) == 2
    assert not os.path.lexists(tmp_path / "copy/bait")


def test_the_owner_is_shut_out_before_anything_is_read(written, tmp_path, monkeypatch):
    owners = []
    monkeypatch.setattr(os, "chown", lambda path, user, group: owners.append((path, user, group)))
    monkeypatch.setattr(os, "walk", lambda path: owners.append(path.stat().st_mode & 0o777) or iter(()))
    runner.copy_regular_files(written, tmp_path / "copy")
    assert owners == [(written, 0, 0), 0o700]
