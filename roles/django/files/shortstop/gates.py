"""The gates of a release: what its settings are in the end, Django's own checks, and the migrations that nobody made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import database
import inside
import reasons
import records
from report import CommandFailed, StepFailed, tail
from site_config import Site

MOST_WARNINGS = 50
MOST_CHANGES = 10
SHAPE = {"refused": records.SHAPE["settings"], "told": records.SHAPE["settings"]}
TEXTS = records.is_list_of(records.is_text)
KNOWN = {key: records.SHAPE[key] for key in ("migrations", "leaves")} | dict.fromkeys(("refused", "changing", "harmless", "absent"), TEXTS)
LOOK = {
    "check": TEXTS,
    "own": lambda value: records.fits(value, KNOWN, whole=True),
    "state": lambda value: isinstance(value, list) and len(value) <= 1 and all(records.fits(one, database.STATE, whole=True) for one in value),
}
LOOK_SECONDS = 300.0  # for all three; where that is too short, each of them has the usual time
WARNING = re.compile(r"\(([\w.]+)\) ")
# With TLS nginx redirects to HTTPS and sends HSTS, and the settings overlay makes the cookies secure. Without TLS a site that did so could not be used.
SETTLED = ("security.W004", "security.W008", "security.W012", "security.W016")
CHECK, MIGRATIONS = "check", "migrations"  # what is asked once more after the migrations


def settings(site: Site, new: str) -> list[str]:
    """What the settings overlay changed, once gunicorn could load the application and its settings are fit to serve."""
    module = wsgi(site.service_file(new))
    answer = inside.script(site, new, "gate.py", module, name=f"gunicorn --check-config {module}", shape=SHAPE)
    refuse(answer["refused"], module)
    return answer["told"]


def refuse(refused: list[str], entry: str) -> None:
    """End the deploy where the settings, as this entry point leads to them, are not fit to serve."""
    if refused:
        raise StepFailed("\n".join(f"by way of {entry}: {sentence}" if len(refused) > 1 else sentence for sentence in refused))


def before_migrations(site: Site, new: str, states: dict[str, database.State]) -> dict:
    """What is to be recorded of a release: its migrations, the warnings of the checks, and what is `late`.

    A check may read a table, and an app the tables of another, which only the migrations make. What fails for that is asked
    again after them. So are changes of models that may need nothing from the database, since that is only seen then. What
    the database has of the release's migrations is put into `states`, where it can be told already.
    """
    late = []
    look = _look(site, new)
    if look:
        warnings, known = _warnings(look["check"]), look["own"]
        for state in look["state"]:
            states[new] = database.State.of(state)
    else:
        try:
            warnings = check(site, new)
        except CommandFailed as error:
            if not reasons.lacks_table(error.output):
                raise
            warnings = []
            late.append(CHECK)
        known = _migrations(site, new)
    refuse(known["refused"], "manage.py")
    _refuse_changes(known["changing"])
    if known["harmless"] or known["absent"]:
        late.append(MIGRATIONS)
    return {"warnings": warnings, "late": late, "migrations": known["migrations"], "leaves": known["leaves"]}


def _look(site: Site, new: str) -> dict | None:
    """What the checks, the source's migrations and the database say, from one start of the project.

    None where anything is wrong: each of them is then asked by itself, and its own failure is what is told.
    """
    try:
        return inside.script(site, new, "look.py", name="a look at the release", shape=LOOK, seconds=min(LOOK_SECONDS, site.deploy_timeout))
    except StepFailed:
        return None


def after_migrations(site: Site, new: str, live: str | None) -> Iterator[str]:
    """Ask what is late, and yield the warnings that the live release does not have."""
    record = records.read(site, new) or {}
    warnings = record.get("warnings", [])
    if CHECK in record.get("late", []):
        try:
            warnings = check(site, new)
        except CommandFailed as error:
            known = reasons.hint(site, error.output, is_migrated=True)
            raise StepFailed(f"manage.py check ended badly{f': {known}' if known else ''}:\n{tail(error.output)}") from None
    if MIGRATIONS in record.get("late", []):
        known = _migrations(site, new, "--migrated")
        _refuse_changes(known["changing"])
        if known["harmless"]:
            yield f"these changes of models need nothing from the database, and have no migration: {_listed(known['harmless'])}"
        if known["absent"]:
            yield (
                f"these tables do not exist, and their apps have no migrations: {_listed(known['absent'])}; run manage.py makemigrations with the"
                " names of the apps, and put what it writes into the source"
            )
    records.write(site, new, warnings=warnings, late=[])
    old = (records.read(site, live) or {}).get("warnings", []) if live else []
    yield from (warning for warning in warnings if warning not in old)


def check(site: Site, new: str) -> list[str]:
    """The warnings of Django's checks; an error of theirs raises CommandFailed."""
    return _warnings(inside.python(site, new, "manage.py", "check", "--deploy", "--fail-level", "ERROR").splitlines())


def _warnings(said: list[str]) -> list[str]:
    """The warnings among the lines that the checks printed, but for those that are settled."""
    lines = [line.strip() for line in said if ": (" in line]
    warnings = [records.as_text(line) for line in lines if not ((found := WARNING.search(line)) and found[1] in SETTLED)]
    more = len(warnings) - MOST_WARNINGS
    return warnings[:MOST_WARNINGS] + ([f"and {more} more warnings; see them with: manage.py check --deploy"] if more > 0 else [])


def _migrations(site: Site, new: str, *arguments: str) -> dict:
    return inside.script(site, new, "own_migrations.py", *arguments, name="a look at the source's migrations", shape=KNOWN)


def _refuse_changes(changing: list[str]) -> None:
    if changing:
        raise StepFailed(f"models were changed without a migration: {_listed(changing)}; run manage.py makemigrations, and put what it writes into the source")


def _listed(texts: list[str]) -> str:
    return ", ".join([*texts[:MOST_CHANGES], *(["…"] if texts[MOST_CHANGES:] else [])])


def wsgi(service: Path) -> str:
    """The module that a unit names, its command's last word."""
    command = next(line for line in service.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart="))
    return command.split()[-1]
