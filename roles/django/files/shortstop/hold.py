"""A site that was rolled back is held: the next whole run leaves it, until something newer comes or somebody asks for it by name."""

from __future__ import annotations

import json
from pathlib import Path

from site_config import Site


def hold(site: Site, refused: str) -> None:
    """Remember a release that somebody went back from."""
    _file(site).write_text(json.dumps([*held(site), refused]), encoding="utf-8")


def held(site: Site) -> list[str]:
    """The releases that a whole run does not bring back."""
    try:
        return json.loads(_file(site).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []


def let_go(site: Site) -> None:
    _file(site).unlink(missing_ok=True)


def _file(site: Site) -> Path:
    return site.configuration_dir / "held.json"
