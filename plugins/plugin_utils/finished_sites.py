# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sites of a host as the roles read them: each with a value for every key, and the names of those to serve and to take away."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.shortstop.django.plugins.plugin_utils.contract import combined, named, site_entry
from ansible_collections.shortstop.django.plugins.plugin_utils.django_project import layout
from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import KEYS, defaults
from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import source_dir

DATABASE = {"engine": "postgres", "host": "", "port": 5432, "password": ""}
SUPERUSER = {"email": ""}
TIMER = {"every": "", "calendar": "", "timeout": 3600}
# The switches that each level of the sandbox turns on unasked.
ALLOWED = {"strict": [], "standard": ["executable_memory", "scheduling"], "off": []}


@dataclass(frozen=True)
class FinishedSites:
    """The sites of a host by name, and lists of names in the order of the dict of sites."""

    sites: dict[str, dict]
    present: list[str]
    absent: list[str]  # state: absent, then the orphans
    orphans: list[str]  # made on this host, and no longer in the dict of sites
    leaving: list[str]  # absent sites that are still there, and those whose kept data is to be purged
    asked: list[str]  # the present sites that `only` names, or all where it is empty
    limited: bool  # whether `only` is given


def finished_sites(
    sites: dict[str, dict],
    *,
    common: dict | None = None,
    installed: dict[str, dict] | None = None,
    kept: dict[str, dict] | None = None,
    inventory_dir: str = "",
    checkouts: dict[str, dict] | None = None,
    only: str = "",
) -> FinishedSites:
    """Finish the sites of a host. `sites` and `common` have passed the checks of module contract.

    `installed` and `kept` are the records of the sites that are there and of those whose data was kept, as module installed_sites returns
    them, `checkouts` says where the sources in git are, as module checkout returns it, and `only` is a selection of names. A run that is
    limited by `only` has no orphans.
    """
    installed, kept, checkouts = installed or {}, kept or {}, checkouts or {}
    limited, selected = only != "", named(only)
    orphans = [] if limited else [name for name in installed if name not in sites]
    gone = [name for name, given in sites.items() if given.get("state") == "absent"]
    present = [name for name in sites if name not in gone]
    records = {**kept, **installed}
    purged = [name for name in kept if name in gone and sites[name].get("purge")]
    entries = {**sites, **{name: {"state": "absent"} for name in orphans}}
    return FinishedSites(
        sites={
            name: finished_site(name, site_entry(common, given, records.get(name)), inventory_dir=inventory_dir, checkout=checkouts.get(name))
            for name, given in entries.items()
        },
        present=present,
        absent=gone + orphans,
        orphans=orphans,
        leaving=list(dict.fromkeys([*(name for name in gone + orphans if name in installed), *purged])),
        asked=[name for name in present if name in selected] if limited else present,
        limited=limited,
    )


def finished_site(name: str, entry: dict, *, inventory_dir: str = "", checkout: dict | None = None) -> dict:
    """One site with all that derives from its keys. `entry` is what it and `site_common` give."""
    given = combined(defaults(), entry)
    user = given.get("user", name)
    root = given.get("root", f"/srv/{name}")
    configuration_dir = f"/etc/shortstop/{name}"
    tls = given["tls"] or "off"  # YAML reads a bare `off` as a boolean
    domains = given.get("domains", [])
    database = finished_database(name, given)
    return {
        **given,
        **_project(given, inventory_dir, checkout or {"path": "", "revision": ""}),
        "name": name,
        "user": user,
        "root": root,
        "unit": f"gunicorn-{name}",
        "socket": f"{root}/live.sock",
        "static_dir": f"{root}/static",
        "media_dir": f"{root}/media",
        "state_dir": f"{root}/var",
        "configuration_dir": configuration_dir,
        "environment_file": f"{configuration_dir}/environment",
        "tls": tls,
        "scheme": "http" if tls == "off" else "https",
        "aliases": [domain for domain in domains[1:] if not domain.startswith("*")],
        "wildcards": [domain for domain in domains if domain.startswith("*")],
        "database": database,
        "databases": finished_databases(database, given["databases"]),
        "superuser": {**SUPERUSER, **given["superuser"]} if given["superuser"] else {},
        "timers": {timer: {**TIMER, **job} for timer, job in given["timers"].items()},
        "sandbox": _sandbox(given["sandbox"]),
    }


def finished_database(name: str, entry: dict) -> dict[str, object]:
    """The first database of a site."""
    user = entry.get("user", name)
    given = entry.get("database", KEYS["database"].default)
    return {**DATABASE, "name": user, "user": user, **(given if isinstance(given, dict) else {"engine": given})}


def finished_databases(first: dict, further: dict[str, dict]) -> dict[str, dict]:
    """The databases beside the first, by alias."""
    return {alias: {"name": f"{first['name']}_{alias}", **given} for alias, given in further.items()}


def _project(given: dict, inventory_dir: str, checkout: dict) -> dict[str, object]:
    """What the source says, unless the site says otherwise."""
    source = given.get("source", "")
    directory = source_dir(source, inventory_dir, checkout["path"])
    looked_for = {key: given.get(key, "") for key in ("settings", "wsgi", "requirements", "static_url", "media_url")}
    project = layout(directory, directory=source.get("directory", "") if isinstance(source, dict) else "", **looked_for)
    return {
        **{key: getattr(project, key) for key in (*looked_for, "configuration")},
        "source_dir": directory,
        "source_revision": checkout["revision"],
        "source_project_dir": project.directory,
        "source_told": project.told,
    }


def _sandbox(given: object) -> dict[str, object]:
    sandbox = {"level": "strict", "allow": [], "writable": [], **(given if isinstance(given, dict) else {"level": given})}
    level = sandbox["level"] or "off"
    return {**sandbox, "level": level, "allow": [*sandbox["allow"], *ALLOWED[level]]}
