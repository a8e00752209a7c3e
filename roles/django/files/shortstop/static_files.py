"""Static files: each release has its own, with its own manifest; visitors get those of all kept releases from one store."""

from __future__ import annotations

import filecmp
import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import release
from runner import as_root, run
from scratch import copy_regular_files, scratch
from site_config import Site

MANIFEST = "staticfiles.json"
# What a browser asks for as text. All else is compressed already, or small.
COMPRESSIBLE = {".css", ".eot", ".html", ".ico", ".js", ".json", ".map", ".md", ".mjs", ".otf", ".svg", ".ttf", ".txt", ".wasm", ".webmanifest", ".xml"}
COMPRESS_FROM = 256  # bytes
BROTLI = Path("/usr/bin/brotli")


def collect(site: Site, new: str) -> Iterator[str]:
    """Collect into scratch as the site's user, then take it over as root, without following a link; yields warnings."""
    directory = site.release_dir(new)
    target = directory / "static"
    target.mkdir(exist_ok=True)
    with scratch(site) as directory_of_user:
        collected = directory_of_user / "static"
        run(
            site,
            site.service_file(new).read_text(encoding="utf-8"),
            ["/usr/bin/env", f"DJANGO_STATIC_ROOT={collected}", directory / "venv/bin/python", "manage.py", "collectstatic", "--no-input", "--verbosity=0"],
            cwd=directory,
            environment=site.release_environment(new),
            writable=directory_of_user,
            name="manage.py collectstatic",
        )
        copy_regular_files(site, collected, target)
    files = _files(target)
    if files and not (target / MANIFEST).exists():
        yield "the static files carry no hashes, so a new release overwrites what pages of the old one name; use ManifestStaticFilesStorage"
    compress(site, target)
    release.give(site, target)


def compress(site: Site, directory: Path) -> None:
    """Put NAME.gz and NAME.br beside what shrinks, as nginx looks for them. The store has them of files that have not changed."""
    hashed = _hashed(directory)
    fresh = []
    for file in _files(directory):
        if file.suffix not in COMPRESSIBLE or file.stat().st_size < COMPRESS_FROM or (hashed and file not in hashed):
            continue
        stored = site.static_dir / file.relative_to(directory)
        known = stored.is_file() and filecmp.cmp(stored, file, shallow=False)
        variants = [stored.with_name(stored.name + suffix) for suffix in (".gz", *([".br"] if BROTLI.exists() else []))]
        if known and all(variant.is_file() for variant in variants):
            for variant in variants:
                shutil.copy2(variant, file.with_name(variant.name))
        else:
            fresh.append(file)
    for file in fresh:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        shutil.copystat(file, file.with_name(file.name + ".gz"))  # nginx tells the time of what it sends
    if fresh and BROTLI.exists():
        as_root(BROTLI, "--keep", "--force", "--", *fresh)  # keeps the time


def _hashed(directory: Path) -> set[Path]:
    """The files that pages name, as the manifest says."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        return {directory / name for name in manifest["paths"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


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
