"""The gates of a release: Django's and gunicorn's own checks. Errors end the deploy, warnings are shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import inside
from site_config import Site

MOST_WARNINGS = 50


def ask(site: Site, new: str) -> Iterator[str]:
    """Yield the warnings; what must not go live raises StepFailed."""
    said = inside.python(site, new, "manage.py", "check", "--deploy", "--fail-level", "ERROR")
    warnings = [line.strip() for line in said.splitlines() if ": (" in line]
    yield from warnings[:MOST_WARNINGS]
    if len(warnings) > MOST_WARNINGS:
        yield f"and {len(warnings) - MOST_WARNINGS} more warnings; see them with: manage.py check --deploy"
    module = wsgi(site.service_file(new))
    inside.python(site, new, "-m", "gunicorn", "--check-config", module, name=f"gunicorn --check-config {module}")


def wsgi(service: Path) -> str:
    """The module that a unit names, its command's last word."""
    command = next(line for line in service.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart="))
    return command.split()[-1]
