"""Step prepare: a release is made complete beside the live one, and asked whether it is fit to serve."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import release
from runner import as_root, copy_regular_files, run, scratch
from site_config import Site
from systemd import systemctl

PYTHON = "/usr/bin/python3"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# Only the apps whose code came with the source: a library's missing migration is not its user's to make.
OWN_MIGRATIONS = """
import os, sys
import django
from django.apps import apps
from django.core.management import call_command
django.setup()
here = os.path.join(os.path.realpath(os.getcwd()), "")
venv = os.path.join(here, "venv", "")
own = [app.label for app in apps.get_app_configs() if os.path.join(app.path, "").startswith(here) and not app.path.startswith(venv)]
if own:
    call_command("makemigrations", *own, check_changes=True, dry_run=True, interactive=False)
"""


def prepare(site: Site, new: str, source: str, archive: Path) -> Iterator[str]:
    """Make the release; yields warnings. One that was finished earlier, and kept, is taken as it is."""
    directory = site.release_dir(new)
    if release.read_mark(directory) is None:
        shutil.rmtree(directory, ignore_errors=True)
        release.unpack(archive, directory, source)
        compile_bytecode(directory)
        give(site, directory)
        venv = make_venv(site, directory, source)
        (directory / "venv").symlink_to(os.path.relpath(venv, directory))
        version = release.gunicorn_version(venv)
        if version < (27,):
            yield f"gunicorn {'.'.join(map(str, version))} loses requests with threads; it runs with sync workers until requirements ask for gunicorn>=27"
        write_configuration(site, new, version)
        yield from ask(site, new)
        collect_static(site, new)
        release.write_mark(directory, source=source, prepared=time.time())
    systemctl("daemon-reload")


def make_venv(site: Site, directory: Path, source_hash: str) -> Path:
    """The virtual environment of these requirements, built unless an earlier release had the same.

    The site's user builds the wheels, and root unpacks them: no code of the site or of its packages runs as root.
    """
    venv = site.root / "venvs" / release.requirements_hash(directory, site.requirements, source_hash)
    if release.read_mark(venv) is not None:
        return venv
    shutil.rmtree(venv, ignore_errors=True)
    as_root(PYTHON, "-I", "-m", "venv", venv)
    venv.chmod(0o750)
    shutil.chown(venv, "root", site.user)
    with scratch(site) as directory_of_user:
        pip = [venv / "bin/python", "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
        variables = [f"TMPDIR={directory_of_user}", f"HOME={directory_of_user}", *([f"PIP_CERT={CERTIFICATES}"] if Path(CERTIFICATES).exists() else [])]
        wheels = directory_of_user / "wheels"
        # A package that comes with the source is built in place, which in the release nobody may write.
        source = copy_for_user(site, directory, directory_of_user / "source")
        run(
            site,
            site.template.read_text(encoding="utf-8"),
            ["/usr/bin/env", *variables, *pip, "wheel", "--use-pep517", "--wheel-dir", wheels, "--requirement", site.requirements, "gunicorn"],
            cwd=source,
            writable=directory_of_user,
            properties=("MemoryMax=infinity", "TasksMax=1024"),  # a compiler needs more than the site that it builds for
        )
        taken = venv / "wheels"
        names = copy_regular_files(wheels, taken)
        # Nothing of the site is importable yet, so this pip runs Debian's code alone.
        install = [*pip, "install", "--quiet", "--no-index", "--no-deps", "--only-binary=:all:", "--no-compile", "--root-user-action=ignore"]
        as_root("/usr/bin/env", "PIP_CONFIG_FILE=/dev/null", *install, *(taken / name for name in names))
        shutil.rmtree(taken)
    compile_bytecode(venv / "lib")
    release.write_mark(venv, made=time.time())
    return venv


def copy_for_user(site: Site, directory: Path, target: Path) -> Path:
    user = pwd.getpwnam(site.user)
    shutil.copytree(directory, target, symlinks=True)
    for parent, directories, names in os.walk(target):
        for name in [".", *directories, *names]:
            os.chown(Path(parent, name), user.pw_uid, user.pw_gid, follow_symlinks=False)
    return target


def compile_bytecode(directory: Path) -> None:
    """Compiling runs nothing. A file that does not compile is for the gates to find, if anything imports it."""
    subprocess.run([PYTHON, "-I", "-m", "compileall", "-qq", directory], check=False)


def give(site: Site, directory: Path) -> None:
    """Let the site's user read a release, and nobody else; only root may write it."""
    for parent, _directories, names in os.walk(directory):
        shutil.chown(parent, "root", site.user)
        os.chmod(parent, 0o750)
        for name in names:
            file = Path(parent, name)
            if not file.is_symlink():
                shutil.chown(file, "root", site.user)
                file.chmod(0o750 if file.stat().st_mode & 0o100 else 0o640)


