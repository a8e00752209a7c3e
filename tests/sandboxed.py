"""The sandbox of a site's unit, lent to a test's own command: what is met is what every process of the site meets."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from house import Server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "roles/django/files/shortstop"))

import runner


def command(unit: str, *more: str) -> list[str]:
    """How to run what follows in the sandbox of this unit's text, as the engine does."""
    return ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", *(f"--property={line}" for line in (*runner.sandbox(unit), *more))]


def inside(server: Server, site: str, *words: str) -> str:
    """How a shell on the server runs this as the site would: in the sandbox, the directory and the environment of its live unit.

    What is started so has all that somebody has who makes gunicorn run a program, but for its place in the unit's own
    group of processes. It is how `shortstop manage` runs things.
    """
    live = server.live(site)
    unit = server.run(f"cat /etc/systemd/system/gunicorn-{site}@{live}.service")
    more = (f"WorkingDirectory=/srv/{site}/releases/{live}/source", f"EnvironmentFile=/etc/shortstop/{site}/{live}.env")
    return shlex.join([*command(unit, *more), *words])


def group_file(server: Server, site: str, name: str) -> str:
    """A file of the group in which all of a site runs, "" if there is none. A container sees the groups of all others, too."""
    return server.run(f'find /sys/fs/cgroup -path "*$(systemctl show --value --property ControlGroup site-{site}.slice)/{name}"').strip()
