"""A release's source and its virtual environment, both made by the site's user in scratch and copied by root.

An environment is shared by all releases that ask for the same packages.
"""

from __future__ import annotations

import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import release
from inside import SCRIPTS
from report import StepFailed
from runner import run
from scratch import remove, scratch, take
from site_config import RUN_DIR, Site

PYTHON = "/usr/bin/python3"
# A compiler needs more than the site that it builds for; where that is too much, it is the first to go. The index of packages
# may be anywhere, and a build knows no secret of the site.
BUILD_LIMITS = ("Slice=site.slice", "MemoryMax=75%", "TasksMax=1024", "OOMScoreAdjust=1000")
BUILD_OUTBOUND = ("PrivateNetwork=no", "IPAddressDeny=", "IPAddressAllow=", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6")
# What root makes itself: a package may have put anything in their place.
INTERPRETERS = ("bin/python", "bin/python3", f"bin/python{platform.python_version().rpartition('.')[0]}")
OWN = (*INTERPRETERS, "pyvenv.cfg", ".lock")
# What the script may add.
ADDITIONS = ("gunicorn", "psycopg[binary]", "psycopg2-binary")


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other site's packages are built: each build may take most of the memory, so that two of them could end each other."""
    with (RUN_DIR / "shortstop-build.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Built:
    """A virtual environment's place, and what it has beside what the requirements ask for."""

    venv: Path
    added: list[str]


def build(site: Site, directory: Path, archive: Path, source: str) -> Built:
    """Fill a release's directory with its source and its virtual environment.

    No code of the site or of its packages runs as root, and root neither compiles nor reads what they made.
    """
    venv = site.root / "venvs"
    # What a killed run left may be as large as the disk.
    for left in venv.glob(".*.new"):
        remove(left)

    def unpack(scratch_directory: Path) -> None:
        nonlocal venv
        release.unpack(archive, scratch_directory / "source", source)
        venv /= release.requirements_hash(scratch_directory / "source", site.requirements, source, site.database)

    with scratch(site, unpack) as directory_of_user:
        made = directory_of_user / "environment"
        variables = [f"{name}={directory_of_user}" for name in ("TMPDIR", "HOME")]
        wanted = [] if venv.exists() else [made, site.requirements, site.database]
        with alone() if wanted else nullcontext():
            said = run(
                site,
                site.template.read_text(encoding="utf-8"),
                ["/usr/bin/env", *variables, PYTHON, "-I", SCRIPTS / "build.py", *wanted],
                cwd=directory_of_user / "source",
                writable=directory_of_user,
                properties=(*BUILD_LIMITS, *BUILD_OUTBOUND, f"Wants=site-{site.name}.slice", f"After=site-{site.name}.slice"),
                name=f"installing the packages of {site.requirements}" if wanted else "compiling the source",
            )
        take(site, directory_of_user / "source", directory / "source", links=True)
        if wanted:
            _take_environment(site, made, venv)
    (directory / "venv").symlink_to(os.path.relpath(venv, directory))
    return Built(venv, [name for name in ADDITIONS if f"shortstop adds: {name}" in said.splitlines()])


def _take_environment(site: Site, made: Path, venv: Path) -> None:
    """Put the environment in its place, which it has whole or not at all, with links to the system's Python."""
    unfinished = venv.with_name(f".{venv.name}.new")
    try:
        _complete(site, made, unfinished)
        unfinished.rename(venv)
    finally:
        if unfinished.exists():
            remove(unfinished)


def _complete(site: Site, made: Path, unfinished: Path) -> None:
    take(site, made, unfinished, links=True, leave=OWN)
    interpreter = os.path.realpath(PYTHON)
    configuration = {"home": os.path.dirname(interpreter), "include-system-site-packages": "false", "version": platform.python_version()}
    (unfinished / "pyvenv.cfg").write_text("".join(f"{key} = {value}\n" for key, value in configuration.items()), encoding="utf-8")
    if (unfinished / "bin").is_symlink() or not (unfinished / "bin").is_dir():
        raise StepFailed('the environment that the site made has no directory "bin"; find what in the source or its packages replaces it')
    for link, target in zip(INTERPRETERS, (interpreter, "python", "python"), strict=True):
        (unfinished / link).symlink_to(target)
