"""The settings overlay: modules of ours around the project's settings, which each release keeps as it was proven with them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from report import StepFailed
from site_config import Site

SOURCE = Path(__file__).resolve().parent.parent / "settings"
MODULE = "shortstop_settings"
VARIABLE = r'^{}="(.*)"$'


def texts() -> dict[str, str]:
    """The overlay's files by name."""
    return {str(file.relative_to(SOURCE)): file.read_text(encoding="utf-8") for file in sorted(SOURCE.rglob("*.py"))}


def install(site: Site, release: str) -> None:
    """Copy the overlay into a release, which its site may read."""
    shutil.copytree(SOURCE, directory(site, release), ignore=shutil.ignore_patterns("__pycache__"))


def directory(site: Site, release: str) -> Path:
    return site.release_dir(release) / "settings"


def variables(site: Site, release: str, environment: str) -> dict[str, str]:
    """What a release's processes need to find the overlay, and the overlay to know the site."""
    settings = _last(environment, "DJANGO_SETTINGS_MODULE")
    if not settings:
        raise StepFailed('neither wsgi.py, asgi.py nor manage.py names the settings module; give it by the key "settings"')
    path = _last(environment, "PYTHONPATH")
    databases = [*(["default"] if site.database != "none" else []), *site.databases]
    return {
        "DJANGO_SETTINGS_MODULE": MODULE,
        "PYTHONPATH": f"{directory(site, release)}{f':{path}' if path else ''}",
        "SHORTSTOP_DATABASES": ",".join(databases),
        "SHORTSTOP_SETTINGS": settings,
        "SHORTSTOP_SETTINGS_LEFT": ",".join(site.settings_left),
    }


def _last(environment: str, name: str) -> str:
    return next(reversed(re.findall(VARIABLE.format(name), environment, re.MULTILINE)), "")
