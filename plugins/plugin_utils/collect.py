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
from pathlib import Path

EXCLUDES = (
    ".git",
    ".hg",
    ".svn",
    ".tox",
    ".venv",
    "venv",
    "__pycache__",
    "*.pyc",
    ".coverage",
    ".hypothesis",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "htmlcov",
    "node_modules",
    "staticfiles",
    "*.sqlite3",
)
# One moment for every file: a zip file, which a wheel is, begins in 1980.
MOMENT = 315619200


def collect(source: Path, archive: Path) -> str:
    """Write a compressed tar of a source, sorted, without owners; returns the SHA-256 of the tar inside."""
    with tempfile.TemporaryFile() as plain:
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in _files(source):
                member = tar.gettarinfo(path, arcname=path.relative_to(source).as_posix())
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
    return digest


def _files(source: Path) -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(source, onerror=_refuse):
        subdirectories[:] = sorted(name for name in subdirectories if not _excluded(name))
        for name in sorted([*subdirectories, *names]):
            if not _excluded(name):
                yield Path(directory, name)


def _refuse(error: OSError) -> None:
    raise error


def _excluded(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in EXCLUDES)
