"""A site that was rolled back is held: the next whole run leaves it, until something newer comes or somebody asks for it by name."""

from __future__ import annotations

import json
from pathlib import Path

import records
from site_config import Site


def hold(site: Site, refused: str) -> None:
    """Remember a release that somebody goes back from."""
    source = (records.read(site, refused) or {}).get("source", "")
    _file(site).write_text(json.dumps({**_refused(site), refused: source}), encoding="utf-8")


def held(site: Site) -> list[str]:
    """The releases that a whole run does not bring back. The live one is none of them, however it came there."""
    return [name for name in _refused(site) if name != site.live]


def holds(site: Site, new: str, source: str) -> bool:
    """Whether a release is one of those, or one of them with other configuration."""
    live = (records.read(site, site.live) or {}).get("source") if site.live else None
    return new in held(site) or (source != live and source in _refused(site).values())


def let_go(site: Site) -> None:
    _file(site).unlink(missing_ok=True)


def _refused(site: Site) -> dict[str, str]:
    """The hash of the source by release."""
    try:
        return dict(json.loads(_file(site).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _file(site: Site) -> Path:
    return site.configuration_dir / "held.json"
