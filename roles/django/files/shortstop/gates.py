"""The gates of a release: what its settings are in the end, and Django's own checks. Errors end the deploy, warnings are shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import inside
import records
from report import StepFailed
from site_config import Site

MOST_WARNINGS = 50
SHAPE = {"refused": records.SHAPE["settings"], "told": records.SHAPE["settings"]}


def settings(site: Site, new: str) -> list[str]:
    """What the settings overlay changed, once gunicorn could load the application and its settings are fit to serve."""
    module = wsgi(site.service_file(new))
    answer = inside.script(site, new, "gate.py", module, name=f"gunicorn --check-config {module}", shape=SHAPE)
    refuse(answer["refused"], module)
    return answer["told"]


def refuse(refused: list[str], entry: str) -> None:
    """End the deploy where the settings, as this entry point leads to them, are not fit to serve."""
    if refused:
        raise StepFailed("\n".join(f"by way of {entry}: {sentence}" if len(refused) > 1 else sentence for sentence in refused))


def ask(site: Site, new: str) -> Iterator[str]:
    """Yield the warnings; what must not go live raises StepFailed."""
    said = inside.python(site, new, "manage.py", "check", "--deploy", "--fail-level", "ERROR")
    warnings = [line.strip() for line in said.splitlines() if ": (" in line]
    yield from warnings[:MOST_WARNINGS]
    if len(warnings) > MOST_WARNINGS:
        yield f"and {len(warnings) - MOST_WARNINGS} more warnings; see them with: manage.py check --deploy"


def wsgi(service: Path) -> str:
    """The module that a unit names, its command's last word."""
    command = next(line for line in service.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart="))
    return command.split()[-1]
