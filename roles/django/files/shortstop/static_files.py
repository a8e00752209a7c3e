"""Static files: each release has its own, with its own manifest; visitors get those of all kept releases from one store."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import records
from build import PYTHON
from inside import SCRIPTS, believe
from report import CommandFailed
from runner import run, working_directory
from scratch import scratch, take
from site_config import Site

MANIFEST = "staticfiles.json"
PAGE_SECONDS = 20.0  # for a search of one page
NO_COMMAND = "Unknown command: 'collectstatic'"  # of a project without django.contrib.staticfiles, which has no static files


def collect(site: Site, new: str) -> Iterator[str]:
    """Collect and compress in scratch as the site's user, then copy the files as root; yields warnings."""
    directory = site.release_dir(new)
    unit = site.service_file(new).read_text(encoding="utf-8")
    target = directory / "static"
    with scratch(site) as directory_of_user:
        collected = directory_of_user / "static"

        def run_there(*command: str | Path, name: str) -> None:
            run(
                site,
                unit,
                ["/usr/bin/env", f"DJANGO_STATIC_ROOT={collected}", *command],
                cwd=working_directory(unit, new),
                environment=site.release_environment(new),
                writable=directory_of_user,
                name=name,
            )

        try:
            run_there(directory / "venv/bin/python", "manage.py", "collectstatic", "--no-input", "--verbosity=0", name="manage.py collectstatic")
        except CommandFailed as error:
            if NO_COMMAND not in error.output:
                raise
        run_there(PYTHON, "-I", SCRIPTS / "compress.py", collected, site.static_dir, name="compressing the static files")
        take(site, collected, target)
    if _files(target) and not (target / MANIFEST).exists():
        yield "the static files carry no hashes, so a new release overwrites what pages of the old one name; use ManifestStaticFilesStorage"


def is_collected(site: Site, release: str, path: str) -> bool:
    """Whether a path below the static URL leads to one of a release's static files."""
    return _holds(site.release_dir(release) / "static", path.removeprefix(site.static_url))


def is_served(site: Site, release: str, path: str) -> bool:
    """Whether nginx will serve a path below the static URL. It has the files of earlier releases, too, and the index of a directory."""
    name = path.removeprefix(site.static_url)
    wanted = f"{name}index.html" if not name or name.endswith("/") else name
    return any(_holds(directory, wanted) for directory in (site.release_dir(release) / "static", site.static_dir))


def _holds(directory: Path, name: str) -> bool:
    path = PurePosixPath(unquote(name))
    return ".." not in path.parts and os.path.isfile(directory / str(path).lstrip("/"))


def missing_of_page(site: Site, release: str, url: str, page: str) -> list[str]:
    """The paths of a page's stylesheets and scripts that are not among the release's static files. The site's user reads the page."""

    def write_page(directory: Path) -> None:
        (directory / "page.html").write_text(page, encoding="utf-8")

    name, unit = "a look for the page's stylesheets and scripts", site.service_file(release).read_text(encoding="utf-8")
    with scratch(site, write_page) as directory:
        said = run(
            site,
            unit,
            [PYTHON, "-I", SCRIPTS / "page.py", directory / "page.html", url, site.static_url],
            cwd=directory,
            writable=directory,
            name=name,
            seconds=PAGE_SECONDS,
        )
    paths = believe(said, {"paths": records.is_list_of(records.is_text)}, name)["paths"]
    return [path for path in paths if not is_collected(site, release, path)]


def _files(directory: Path) -> list[Path]:
    """The files in a release's static files, or in the store. No link counts: in a release of version 0.1.0 one may lead to its code."""
    if directory.is_symlink():
        return []
    found = (Path(parent, name) for parent, _directories, names in os.walk(directory) for name in names)
    return sorted(file for file in found if file.is_file() and not file.is_symlink())


def publish(site: Site, new: str) -> None:
    """Add a release's static files to the store that nginx serves. What older pages name stays."""
    source = site.release_dir(new) / "static"
    for file in _files(source):
        target = site.static_dir / file.relative_to(source)
        if file.name == MANIFEST or (target.is_file() and filecmp.cmp(file, target, shallow=False)):
            continue
        for parent in [parent for parent in target.parents if site.static_dir in parent.parents and parent.is_file()]:
            parent.unlink()  # what was a file is a directory now
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        shutil.copy2(file, temporary)
        temporary.chmod(0o644)
        temporary.rename(target)
        for suffix in (".gz", ".br"):  # what older content was compressed to is no variant of this
            if not file.with_name(file.name + suffix).exists():
                target.with_name(target.name + suffix).unlink(missing_ok=True)


def prune(site: Site, kept: list[str]) -> None:
    """Take away what none of these releases names."""
    sources = [site.release_dir(name) / "static" for name in kept]
    named = {file.relative_to(source) for source in sources for file in _files(source)}
    for path in sorted(site.static_dir.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(site.static_dir) not in named:
            path.unlink()
