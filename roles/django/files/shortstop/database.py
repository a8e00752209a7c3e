"""Step migrate: the database is brought to what the release's code expects, while the live one still serves."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import inside
import records
import runner
from report import CommandFailed, StepFailed
from site_config import Site

TOOLS = Path("/usr/local/lib/shortstop/tools")
# Whoever waits for a lock makes every visitor of that table wait behind it, so a migration waits shortly, and often.
LOCK_TIMEOUT = "100ms"
# What holds a visitor's statement to minutes does not hold here: a table may be large, and a migration may compute.
MIGRATION_OPTIONS = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
# A migration that is not atomic keeps what it did before it ended, so it fails at a second try. It waits for its locks instead, and the
# server ends its statement before the engine would end the program: a statement of a program that is gone goes on.
PATIENT_OPTIONS = "-c lock_timeout=0 -c statement_timeout={}s -c idle_in_transaction_session_timeout=0"
SPARE = 10  # seconds
PAUSES = (1, 2, 4, 8, 8, 8)  # seconds between tries
LOCKED = "LockNotAvailable"  # psycopg's name for it, whatever language the server speaks
STATE = {
    "applied": records.is_list_of(records.is_migration),
    "unapplied": records.is_list_of(records.is_migration),
    "not_atomic": records.is_list_of(records.is_migration),
    "issues": records.is_by_migration(records.is_text),
}


@dataclass(frozen=True)
class State:
    """A database as a release sees it, by names such as `blog.0002_title`."""

    applied: set[str]
    unapplied: list[str]
    not_atomic: set[str]
    issues: dict[str, list[str]]

    @classmethod
    def of(cls, answer: dict) -> State:
        return cls(set(answer["applied"]), answer["unapplied"], set(answer["not_atomic"]), answer["issues"])


def state(site: Site, name: str, *, lint: bool = False) -> State:
    packages = sorted(TOOLS.glob("lib/python3*/site-packages")) if lint else []
    return State.of(inside.script(site, name, "database.py", *packages, name="a look at the database's migrations", shape=STATE))


def unknown(site: Site, older: str, newer: str, applied: set[str]) -> list[str]:
    """The applied migrations that the newer release knows and the older does not."""
    marks = records.finished(site)
    old, new = (marks.get(name, {}).get("migrations", {}) for name in (older, newer))
    return sorted(name for name, replaced in new.items() if name in applied and name not in old and not (replaced and set(replaced) <= old.keys()))


def migrate(site: Site, new: str, live: str | None, known: State | None = None) -> Iterator[str]:
    """Migrate, then what a first deploy needs, each once; yields warnings. `known` is what the gates have seen of the database."""
    # What is to be applied is asked now: somebody else may have begun to.
    found = known if known and not known.unapplied else state(site, new, lint=live is not None)
    for name, issues in found.issues.items():
        yield f"{name} may break the release that is still live, or hold its visitors up: {', '.join(issues)}"
    if live and (strange := unknown(site, new, live, found.applied)):
        yield f"the database has migrations that this source does not know: {', '.join(strange)}"
    for target, patient in targets(found.unapplied, found.not_atomic):
        _migrate(site, new, *target, patient=patient)
    for alias in site.databases:
        _migrate(site, new, f"--database={alias}")
    done = _done(site)
    yield from _superuser(site, new, done)
    _fixtures(site, new, done)


def targets(unapplied: list[str], not_atomic: set[str]) -> Iterator[tuple[list[str], bool]]:
    """The arguments of `migrate` that apply these migrations in order, one run for each that is not atomic, and whether a run waits for its locks."""
    before: dict[str, str] = {}
    for app, name in (migration.split(".", 1) for migration in unapplied):
        if f"{app}.{name}" in not_atomic:
            yield from (([*target], False) for target in before.items())
            before.clear()
            yield [app, name], True
        else:
            before[app] = name
    if before or not_atomic.intersection(unapplied):
        yield [], False  # also for what follows each whole migration, such as permissions


def _migrate(site: Site, new: str, *arguments: str, patient: bool = False) -> None:
    options = PATIENT_OPTIONS.format(max(1, site.deploy_timeout - SPARE)) if patient else MIGRATION_OPTIONS
    variables = (f"PGOPTIONS={options}",) if site.database == "postgres" else ()
    name = " ".join(("manage.py migrate", *arguments))
    if patient:
        try:
            inside.python(site, new, "manage.py", "migrate", "--no-input", "--skip-checks", *arguments, name=name, variables=variables)
        except CommandFailed as error:
            raise StepFailed(f"{_left_behind(site, new)}{error}") from None
        return
    for pause in (*PAUSES, None):
        try:
            inside.python(site, new, "manage.py", "migrate", "--no-input", "--skip-checks", *arguments, name=name, variables=variables)
            return
        except CommandFailed as error:
            if LOCKED not in error.output:
                raise
            if pause is None:
                raise StepFailed(
                    f"{name} got no lock in {len(PAUSES) + 1} tries over {sum(PAUSES)} seconds: somebody holds the table"
                    f" (select * from pg_stat_activity where state <> 'idle' order by xact_start). Deploy again when they are done.\n{error}"
                ) from None
        time.sleep(pause)


def _left_behind(site: Site, new: str) -> str:
    """A sentence on the indexes that a migration began and did not end, "" if there are none or nothing can be asked."""
    shape = {"statements": records.is_list_of(records.is_text)}
    try:
        answer = inside.script(site, new, "invalid_indexes.py", name="a look at the database's indexes", shape=shape)
    except StepFailed:
        return ""
    return f"an index is invalid, and its migration fails until it is dropped: {'; '.join(answer['statements'])}\n" if answer["statements"] else ""


def reverse(site: Site, newer: str, older: str, names: list[str]) -> None:
    """Take these migrations back to where the older release's code ends; only the newer one's code can."""
    leaves = dict(leaf.split(".", 1) for leaf in records.finished(site)[older]["leaves"])
    not_atomic = state(site, newer).not_atomic
    for app in sorted({name.split(".")[0] for name in names}):
        patient = any(name in not_atomic for name in names if name.split(".")[0] == app)
        _migrate(site, newer, app, leaves.get(app, "zero"), patient=patient)


def _done(site: Site) -> dict:
    try:
        return json.loads((site.configuration_dir / "done.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _remember(site: Site, done: dict, **what: object) -> None:
    done.update(what)
    temporary = site.configuration_dir / "done.json.new"
    temporary.write_text(json.dumps(done), encoding="utf-8")
    temporary.rename(site.configuration_dir / "done.json")


def _superuser(site: Site, new: str, done: dict) -> Iterator[str]:
    if not site.superuser:
        site.superuser_file.unlink(missing_ok=True)
        return
    wanted = {"username": site.superuser["username"], "file": hashlib.sha256(site.superuser_file.read_bytes()).hexdigest()}
    before = done.get("superuser", {})
    if before.get("username") == wanted["username"]:
        if before["file"] != wanted["file"]:
            yield (
                f'superuser "{wanted["username"]}" was made with another password or address, and stays as it is;'
                f" change it with: sudo shortstop manage {site.name} changepassword {wanted['username']}"
            )
        return
    answer = inside.script(
        site,
        new,
        "superuser.py",
        name=f'making superuser "{wanted["username"]}"',
        shape={"created": lambda value: isinstance(value, bool)},
        environment=site.superuser_file,
    )
    if not answer["created"]:
        yield f'there is a user "{wanted["username"]}" already, who stays as they are'
    _remember(site, done, superuser=wanted)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _fixtures(site: Site, new: str, done: dict) -> None:
    loaded = dict(done.get("fixtures", {}))
    source = runner.working_directory(site.service_file(new).read_text(encoding="utf-8"), new)
    for fixture in site.fixtures:
        file = source / fixture
        digest = _digest(file)
        if loaded.get(fixture) != digest:
            inside.python(site, new, "manage.py", "loaddata", file, name=f"manage.py loaddata {fixture}")
            loaded[fixture] = digest
            _remember(site, done, fixtures=loaded)
