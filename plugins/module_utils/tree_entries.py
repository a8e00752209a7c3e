# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Directories, text files and links as a list of entries: which of them differ from what is on the host, and making them so."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import tempfile
from pathlib import Path

ABSENT, TOUCH = "absent", "touch"
OPTIONS = {
    "path": {"type": "path", "required": True},
    "link": {"type": "str"},
    "state": {"type": "str", "choices": ["present", TOUCH, ABSENT], "default": "present"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "raw"},
}


def differs(entry):
    """Whether an entry is not on the host as it is described. Of a file, `sha256` is compared."""
    path = Path(entry["path"])
    if entry["state"] == ABSENT:
        return os.path.lexists(path)
    if entry["link"] is not None:
        return not path.is_symlink() or os.readlink(path) != entry["link"]
    if entry["state"] == TOUCH:
        return not path.is_file() or _rights_differ(path, entry)
    if entry["sha256"] is None:
        return not path.is_dir() or _rights_differ(path, entry)
    if path.is_symlink() or not path.is_file():
        return True
    return hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"] or _rights_differ(path, entry)


def _rights_differ(path, entry):
    there = path.stat()
    if stat.S_IMODE(there.st_mode) != int(entry["mode"], 8):
        return True
    try:
        return (there.st_uid, there.st_gid) != (pwd.getpwnam(entry["owner"]).pw_uid, grp.getgrnam(entry["group"]).gr_gid)
    except KeyError:  # there is no such user or group yet
        return True


def make(module, entry):
    """Make one entry. Returns whether that was a change, and its diff."""
    path = Path(entry["path"])
    if entry["state"] == ABSENT:
        return _remove(module, path)
    if entry["link"] is not None:
        return _make_link(module, path, entry["link"])
    if entry["content"] is not None:
        changed, before, after = _write(module, path, entry)
    else:
        changed, before, after = _create(module, path, entry), "", ""
    diff = {"before": {}, "after": {}}
    changed = module.set_fs_attributes_if_different(_rights(path, entry), changed, diff=diff)
    if before != after:
        return changed, {"before_header": str(path), "after_header": str(path), "before": before, "after": after}
    return changed, {"before": {"path": str(path), **diff["before"]}, "after": {"path": str(path), **diff["after"]}}


def _create(module, path, entry):
    """Create a directory, or an empty file of state touch. Returns whether it was missing."""
    is_file = entry["state"] == TOUCH
    missing = not (path.is_file() if is_file else path.is_dir())
    if missing and not module.check_mode:
        if is_file:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        else:
            _make_directory(module, path, entry)
    return missing


def _make_directory(module, path, entry):
    """Make a directory, and its missing parents with the same rights, whatever the umask is."""
    if not path.parent.is_dir():
        _make_directory(module, path.parent, entry)
    path.mkdir(0o700)
    module.set_fs_attributes_if_different(_rights(path, entry), True)


def _rights(path, entry):
    rights = {"path": os.path.realpath(path), "owner": entry["owner"], "group": entry["group"], "mode": entry["mode"]}
    return {**rights, "attributes": None, "secontext": [None, None, None]}


def _write(module, path, entry):
    """Write a file if it differs, after its validation. Returns whether it differs, and the texts before and after."""
    # As bytes: what lies there need not be a text.
    wanted = entry["content"].encode("utf-8")
    there = path.read_bytes() if path.is_file() else None
    changed = path.is_symlink() or there != wanted
    if changed and not module.check_mode:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(wanted)
            if entry["validate"]:
                _validate_file(module, path, temporary, entry["validate"])
            if path.is_symlink():
                path.unlink()
            module.atomic_move(temporary, str(path))
        finally:
            Path(temporary).unlink(missing_ok=True)
    return changed, (there or b"").decode("utf-8", "replace"), entry["content"]


def _validate_file(module, path, temporary, command):
    status, stdout, stderr = module.run_command([temporary if word == "%s" else word for word in shlex.split(command)])
    if status:
        raise Invalid(f"{path}: {command.split()[0]} rejects the new content: {(stderr or stdout).strip()}")


def _make_link(module, path, target):
    before = os.readlink(path) if path.is_symlink() else ""
    if before != target and not module.check_mode:
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, path)
    return before != target, {"before": {"path": str(path), "link": before}, "after": {"path": str(path), "link": target}}


def _remove(module, path):
    there = os.path.lexists(path)
    if there and not module.check_mode:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return there, {"before": {"path": str(path), "state": "present" if there else ABSENT}, "after": {"path": str(path), "state": ABSENT}}


def validate(module, entries, command):
    """Have a command judge all files before any is put in place. It is given a directory that holds them at their paths, an absent one as an empty file."""
    with tempfile.TemporaryDirectory(prefix="shortstop-tree-") as directory:
        for entry in entries:
            staged = Path(directory) / Path(entry["path"]).relative_to("/")
            staged.parent.mkdir(parents=True, exist_ok=True)
            if entry["state"] == ABSENT or entry["link"] is not None:
                staged.symlink_to(entry["link"] or os.devnull)
            elif entry["content"] is not None:
                staged.write_text(entry["content"], encoding="utf-8")
        status, stdout, stderr = module.run_command([directory if word == "%s" else word for word in shlex.split(command)])
    if status:
        raise Invalid(f"nothing was written: {(stderr or stdout).strip()}")


class Invalid(Exception):
    """Content that its validation rejects. The message names the file."""
