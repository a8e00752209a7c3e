"""The release that failed last: it is stopped and kept until the next deploy, so that an operator can look into it."""

from __future__ import annotations

import json
from pathlib import Path

import prune
import records
from site_config import Site


def keep(site: Site, release: str) -> None:
    """Remember a release that did not go live."""
    _file(site).write_text(json.dumps({"release": release}), encoding="utf-8")


def release(site: Site) -> str | None:
    """The release that failed last, if it is still there and not live."""
    name = _read(site)
    return name if name and name != site.live and site.release_dir(name).is_dir() else None


def is_live(site: Site, name: str) -> None:
    """Take note that a release went live, which may be the one that failed earlier."""
    if _read(site) == name:
        _file(site).unlink(missing_ok=True)


def forget(site: Site) -> None:
    """Remove the release that failed last. One that was live before is kept as any other."""
    name = release(site)
    if name and (records.read(site, name) or {}).get("live_since") is None:
        prune.forget(site, name)
    _file(site).unlink(missing_ok=True)


def _read(site: Site) -> str | None:
    try:
        return json.loads(_file(site).read_text(encoding="utf-8"))["release"]
    except (OSError, ValueError):
        return None


def can_run(site: Site, name: str) -> bool:
    """Whether a release came so far that a command can run in it."""
    parts = (site.service_file(name), site.release_environment(name), site.release_dir(name) / "venv/bin/python")
    return all(part.exists() for part in parts)


def _file(site: Site) -> Path:
    return site.configuration_dir / "failed.json"
