"""What a server tells of its sites: which release is live since when, and which others there are."""

from __future__ import annotations

from datetime import datetime, timezone

import failed
import hold
import lock
import records
import systemd
from site_config import Site

GOOD = ("serving", "nothing is live yet")


def status(site: Site) -> dict:
    """A site in a few words; `state` begins with "serving" if its live release runs."""
    try:
        return _status(site)
    except Exception as error:  # what is wrong with one site is told in its line, and the others have theirs
        return {"site": site.name, "release": "", "since": "", "by": "", "state": f"cannot be told: {type(error).__name__}: {error}"}


def _status(site: Site) -> dict:
    live = site.live
    record = records.read(site, live) if live else {}
    state = _state(site, live)
    if record is None:
        state += "; the record of this release cannot be read"
    record = record or {}
    if running := lock.holder(site):
        state += f"; under way: {running}"
    if live and hold.held(site):
        state += "; held after a rollback"
    return {"site": site.name, "release": live or "", "since": _time(record.get("live_since")), "by": record.get("by", ""), "state": state}


def _state(site: Site, live: str | None) -> str:
    if not live:
        return "nothing is live yet"
    down = [unit for unit in site.units(live) if systemd.show(unit, "ActiveState")["ActiveState"] != "active"]
    return f"down: see journalctl --namespace=+{site.name} --unit={down[-1]}" if down else "serving"


def releases(site: Site) -> list[dict]:
    """The releases that are kept, the one that was live last first, and the one that failed last."""
    previous, held, last_failed = records.previous(site), hold.held(site), failed.release(site)
    kept = records.finished(site)
    if last_failed and last_failed not in kept:
        kept = {last_failed: {}, **kept}
    return [
        {
            "release": name,
            "revision": record.get("revision", ""),
            "prepared": _time(record.get("prepared")),
            "live since": _time(record.get("live_since")),
            "by": record.get("by", ""),
            "state": ", ".join(
                word
                for word, holds in {"live": name == site.live, "previous": name == previous, "held": name in held, "failed": name == last_failed}.items()
                if holds
            ),
        }
        for name, record in kept.items()
    ]


def settings(site: Site) -> list[str]:
    """What the settings of the live release have otherwise than the project's own, a line each."""
    if not site.live:
        raise SystemExit(f"shortstop: nothing of {site.name} is live yet")
    record = records.read(site, site.live) or {}
    if "settings" not in record:
        raise SystemExit(f"shortstop: release {site.live} was made by an older Shortstop, which left its settings alone; the next deploy adapts them")
    return record["settings"]


def _time(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else ""


def as_table(rows: list[dict]) -> str:
    """Rows of the same keys, aligned below their names."""
    lines = [[key.upper() for key in rows[0]], *([value or "-" for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
