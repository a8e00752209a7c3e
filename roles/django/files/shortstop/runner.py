"""The one runner: everything of a site runs in a unit of its own, as the site's user, in the site's sandbox."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from pathlib import Path

import programs
import reasons
import systemd
from report import CommandFailed, StepFailed, tail
from site_config import Site

SANDBOX_MARK = "# Sandbox:"
WORKING_DIRECTORY = re.compile(r"^WorkingDirectory=(.*)$", re.MULTILINE)


def sandbox(unit: str) -> list[str]:
    """The lines of a service unit's text that say what the site's processes may do."""
    _before, mark, after = unit.partition(SANDBOX_MARK)
    if not mark:
        raise StepFailed(f'the service unit has no line "{SANDBOX_MARK}"; let role gunicorn write it again')
    lines = (line.strip() for line in after.splitlines()[1:])
    properties = []
    for line in lines:
        if line.startswith("["):
            break
        if line and not line.startswith("#"):
            properties.append(line)
    return properties


def working_directory(unit: str, release: str) -> Path:
    """Where a release's commands run, as its service unit's text says: a release of version 0.1.0 has its code elsewhere."""
    found = WORKING_DIRECTORY.search(unit)
    if not found:
        raise StepFailed('the service unit has no line "WorkingDirectory="; let role gunicorn write it again')
    return Path(found[1].replace("%i", release))


def run(
    site: Site,
    unit: str,
    command: list[str | Path],
    *,
    cwd: Path,
    environment: Path | None = None,
    writable: Path | None = None,
    properties: tuple[str, ...] = (),
    name: str = "",
    seconds: float | None = None,
) -> str:
    """Run a command of the site, called `name` if it fails, and return what it printed.

    `unit` is the text of the service unit whose sandbox holds, `environment` the file that systemd reads for the
    process, so that no value stands on a command line. `writable` is a scratch directory. A command that takes longer
    than `seconds`, by default the site's `deploy_timeout`, or that prints too much, is ended.
    """
    name = name or " ".join(map(str, command))
    if writable:
        properties = (*properties, f"ReadWritePaths={writable}")
    own = transient_unit(site, "run")
    words = command_line(site, unit, command, cwd, environment, (*properties, "TimeoutStopSec=10"), own=own, name=name)
    try:
        done = programs.run(words, seconds=seconds or site.deploy_timeout, merged=True)
    except programs.Exceeded as error:
        systemd.end(own)
        more = "; give the site a longer deploy_timeout if it needs the time" if "longer" in error.text and seconds is None else ""
        raise CommandFailed(f"{name} {error.text} and was ended{more}:\n{tail(error.output)}", error.output) from None
    if done.returncode:
        is_build = "Slice=site.slice" in properties
        known = "" if is_build else reasons.hint(site, done.stdout)
        ending, result = f"ended with status {done.returncode}{f': {known}' if known else ''}", systemd.result(own)
        if result == "core-dump":
            ending = "crashed"
        if result in ("signal", "oom-kill"):  # systemd may see the signal first, and then does not say whose it was
            ending = "was killed, as happens to a program that wants more memory than it may have"
            ending += "" if is_build else "; give the site a larger limits.memory"
        raise CommandFailed(f"{name} {ending}:\n{tail(done.stdout)}", done.stdout)
    return done.stdout


def command_line(
    site: Site,
    unit: str,
    command: Sequence[str | Path],
    cwd: Path,
    environment: Path | None,
    properties: Sequence[str] = (),
    *,
    own: str,
    name: str,
    options: Sequence[str] = ("--pipe",),
) -> list[str]:
    """How to start a command in the transient unit `own`. `options` are systemd-run's, such as for its input and output."""
    asked = [*sandbox(unit), f"WorkingDirectory={cwd}", *([f"EnvironmentFile={environment}"] if environment else []), *properties]
    return [
        *("systemd-run", "--quiet", "--wait", *options, f"--unit={own}"),
        f"--description=Site {site.name}: {name[:200]}",
        *(f"--property={line}" for line in asked),
        "--",
        # systemd would take a $ for a variable of its own.
        *(str(word).replace("$", "$$") for word in command),
    ]


def transient_unit(site: Site, kind: str) -> str:
    return f"{unit_prefix(site, kind)}{uuid.uuid4().hex[:8]}.service"


def unit_prefix(site: Site, kind: str) -> str:
    """How the names of a site's transient units begin. A site's name holds no hyphen, so no other site's begin so."""
    return f"shortstop-{kind}-{site.name}-"


def as_root(*command: str | Path) -> None:
    """Run a program of the system's, never one of the site's."""
    execute(command, " ".join(map(str, command)))


def execute(words: Sequence[str | Path], name: str) -> str:
    """Run a program of the system's, called `name` if it fails, and return what it printed."""
    done = programs.run(words, merged=True)
    if done.returncode:
        raise CommandFailed(f"{name} ended with status {done.returncode}:\n{tail(done.stdout)}", done.stdout)
    return done.stdout
