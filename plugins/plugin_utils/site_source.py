# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site's source on the controller: where it is, what it names and what it lacks."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator
from pathlib import Path

COLLECTION_DIR = Path(__file__).resolve().parents[2]
BUNDLED_SOURCES = {"tatis": COLLECTION_DIR / "app"}
SETTINGS_IN_MANAGE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")


def settings_module(source_dir: str) -> str:
    """The settings module that a source's manage.py names, or "" where there is none to read."""
    try:
        text = (Path(source_dir) / "manage.py").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = SETTINGS_IN_MANAGE.search(text)
    return match[1] if match else ""


def local_path(path: str, inventory_dir: str) -> str:
    return os.path.realpath(os.path.join(inventory_dir, os.path.expanduser(path)))


def source_dir(source: object, inventory_dir: str, checkout: str = "") -> str:
    """The directory on the controller that holds a site's source, or "" where the site names none.

    A source in git is where it was checked out, which is nowhere before that.
    """
    if isinstance(source, str):
        return str(BUNDLED_SOURCES.get(source, ""))
    if isinstance(source, dict) and isinstance(source.get("path"), str):
        return local_path(source["path"], inventory_dir)
    return checkout if isinstance(source, dict) and "git" in source else ""


def source_errors(site: dict, inventory_dir: str, checkout: str = "") -> Iterator[str]:
    """What the source on the controller lacks."""
    directory = source_dir(site.get("source"), inventory_dir, checkout)
    if not directory:
        return
    requirements = site.get("requirements", "requirements.txt")
    if not os.path.isdir(directory):
        yield f'key "source": there is no directory {directory}'
        return
    if not os.path.isfile(os.path.join(directory, "manage.py")):
        yield f'key "source": there is no manage.py in {directory}'
    elif not os.path.isfile(os.path.join(directory, requirements)):
        yield f'key "source": there is no {requirements} in {directory}; add it, or name the file with the key "requirements"'
    elif "settings" not in site and not settings_module(directory):
        yield f'key "settings": {directory}/manage.py names no settings module; name it with this key'
    for file in site.get("fixtures", []):
        if not os.path.isfile(os.path.join(directory, file)):
            yield f'key "fixtures": there is no {file} in {directory}; add it, or take it out of the list'
