# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sites a database host keeps the databases of, out of what all web hosts say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.shortstop.django.plugins.plugin_utils.contract import site_entry


@dataclass(frozen=True)
class _Entry:
    name: str
    site: dict
    here: bool  # the database is on this host
    own: bool  # the site is on this host

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        return self.here, self.site.get("state") != "absent", self.own

    @property
    def database(self) -> tuple[str, ...]:
        """Its name, its owner's, and those of the site's further databases."""
        user = self.site.get("user", self.name)
        database = _database(self.site)
        name = database.get("name", user)
        further = [given.get("name", f"{name}_{alias}") for alias, given in self.site.get("databases", {}).items()]
        return name, database.get("user", user), *further


def database_sites(hostvars: Mapping, web: Iterable[str], host: str, names: Iterable[str]) -> dict[str, dict]:
    """The sites of a database host by name, out of the variables of all hosts, as filter `database_sites` documents it."""
    entries = sorted(_entries(hostvars, web, host, frozenset(names)), key=lambda entry: entry.rank)
    used = {text for entry in entries if entry.here and entry.site.get("state") != "absent" for text in entry.database}
    kept = {entry.name: entry for entry in entries if entry.here or entry.own}
    return {name: {**entry.site, "purge": False} if _takes_from(entry, used) else entry.site for name, entry in kept.items()}


def _entries(hostvars: Mapping, web: Iterable[str], host: str, names: frozenset[str]) -> Iterator[_Entry]:
    for server in web:
        variables = hostvars[server]
        installed = variables.get("__site_installed") or {}
        for name, given in (variables.get("sites") or {}).items():
            record = (installed.get("sites") or {}).get(name) or (installed.get("kept") or {}).get(name)
            site = site_entry(variables.get("site_common"), given, record)
            database = _database(site)
            where = database.get("host", "")
            here = database.get("engine", "postgres") == "postgres" and (where in names if where else server == host)
            yield _Entry(name, site, here, server == host)


def _database(site: dict) -> dict:
    database = site.get("database", "postgres")
    return database if isinstance(database, dict) else {"engine": database}


def _takes_from(entry: _Entry, used: set[str]) -> bool:
    """Whether a purge would take what a present site uses."""
    return entry.site.get("state") == "absent" and not used.isdisjoint(entry.database)
