"""Scratch: where a site's user may write, and how root takes over what is there without being led anywhere else."""

from __future__ import annotations

import errno
import json
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from report import StepFailed
from runner import as_root
from site_config import SCRATCH_DIR, Site

UNFOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a fifo would have root wait
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
DEEPEST = 100  # directories in one another
LONGEST = 1024  # bytes of a path
MOST_ENTRIES = 200_000
MOST_BYTES = 10 << 30
RESERVE = 1 << 30  # bytes of the disk, or a twentieth of it if that is less
BLOCK = 1 << 20  # bytes
LOOK_AGAIN = 64 << 20  # bytes that are copied between looks at the disk, which other deploys fill, too


@contextmanager
def scratch(site: Site, fill: Callable[[Path], None] = lambda _directory: None) -> Iterator[Path]:
    """A directory that the site's user may write, gone afterwards. `fill` puts into it what that user gets with it."""
    SCRATCH_DIR.mkdir(parents=True, exist_ok=True, mode=0o711)
    directory = Path(tempfile.mkdtemp(prefix=f"{site.name}-", dir=SCRATCH_DIR))
    try:
        fill(directory)
        user = pwd.getpwnam(site.user)
        for parent, directories, names in os.walk(directory):
            for name in [*directories, *names]:
                os.chown(Path(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)
        # Last, so that nobody can put a link where root still writes.
        os.chown(directory, user.pw_uid, user.pw_gid)
        yield directory
    finally:
        remove(directory)


def remove(directory: Path) -> None:
    """Take away what a site may have nested deeper than Python gets."""
    try:
        shutil.rmtree(directory)
    except (OSError, RecursionError):
        as_root("rm", "-rf", "--", directory)


def take(site: Site, source: Path, target: Path, *, links: bool = False, leave: tuple[str, ...] = ()) -> None:
    """Copy, as root, what the site's user wrote to `source` in a scratch directory, to `target`, which must not exist.

    Regular files and directories of that user's are taken, and with `links` also relative links that stay inside. `leave`
    names what stays behind, relative to `source`. Anything else ends the step, as do too many or too large files. The
    target is root's, for the site's group to read; times are kept, and of the modes only whether a file can be run.
    """
    user = pwd.getpwnam(site.user)
    with _closing(_open_own(source, user.pw_uid)) as top:
        os.mkdir(target, 0o700)
        no_room = f'the disk has no room for "{source.name}", which the site wrote; free some, or use a larger disk'
        bound, too_large = MOST_BYTES, f'"{source.name}", which the site wrote, is larger than {MOST_BYTES >> 30} GB, and root takes no more'
        if (room := _room(target)) < bound:
            bound, too_large = room, no_room

        def look() -> None:
            if _room(target) < 0:
                raise StepFailed(no_room)

        with _closing(os.open(target, UNFOLLOWED | os.O_DIRECTORY)) as new:
            try:
                _Taker(source.name, user, links, frozenset(leave), bound, too_large, look).directory(top, new, "")
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                raise StepFailed(too_large if full else f'"{source.name}", which the site wrote, cannot be copied: {error.strerror}') from error


def _room(directory: Path) -> int:
    """Bytes of the disk that a site may still write: neither what the filesystem keeps for root, nor the reserve for what other sites write meanwhile."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize - min(RESERVE, disk.f_blocks * disk.f_frsize // 20)


def _open_own(source: Path, user: int) -> int:
    """A descriptor of this directory of the user's, in a scratch directory that nobody else reaches from now on."""
    # Where scratch directories lie, nobody but root names anything.
    with _closing(os.open(source.parent, UNFOLLOWED | os.O_DIRECTORY)) as scratch_directory:
        _shut(scratch_directory)
        try:
            top = os.open(source.name, UNFOLLOWED | os.O_DIRECTORY, dir_fd=scratch_directory)
        except OSError:  # a link, for one, or nothing
            raise _not_a_directory(source) from None
    if os.fstat(top).st_uid != user:
        os.close(top)
        raise _not_a_directory(source)
    return top


@dataclass
class _Taker:
    """Copies from descriptor to descriptor: neither the names in the source nor those in the target are followed anywhere."""

    what: str
    user: pwd.struct_passwd
    links: bool
    leave: frozenset[str]
    bytes_left: int
    too_large: str
    look: Callable[[], None]  # ends the step if the disk is full by now
    copied: int = 0  # bytes since the last look
    entries: int = 0

    def directory(self, old: int, new: int, inside: str) -> None:
        """Other processes of the user's may hold the old one open, so it is shut before it is read; each name in it is opened once."""
        if inside.count("/") > DEEPEST:
            raise StepFailed(f'"{self.what}", which the site wrote, has more than {DEEPEST} directories in one another, and root goes no deeper')
        _shut(old)
        for name in self._names(old):
            path = f"{inside}{name}"
            if len(os.fsencode(path)) > LONGEST:
                self._refuse(path, f"a path of more than {LONGEST} bytes")
            if path not in self.leave:
                self._take(old, new, name, path)
        os.chown(new, 0, self.user.pw_gid)
        os.chmod(new, 0o750)

    def _names(self, directory: int) -> list[str]:
        names = []
        with os.scandir(directory) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > MOST_ENTRIES:
                    raise StepFailed(f'"{self.what}", which the site wrote, has more than {MOST_ENTRIES} files and directories, and root takes no more')
                names.append(entry.name)
        return sorted(names)

    def _take(self, old: int, new: int, name: str, path: str) -> None:
        try:
            opened = os.open(name, UNFOLLOWED, dir_fd=old)
        except OSError:  # a link, or a socket
            self._take_link(old, new, name, path)
            return
        with _closing(opened):
            status = os.fstat(opened)
            if status.st_uid != self.user.pw_uid:
                self._refuse(path, "somebody else's")
            elif stat.S_ISDIR(status.st_mode):
                os.mkdir(name, 0o700, dir_fd=new)
                with _closing(os.open(name, UNFOLLOWED | os.O_DIRECTORY, dir_fd=new)) as copy:
                    self.directory(opened, copy, f"{path}/")
            elif not stat.S_ISREG(status.st_mode):
                self._refuse(path, "a device or a pipe")
            elif status.st_mode & (stat.S_ISUID | stat.S_ISGID):
                self._refuse(path, "a program that would run as somebody else")
            else:
                self._copy(opened, status, new, name)

    def _copy(self, opened: int, status: os.stat_result, new: int, name: str) -> None:
        with _closing(os.open(name, NEW, 0o600, dir_fd=new)) as copy:
            # Counted as they are read: the file may grow meanwhile.
            while block := os.read(opened, BLOCK):
                self.bytes_left -= len(block)
                if self.bytes_left < 0:
                    raise StepFailed(self.too_large)
                self.copied += len(block)
                if self.copied > LOOK_AGAIN:
                    self.look()
                    self.copied = 0
                written = memoryview(block)
                while written:
                    written = written[os.write(copy, written) :]
            os.fchown(copy, 0, self.user.pw_gid)
            os.fchmod(copy, 0o750 if status.st_mode & 0o100 else 0o640)
            os.utime(copy, ns=(status.st_mtime_ns, status.st_mtime_ns))

    def _take_link(self, old: int, new: int, name: str, path: str) -> None:
        try:
            leads = os.readlink(name, dir_fd=old)
        except OSError:
            self._refuse(path, "a socket, or gone already")
        if not self.links:
            self._refuse(path, "a link")
        if not stays_inside(leads, path.count("/")):
            self._refuse(path, "a link that leads out of it, or has .. after a name")
        os.symlink(leads, name, dir_fd=new)

    def _refuse(self, path: str, kind: str) -> None:
        allowed = "files, directories and relative links inside" if self.links else "files and directories"
        holds = f'"{self.what}", which the site wrote, holds {json.dumps(path)}, {kind}, and root takes {allowed} alone'
        raise StepFailed(f"{holds}; find what in the source or its packages makes it")


def stays_inside(leads: str, depth: int) -> bool:
    """Whether a link leads inside the directory that it lies `depth` directories below.

    After a name no `..` may follow: the name may be another link's, from which `..` leads anywhere.
    """
    parts = leads.split("/")
    names = [part for part in parts if part not in ("", ".")]
    up = next((index for index, part in enumerate(names) if part != ".."), len(names))
    return not leads.startswith("/") and up <= depth and ".." not in names[up:]


def _shut(directory: int) -> None:
    """From here on the site's user cannot look in any more, let alone swap something."""
    os.chown(directory, 0, 0)
    os.chmod(directory, 0o700)


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
