"""Step prepare: a release is made complete beside the live one, and asked whether it is fit to serve."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import build
import database
import gates
import jobs
import overlay
import prune
import records
import release
import static_files
from site_config import Site
from systemd import systemctl

ADDED_FOR = {"gunicorn": "gunicorn", **dict.fromkeys(("psycopg[binary]", "psycopg2-binary"), "a driver for PostgreSQL")}


def prepare(site: Site, new: str, source: str, revision: str, archive: Path, states: dict[str, database.State]) -> Iterator[str]:
    """Make the release; yields warnings. One that was finished earlier, and kept, is taken as it is.

    What the gates see of the database is put into `states`, by release.
    """
    if records.read(site, new) is None:
        prune.forget(site, new)
        site.release_dir(new).mkdir(mode=0o750)
        shutil.chown(site.release_dir(new), "root", site.user)
        built = build.build(site, site.release_dir(new), archive, source)
        yield from (f"{site.requirements} does not bring {ADDED_FOR[name]}, so {name} was added" for name in built.added)
        version = release.gunicorn_version(built.venv)
        if version < (27,):
            yield f"gunicorn {'.'.join(map(str, version))} loses requests with threads; it runs with sync workers until requirements ask for gunicorn>=27"
        overlay.install(site, new)
        write_configuration(site, new, version)
        jobs.write(site, new)
        for job, given in {**site.timers, **site.daemons}.items():
            if "--settings" in given["command"]:
                yield f'"{job}": its command names settings by --settings, which are not those of the release; take that out'
        settings = gates.settings(site, new)
        known = gates.before_migrations(site, new, states)
        yield from static_files.collect(site, new)
        records.write(site, new, source=source, revision=revision, prepared=time.time(), settings=settings, **known)
    else:
        gates.settings(site, new)  # also names the secrets that no message may show
    systemctl("daemon-reload")


def write_configuration(site: Site, new: str, version: tuple[int, ...]) -> None:
    """A release keeps the environment and the unit that it was proven with."""
    file = site.release_environment(new)
    file.touch(mode=0o600)
    environment = release.environment(site)
    own = {
        **overlay.variables(site, new, environment),
        "DJANGO_STATIC_ROOT": site.release_dir(new) / "static",
        "GUNICORN_CMD_ARGS": release.gunicorn_arguments(version, site.threads),
        "SHORTSTOP_RELEASE": new,
    }
    file.write_text(environment + "".join(f'{name}="{value}"\n' for name, value in own.items()), encoding="utf-8")
    site.service_file(new).write_text(site.template.read_text(encoding="utf-8"), encoding="utf-8")
