"""The road of a release: prepare, migrate, prove, flip, retire. Whatever fails before the flip has met no visitor."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import prepare
import release
import switch
from report import Report, StepFailed
from runner import run
from site_config import Site

LOCK_TIMEOUT = "5s"  # a migration that waits longer makes every visitor wait behind it


def deploy(site: Site, source: str, archive: Path, report: Report) -> int:
    """Make this source, with today's configuration, the live release. Returns an exit status."""
    new, old = release.identify(site, source), site.live
    if new == old:
        report.say("plan", "unchanged", f"release {new} is live already")
        return 0
    try:
        with report.step("prepare"):
            switch.sweep(site)
            for warning in prepare.prepare(site, new, source, archive):
                report.say("prepare", "warning", warning)
        with report.step("migrate"):
            migrate(site, new)
        with report.step("prove"):
            switch.prove(site, new)
        with report.step("flip"):
            switch.flip(site, new, old)
    except StepFailed:
        # What fails here too stands in the report; the next deploy sweeps.
        with suppress(StepFailed), report.step("clean up"):
            switch.abandon(site, new)
        return 1
    try:
        with report.step("retire"):
            switch.retire_all_but(site, new)
            prepare.prune(site)
    except StepFailed:
        report.say("retire", "warning", f"release {new} is live, but what it replaced is not gone yet; the next deploy tries again")
    report.say("deploy", "live", new)
    return 0


def migrate(site: Site, new: str) -> None:
    directory = site.release_dir(new)
    command: list[str | Path] = [directory / "venv/bin/python", "manage.py", "migrate", "--no-input"]
    if site.database == "postgres":
        command = ["/usr/bin/env", f"PGOPTIONS=-c lock_timeout={LOCK_TIMEOUT}", *command]
    service = site.service_file(new).read_text(encoding="utf-8")
    run(site, service, command, cwd=directory, environment=site.release_environment(new))
