"""The one runner: everything of a site runs in a unit of its own, as the site's user, in the site's sandbox."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from report import CommandFailed, StepFailed
from site_config import Site

SANDBOX_MARK = "# Sandbox:"
OUTPUT_LINES = 25


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
) -> str:
    """Run a command of the site, called `name` if it fails, and return what it printed.

    `unit` is the text of the service unit whose sandbox holds, `environment` the file that systemd reads for the
    process, so that no value stands on a command line. `writable` is a scratch directory.
    """
    name = name or " ".join(map(str, command))
    if writable:
        properties = (*properties, f"ReadWritePaths={writable}")
    return execute(command_line(site, unit, command, cwd, environment, properties, kind="run", name=name), name)


def command_line(
    site: Site,
    unit: str,
    command: Sequence[str | Path],
    cwd: Path,
    environment: Path | None,
    properties: Sequence[str] = (),
    *,
    kind: str,
    name: str,
    ends: str = "--pipe",
) -> list[str]:
    """How to start a command in a transient unit of its own. `ends` is systemd-run's option for its input and output."""
    asked = [*sandbox(unit), f"WorkingDirectory={cwd}", *([f"EnvironmentFile={environment}"] if environment else []), *properties]
    return [
        *("systemd-run", "--quiet", "--collect", "--wait", ends, f"--unit={unit_prefix(site, kind)}{uuid.uuid4().hex[:8]}.service"),
        f"--description=Site {site.name}: {name[:200]}",
        *(f"--property={line}" for line in asked),
        "--",
        # systemd would take a $ for a variable of its own.
        *(str(word).replace("$", "$$") for word in command),
    ]


def unit_prefix(site: Site, kind: str) -> str:
    """How the names of a site's transient units begin. A site's name holds no hyphen, so no other site's begin so."""
    return f"shortstop-{kind}-{site.name}-"


def as_root(*command: str | Path) -> None:
    """Run a program of the system's, never one of the site's."""
    execute(command, " ".join(map(str, command)))


def execute(words: Sequence[str | Path], name: str) -> str:
    """Start these words, called so if they fail. What they print need not be UTF-8."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        said = "\n".join(done.stdout.strip().splitlines()[-OUTPUT_LINES:])
        raise CommandFailed(f"{name} ended with status {done.returncode}:\n{said}", done.stdout)
    return done.stdout
