"""Set a site right after a run that was killed, with the host or without it: whatever `live.sock` names is the truth."""

from __future__ import annotations

import json
from pathlib import Path

import audit
import jobs
import records
import runner
import scratch
import switch
import systemd
from report import END, Report, StepFailed
from site_config import INCOMING_DIR, SCRATCH_DIR, Site


def after_run(site: Site, report: Path) -> None:
    """What follows each run of the engine, while its lock still holds."""
    if ended(report):
        return
    left = ""
    try:
        settle(site, report.stem)
    except (StepFailed, OSError) as error:
        left = f", and what it left is not set right: {error}"
    with Report(report) as told:
        live = f"release {site.live}" if site.live else "nothing"
        told.end("interrupted", site.live or "", f"the run was ended from outside; {live} is live{left}")


def settle(site: Site, run: str = "") -> None:
    """Finish, or take back, what a run began. Nothing happens where nothing was left.

    Where the `run` has a name, others may wait for their turn, with an archive of their own.
    """
    runs = f"{runner.unit_prefix(site, 'run')}*.service"
    systemd.systemctl("stop", runs)
    systemd.reset_failed([runs])
    live = site.live
    switch.sweep(site)
    if live:
        switch.point(site, live)  # `current` may lag behind
        systemd.systemctl("enable", "--quiet", *site.units(live))
        systemd.systemctl("start", "--no-block", *site.units(live))
        if "live_since" not in (records.read(site, live) or {}):
            records.write(site, live, live_since=site.release_dir(live).stat().st_mtime)
    jobs.install(site, live, wait=False)
    for left in (*SCRATCH_DIR.glob(f"{site.name}-*"), *(site.root / "venvs").glob(".*.new"), *INCOMING_DIR.glob(f"{run or f'{site.name}-*'}.tar.gz")):
        scratch.remove(left) if left.is_dir() else left.unlink()
    audit.end(site, "interrupted", "the run was ended from outside")


def ended(report: Path) -> bool:
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    try:
        return bool(lines) and json.loads(lines[-1])["step"] == END
    except ValueError:  # cut off in the middle
        return False
