# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which sites a database host keeps the databases of, and which hosts share one, out of what all hosts say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.shortstop.django.plugins.plugin_utils.contract import site_entry
from ansible_collections.shortstop.django.plugins.plugin_utils.finished_sites import finished_database, finished_databases


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
        database = finished_database(self.name, self.site)
        further = finished_databases(database, self.site.get("databases", {}))
        return database["name"], database["user"], *(given["name"] for given in further.values())


def database_sites(hostvars: Mapping, web: Iterable[str], host: str, names: Iterable[str]) -> dict[str, dict]:
    """The sites of a database host by name, out of the variables of all hosts, as filter `database_sites` documents it."""
    entries = sorted(_entries(hostvars, web, host, frozenset(names)), key=lambda entry: entry.rank)
    used = {text for entry in entries if entry.here and entry.site.get("state") != "absent" for text in entry.database}
    kept = {entry.name: entry for entry in entries if entry.here or entry.own}
    return {name: {**entry.site, "purge": False} if _takes_from(entry, used) else entry.site for name, entry in kept.items()}


def sharing_hosts(hostvars: Mapping, name: str, database: dict) -> list[str]:
    """The hosts that serve a site from the same database of another server, as filter `sharing_hosts` documents it."""
    return [host for host in hostvars if _shares(hostvars[host], name, database)] if database["host"] else []


def _shares(variables: Mapping, name: str, database: dict) -> bool:
    sites = variables.get("sites") or {}
    return name in sites and _place(finished_database(name, site_entry(variables.get("site_common"), sites[name]))) == _place(database)


def _place(database: dict) -> tuple[str, int, str]:
    return database["host"], int(database["port"]), database["name"]


def _entries(hostvars: Mapping, web: Iterable[str], host: str, names: frozenset[str]) -> Iterator[_Entry]:
    for server in web:
        variables = hostvars[server]
        installed = variables.get("__site_installed") or {}
        for name, given in (variables.get("sites") or {}).items():
            record = (installed.get("sites") or {}).get(name) or (installed.get("kept") or {}).get(name)
            site = site_entry(variables.get("site_common"), given, record)
            database = finished_database(name, site)
            where = database["host"]
            here = database["engine"] == "postgres" and (where in names if where else server == host)
            yield _Entry(name, site, here, server == host)


def _takes_from(entry: _Entry, used: set[str]) -> bool:
    """Whether a purge would take what a present site uses."""
    return entry.site.get("state") == "absent" and not used.isdisjoint(entry.database)
