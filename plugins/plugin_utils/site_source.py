# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site's source on the controller: where it is, what it names and what it lacks."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.shortstop.django.plugins.plugin_utils.django_project import layout, project_directories

COLLECTION_DIR = Path(__file__).resolve().parents[2]
BUNDLED_SOURCES = {"tatis": COLLECTION_DIR / "app"}


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
    source = site.get("source")
    directory = source_dir(source, inventory_dir, checkout)
    if not directory:
        return
    if not os.path.isdir(directory):
        yield f'key "source": there is no directory {directory}'
        return
    given = source["directory"] if isinstance(source, dict) and "directory" in source else ""
    yield from _project_errors(site, directory, given)


def _project_errors(site: dict, source: str, given: str) -> Iterator[str]:
    project = layout(source, directory=given, settings=site.get("settings", ""), requirements=site.get("requirements", "requirements.txt"))
    directory = os.path.join(source, project.directory).rstrip("/")
    if not os.path.isfile(os.path.join(directory, "manage.py")):
        several = [] if given else project_directories(source)
        if several:
            yield f'key "source": there is a manage.py in {" and ".join(several)}; say which with "directory"'
        else:
            yield f'key "source": there is no manage.py in {directory}'
    elif not os.path.isfile(os.path.join(source, project.requirements)):
        yield f'key "source": there is no {project.requirements} in {source}; add it, or name the file with the key "requirements"'
    elif not project.settings:
        yield f'key "settings": {directory}/manage.py names no settings module; name it with this key'
    for file in site.get("fixtures", []):
        if not os.path.isfile(os.path.join(directory, file)):
            yield f'key "fixtures": there is no {file} in {directory}; add it, or take it out of the list'
