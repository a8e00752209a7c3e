"""DATABASES: the site's own databases take the place of those that the project's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import SettingsRefused
from .wanted import ENGINES, GIS, kind_of

if TYPE_CHECKING:
    from .table import Table

VENDORS = {"postgres": "postgresql", "sqlite": "sqlite"}  # as a connection names it
PORT = "5432"
NO_ENGINE = "django.db.backends."  # as templates of projects have it, to be completed
DUMMY = "django.db.backends.dummy"
# OPTIONS of PostgreSQL's client that say where to connect, and those that a unix socket has no use for.
PLACES = {"service", "passfile", "host", "hostaddr", "port", "user", "password", "dbname", "database", "requiressl", "target_session_attrs"}
PLACES |= {"load_balance_hosts", "assume_role"}
SSL = {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "sslnegotiation"}


def lay_over(table: Table) -> None:
    own = table.names.get("DATABASES") or {}
    if table.wanted.leaves("DATABASES"):
        return
    new = {alias: _entry(table, alias, entry) if isinstance(entry, dict) and alias in table.wanted.databases else entry for alias, entry in own.items()}
    for alias, database in table.wanted.databases.items():
        if alias not in own and alias != "default":
            new[alias] = {"ENGINE": ENGINES[database.kind, False], **database.settings}
            table.told.append(f"DATABASES[{alias!r}]: not set, here the site's")
    for alias, entry in own.items():
        if table.wanted.databases and alias not in table.wanted.databases and isinstance(entry, dict) and is_used(entry):
            table.told.append(f'DATABASES[{alias!r}]: is not a database of this site, and stays; key "databases" makes one')
    if new != own:
        table.names["DATABASES"] = new


def is_used(entry: dict) -> bool:
    """Whether an entry is a database. Without an engine Django takes it for none, which is hardly meant where it has a name."""
    return entry.get("ENGINE") != DUMMY and (_engine(entry) != "" or "NAME" in entry)


def _engine(entry: dict) -> str:
    """The engine of an entry, "" where Django would take none."""
    return "" if entry.get("ENGINE") in (None, NO_ENGINE) else str(entry["ENGINE"])


def _entry(table: Table, alias: str, entry: dict) -> dict:
    database = table.wanted.databases[alias]
    if not is_used(entry):
        return entry  # a project without a database
    engine = _engine(entry)
    kind = kind_of(engine)
    if kind == "other":
        raise SettingsRefused(
            f"DATABASES[{alias!r}] has the engine {engine}, and the database of this site is {database.kind}; give the site a project"
            ' for that, or "database: none", which leaves DATABASES as the project has it'
        )
    new, changed = dict(entry), []
    if not engine or kind not in (database.kind, ""):
        new["ENGINE"] = ENGINES[database.kind, GIS.search(engine) is not None]
        new.pop("OPTIONS", None)
        changed.append(f"ENGINE {new['ENGINE']}")
    elif options := entry.get("OPTIONS"):
        new["OPTIONS"] = _options(table, options, database.kind, is_local=not database.host)
        if gone := [name for name in options if name not in new["OPTIONS"]]:
            changed.append(f"OPTIONS without {', '.join(gone)}")
    places = database.settings
    if not _is_there(entry, places) and not (alias == "default" and _is_there(entry, _told_by_variables(table))):
        changed[:0] = [name for name in places if str(entry.get(name) or "") != places[name]]
        new.update(places)
    if changed:
        table.told.append(f"DATABASES[{alias!r}]: the site's {', '.join(changed)}")
    return new


def _is_there(entry: dict, places: dict[str, str]) -> bool:
    """Whether the entry leads there already. Where nothing else is said, PostgreSQL's socket knows the user by the system's."""
    given = {name: str(entry.get(name) or "") for name in places}
    defaults = {"USER": given["USER"] or places["USER"] if not places["HOST"] else given["USER"]}
    defaults["PORT"] = places["PORT"] if (given["PORT"] or PORT) == (places["PORT"] or PORT) else given["PORT"]
    return {**given, **defaults} == places


def _told_by_variables(table: Table) -> dict[str, str]:
    """Where the default database is by the variables that a project may read, of which the operator may have changed some."""
    names = {"NAME": "DB_NAME", "USER": "USER_NAME", "PASSWORD": "PASSWORD", "HOST": "HOST", "PORT": "PORT"}
    return {name: table.wanted.variables.get(f"DJANGO_PG_{variable}", "") for name, variable in names.items()}


def _options(table: Table, options: dict, kind: str, *, is_local: bool) -> dict:
    if kind != "postgres":
        return dict(options)
    kept = {name: value for name, value in options.items() if name not in (PLACES | SSL if is_local else PLACES)}
    of_run = table.wanted.variables.get("PGOPTIONS")
    # The client reads PGOPTIONS only where there are none.
    if of_run and kept.get("options"):
        kept["options"] = f"{kept['options']} {of_run}"
    return kept
