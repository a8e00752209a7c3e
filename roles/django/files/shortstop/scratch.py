"""Scratch: where a site's user may write, and how root takes over what is there without being led anywhere else."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import StepFailed
from runner import as_root
from site_config import SCRATCH_DIR, Site

UNFOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a fifo would have root wait
DEEPEST = 100  # directories in one another


@contextmanager
def scratch(site: Site, **copies: Path) -> Iterator[Path]:
    """A directory that the site's user may write, with copies of these directories in it by their names, gone afterwards."""
    SCRATCH_DIR.mkdir(parents=True, exist_ok=True, mode=0o711)
    directory = Path(tempfile.mkdtemp(prefix=f"{site.name}-", dir=SCRATCH_DIR))
    try:
        for name, original in copies.items():
            _copy_for_user(site, original, directory / name)
        # Last, so that nobody can put a link where root still writes.
        shutil.chown(directory, site.user, site.user)
        yield directory
    finally:
        remove(directory)


def _copy_for_user(site: Site, original: Path, copy: Path) -> None:
    user = pwd.getpwnam(site.user)
    shutil.copytree(original, copy, symlinks=True)
    for parent, directories, names in os.walk(copy):
        for name in [".", *directories, *names]:
            os.chown(Path(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)


def remove(directory: Path) -> None:
    """Take away what a site may have nested deeper than Python gets."""
    try:
        shutil.rmtree(directory)
    except (OSError, RecursionError):
        as_root("rm", "-rf", "--", directory)


def copy_regular_files(site: Site, source: Path, target: Path) -> tuple[list[Path], list[Path]]:
    """Copy, as root, what the site's user wrote to `source` in a scratch directory, if anything.

    Links stay behind, and all else that is no regular file or directory of that user's. Returns what was copied and what
    stayed behind, relative to `source`.
    """
    user = pwd.getpwnam(site.user).pw_uid
    copied: list[Path] = []
    left: list[Path] = []
    # Where scratch directories lie, nobody but root names anything.
    with _closing(os.open(source.parent, UNFOLLOWED | os.O_DIRECTORY)) as scratch_directory:
        _shut(scratch_directory)
        try:
            top = os.open(source.name, UNFOLLOWED | os.O_DIRECTORY, dir_fd=scratch_directory)
        except FileNotFoundError:
            return [], []
        except OSError:  # a link, for one
            raise _not_a_directory(source) from None
        with _closing(top):
            if os.fstat(top).st_uid != user:
                raise _not_a_directory(source)
            for path, descriptor in _walk(top, user, Path()):
                if descriptor is None:
                    left.append(path)
                else:
                    _write(descriptor, target / path)
                    copied.append(path)
    return copied, left


def _walk(directory: int, user: int, inside: Path) -> Iterator[tuple[Path, int | None]]:
    """What is in a directory and below, with a descriptor if it is a regular file of the user's.

    Other processes of the user's may hold any of these directories open. So each is shut before it is read, and what is
    in it is opened once, from there.
    """
    if len(inside.parts) > DEEPEST:
        raise StepFailed(f"the site wrote more than {DEEPEST} directories into one another, which is deeper than root goes")
    _shut(directory)
    for name in sorted(os.listdir(directory)):
        try:
            opened = os.open(name, UNFOLLOWED, dir_fd=directory)
        except OSError:  # a link, or a socket
            yield inside / name, None
            continue
        with _closing(opened):
            status = os.fstat(opened)
            if status.st_uid == user and stat.S_ISDIR(status.st_mode):
                yield from _walk(opened, user, inside / name)
            else:
                yield inside / name, opened if status.st_uid == user and stat.S_ISREG(status.st_mode) else None


def _shut(directory: int) -> None:
    """From here on the site's user cannot look in any more, let alone swap something."""
    os.chown(directory, 0, 0)
    os.chmod(directory, 0o700)


def _write(descriptor: int, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # the site's source may have a link there
    with open(descriptor, "rb", closefd=False) as original, target.open("xb") as copy:
        shutil.copyfileobj(original, copy)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _not_a_directory(source: Path) -> StepFailed:
    return StepFailed(
        f'where the site was to write its directory "{source.name}" it left something else, such as a link, and root takes nothing from there;'
        " find what in the site or its packages does that"
    )
