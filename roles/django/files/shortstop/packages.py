"""The virtual environment of a release: one per set of requirements, shared by all releases that ask for the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import release
from report import StepFailed
from runner import as_root, run
from scratch import copy_regular_files, remove, scratch
from site_config import Site

PYTHON = "/usr/bin/python3"
# A compiler needs more than the site that it builds for; where that is too much, it is the first to go. The index of packages
# may be anywhere, and a build knows no secret of the site.
BUILD_LIMITS = ("Slice=site.slice", "MemoryMax=75%", "TasksMax=1024", "OOMScoreAdjust=1000")
BUILD_OUTBOUND = ("PrivateNetwork=no", "IPAddressDeny=", "IPAddressAllow=", "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6")
# By another name pip may take a file for a source, whatever its options, and runs the code that builds it.
WHEEL = re.compile(r"[A-Za-z0-9_.!+-]+\.whl")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def make_venv(site: Site, directory: Path, source_hash: str) -> Path:
    """The virtual environment of these requirements, built unless an earlier release had the same.

    The site's user builds the wheels, and root unpacks them: no code of the site or of its packages runs as root.
    """
    venv = site.root / "venvs" / release.requirements_hash(directory, site.requirements, source_hash)
    if release.read_mark(venv) is not None:
        return venv
    if venv.exists():
        remove(venv)
    as_root(PYTHON, "-I", "-m", "venv", venv)
    venv.chmod(0o750)
    shutil.chown(venv, "root", site.user)
    # A package that comes with the source is built in place, which in the release nobody may write.
    with scratch(site, source=directory) as directory_of_user:
        pip = [venv / "bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
        variables = [f"TMPDIR={directory_of_user}", f"HOME={directory_of_user}", *([f"PIP_CERT={CERTIFICATES}"] if Path(CERTIFICATES).exists() else [])]
        wheels = directory_of_user / "wheels"
        run(
            site,
            site.template.read_text(encoding="utf-8"),
            ["/usr/bin/env", *variables, *pip, "wheel", "--use-pep517", "--wheel-dir", wheels, "--requirement", site.requirements, "gunicorn"],
            cwd=directory_of_user / "source",
            writable=directory_of_user,
            properties=(*BUILD_LIMITS, *BUILD_OUTBOUND),
            name=f"pip wheel --requirement {site.requirements}",
        )
        taken = venv / "wheels"
        names = take_wheels(site, wheels, taken)
        # Nothing of the site is importable yet, and of a wheel pip runs nothing, so this is Debian's code alone.
        install = [*pip, "install", "--quiet", "--no-index", "--no-deps", "--only-binary=:all:", "--no-compile", "--root-user-action=ignore"]
        as_root("/usr/bin/env", "PIP_CONFIG_FILE=/dev/null", *install, *(taken / name for name in names))
        shutil.rmtree(taken)
    compile_bytecode(venv / "lib")
    release.write_mark(venv, made=time.time())
    return venv


def take_wheels(site: Site, wheels: Path, taken: Path) -> list[Path]:
    """The names of the wheels, which root has taken over. Build scripts of packages write there, too, so anything else is refused."""
    names, left = copy_regular_files(site, wheels, taken)
    others = [*left, *(name for name in names if not WHEEL.fullmatch(str(name)))]
    if others:
        raise StepFailed(
            f"building the packages of {site.requirements} left {json.dumps(str(others[0]))} among the wheels, which is no file with the name of one,"
            " and root installs nothing else; take the package out whose build script puts it there"
        )
    return names


def compile_bytecode(directory: Path) -> None:
    """Compiling runs nothing. A file that does not compile is for the gates to find, if anything imports it."""
    subprocess.run([PYTHON, "-I", "-m", "compileall", "-qq", directory], check=False)
