# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Step collect: the archive of a source, which is the same bytes whenever and by whomever it is made."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from ansible_collections.shortstop.django.plugins.plugin_utils.git_source import work_tree_files

# What nobody misses on a server.
WASTE = (
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    "*.pyc",
    ".coverage",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
)
# What is of the developer's machine, as far as git does not say otherwise. Who means it for the server is told that it stayed.
PRIVATE = (".env", ".env.local", ".envrc", ".tox", ".venv", "venv", "htmlcov", "node_modules", "staticfiles", "*.sqlite3")
# A directory of static files that collectstatic has filled has one of these, and is no package.
STATIC_FILES, COLLECTED = "staticfiles", ("admin", "staticfiles.json")
# One moment for every file: a zip file, which a wheel is, begins in 1980.
MOMENT = 315619200


@dataclass(frozen=True)
class Collected:
    """The SHA-256 of the tar inside the archive, and what stayed behind although it may be wanted."""

    digest: str
    left_out: list[str]


def collect(source: Path, archive: Path, *, whole: bool = False) -> Collected:
    """Write a compressed tar of a source, sorted, without owners.

    Of a git work tree travels what git tracks, and what it would add unless it looks like a developer's own; of another directory all but that,
    and of a `whole` one, such as a checkout of a commit, everything.
    """
    found, left_out = _found(source, whole)
    with tempfile.TemporaryFile() as plain:
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in found:
                path = source / name
                member = tar.gettarinfo(path, arcname=name.as_posix())
                if member is None:  # a socket
                    continue
                if member.islnk():  # a second name of a file, which is a file here as after any copy
                    member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mtime = MOMENT
                member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
                if member.isreg():
                    with path.open("rb") as content:
                        tar.addfile(member, content)
                elif member.isdir() or member.issym():
                    tar.addfile(member)
        plain.seek(0)
        digest = hashlib.file_digest(plain, "sha256").hexdigest()
        plain.seek(0)
        with archive.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed:
            shutil.copyfileobj(plain, compressed)
    return Collected(digest, left_out)


def _found(source: Path, whole: bool) -> tuple[list[PurePath], list[str]]:
    """The paths that travel, relative to the source, directories first, and those that stay and are told."""
    files = None if whole else work_tree_files(str(source))
    if files is None:
        names, tracked = list(_walked(source, whole)), set()
    else:
        tracked, others = ({PurePath(name) for name in each} for each in files)
        names = [name for name in (*tracked, *others) if os.path.lexists(source / name)]
    found, left_out = set(), set()
    for name in names:
        litter = None if whole or name in tracked else _litter(source, name)
        if litter is None:
            found.update((name, *name.parents[:-1]))
        elif _matches(litter.name, PRIVATE):
            left_out.add(litter.as_posix())
    return sorted(found, key=lambda name: name.parts), sorted(left_out)


def _walked(source: Path, whole: bool) -> Iterator[PurePath]:
    for directory, subdirectories, names in os.walk(source, onerror=_refuse):
        inside = PurePath(directory).relative_to(source)
        yield from (inside / name for name in (*subdirectories, *names))
        subdirectories[:] = [name for name in subdirectories if whole or not _is_litter(source, inside / name)]


def _litter(source: Path, name: PurePath) -> PurePath | None:
    """The part of a path that makes it none of the source's."""
    ways = (PurePath(*name.parts[: index + 1]) for index in range(len(name.parts)))
    return next((way for way in ways if _is_litter(source, way)), None)


def _is_litter(source: Path, path: PurePath) -> bool:
    if path.name != STATIC_FILES:
        return _matches(path.name, (*WASTE, *PRIVATE))
    there = source / path
    return not (there / "__init__.py").is_file() and any((there / name).exists() for name in COLLECTED)


def _refuse(error: OSError) -> None:
    raise error


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
