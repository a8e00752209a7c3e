"""Who did what to a site and when: a JSON object a line, in the site's deploys.jsonl."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import records
from site_config import Site


def begin(site: Site, action: str, by: str, release: str, revision: str) -> None:
    """Note what is under way, so that a run that is killed leaves its line, too."""
    who, _at, where = by.partition("@")
    line = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "action": action,
        "who": who,
        "from": where or "this server",
        "revision": revision,
        "release": release,
        "begun": time.time(),
    }
    _under_way(site).write_text(json.dumps(line), encoding="utf-8")


def end(site: Site, result: str, message: str = "") -> None:
    """Write the line of what was under way, if anything was, with what is to be said of a failure."""
    try:
        line = json.loads(_under_way(site).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        line = None
    if line:
        line["result"] = result
        line["live"] = site.live or ""
        line["seconds"] = round(time.time() - line.pop("begun"), 1)
        if message:
            line["message"] = message
        with suppress(OSError):  # a full disk undoes no deploy
            site.audit_file.touch(mode=0o600)
            with site.audit_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    with suppress(OSError):
        _under_way(site).unlink(missing_ok=True)


def last_failure(site: Site) -> dict | None:
    """The newest line with a message."""
    lines = site.audit_file.read_text(encoding="utf-8").splitlines() if site.audit_file.exists() else []
    return next((line for line in map(records.parse, reversed(lines)) if isinstance(line, dict) and line.get("message")), None)


def _under_way(site: Site) -> Path:
    return site.configuration_dir / "under_way.json"