def write_configuration(site: Site, new: str, version: tuple[int, ...]) -> None:
    """A release keeps the environment and the unit that it was proven with."""
    file = site.release_environment(new)
    file.touch(mode=0o600)
    own = {
        "DJANGO_STATIC_ROOT": site.release_dir(new) / "static",
        "GUNICORN_CMD_ARGS": release.gunicorn_arguments(version, site.threads),
        "SHORTSTOP_RELEASE": new,
    }
    file.write_text(release.environment(site) + "".join(f'{name}="{value}"\n' for name, value in own.items()), encoding="utf-8")
    site.service_file(new).write_text(site.template.read_text(encoding="utf-8"), encoding="utf-8")


def ask(site: Site, new: str) -> Iterator[str]:
    """The gates: Django's and gunicorn's own checks. Errors end the deploy, warnings are shown."""
    directory = site.release_dir(new)
    python = directory / "venv/bin/python"

    def of_site(*command: str | Path, name: str = "") -> str:
        service = site.service_file(new).read_text(encoding="utf-8")
        return run(site, service, [python, *command], cwd=directory, environment=site.release_environment(new), name=name)

    said = of_site("manage.py", "check", "--deploy", "--fail-level", "ERROR")
    yield from (line.strip() for line in said.splitlines() if line.startswith("?: (") or ": (" in line)
    of_site("-c", OWN_MIGRATIONS, name="makemigrations --check for the apps of the source")
    of_site("-m", "gunicorn", "--check-config", wsgi(site, new))


def wsgi(site: Site, new: str) -> str:
    """The module that the release's unit names, its command's last word."""
    command = next(line for line in site.service_file(new).read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart="))
    return command.split()[-1]


def collect_static(site: Site, new: str) -> None:
    """Collect into scratch as the site's user, then take it over as root, without following a link."""
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
        )
        if collected.is_dir():
            copy_regular_files(collected, target)
    give(site, target)


def publish_static(site: Site, new: str) -> None:
    """Add a release's static files to the store that nginx serves. What older pages name stays."""
    source = site.release_dir(new) / "static"
    for file in sorted(path for path in source.rglob("*") if path.is_file() and path.name != "staticfiles.json"):
        target = site.static_dir / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        shutil.copyfile(file, temporary)
        temporary.chmod(0o644)
        temporary.rename(target)


def prune(site: Site) -> None:
    """Keep the live release, the newest others and what they use; forget the rest."""
    marks = {path.name: release.read_mark(path) or {} for path in (site.root / "releases").iterdir()}
    live = site.live  # first whatever the clock said: it may have been put back
    newest = sorted(marks, key=lambda name: (name == live, marks[name].get("live_since", 0)), reverse=True)
    for name in newest[site.releases_kept :]:
        forget(site, name)
    kept = [site.release_dir(name) for name in newest[: site.releases_kept]]
    venvs = {(directory / "venv").readlink().name for directory in kept}
    for venv in (site.root / "venvs").iterdir():
        if venv.name not in venvs:
            shutil.rmtree(venv)
    named = {file.relative_to(directory / "static") for directory in kept for file in (directory / "static").rglob("*") if file.is_file()}
    for file in [path for path in site.static_dir.rglob("*") if path.is_file()]:
        if file.relative_to(site.static_dir) not in named:
            file.unlink()


def forget(site: Site, name: str) -> None:
    """Remove all that one release has, whether it was finished or not."""
    site.service_file(name).unlink(missing_ok=True)
    site.release_environment(name).unlink(missing_ok=True)
    shutil.rmtree(site.release_dir(name), ignore_errors=True)
