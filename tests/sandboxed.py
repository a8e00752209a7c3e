"""The sandbox of a site's unit, lent to a test's own command: what is met is what every process of the site meets."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "roles/django/files/shortstop"))

import runner


def command(unit: str, *more: str) -> list[str]:
    """How to run what follows in the sandbox of this unit's text, as the engine does."""
    return ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", *(f"--property={line}" for line in (*runner.sandbox(unit), *more))]
