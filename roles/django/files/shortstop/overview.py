"""What a server tells of its sites: which release is live since when, and which others there are."""

from __future__ import annotations

from datetime import datetime, timezone

import hold
import lock
import release
import systemd
from site_config import Site


def status(site: Site) -> dict:
    """A site in a few words; `state` begins with "serving" if its live release runs."""
    live = site.live
    mark = release.finished(site).get(live or "", {})
    state = _state(site, live)
    if running := lock.holder(site):
        state += f"; under way: {running}"
    if live and hold.held(site):
        state += "; held after a rollback"
    return {"site": site.name, "release": live or "", "since": _time(mark.get("live_since")), "by": mark.get("by", ""), "state": state}


def _state(site: Site, live: str | None) -> str:
    if not live:
        return "nothing is live yet"
    down = [unit for unit in site.units(live) if systemd.show(unit, "ActiveState")["ActiveState"] != "active"]
    return f"down: see journalctl --unit={down[-1]}" if down else "serving"


def releases(site: Site) -> list[dict]:
    """The releases that are kept, the one that was live last first."""
    previous, held = release.previous(site), hold.held(site)
    return [
        {
            "release": name,
            "revision": mark.get("revision", ""),
            "prepared": _time(mark.get("prepared")),
            "live since": _time(mark.get("live_since")),
            "by": mark.get("by", ""),
            "state": ", ".join(word for word, holds in {"live": name == site.live, "previous": name == previous, "held": name in held}.items() if holds),
        }
        for name, mark in release.finished(site).items()
    ]


def _time(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else ""


def as_table(rows: list[dict]) -> str:
    """Rows of the same keys, aligned below their names."""
    lines = [[key.upper() for key in rows[0]], *([value or "-" for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)
