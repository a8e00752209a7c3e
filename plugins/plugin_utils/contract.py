# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dict of sites must be like: everything that is wrong with it, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import HOUSE_WIDE, KEYS
from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import source_errors
from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import RESERVED_NAMES, SITE_NAME, as_dict, nearest, texts, value_errors
from ansible_collections.shortstop.django.plugins.plugin_utils.site_whole import (
    database_errors,
    job_errors,
    superuser_errors,
    tls_errors,
    url_errors,
    variable_errors,
)

NO_DATABASE_HERE = 'key "database": this host keeps no PostgreSQL; add it to the group of database hosts, or write sqlite, none or {host: HOST, password: …}'


def site_errors(
    sites: object,
    *,
    common: object = None,
    inventory_dir: str = "",
    required: tuple[str, ...] = ("domains",),
    elsewhere: tuple[dict, ...] = (),
    only: str = "",
    reserved: tuple[str, ...] = (),
    database_here: bool = True,
    checkouts: dict | None = None,
    dns_challenges: bool = True,
    records: dict | None = None,
) -> list[str]:
    """Say everything that is wrong with a dict of sites, a sentence each; an empty list means that it can be served.

    `common` is what holds for every site, `elsewhere` the dicts of the other hosts, `only` a comma-separated selection
    of names, `reserved` further names that are no site's, `database_here` whether the host keeps a PostgreSQL of its own,
    `checkouts` where the sources in git are by site, as module checkout returns it; one that is missing there is not looked into,
    `dns_challenges` whether a certificate for a wildcard can be had, `records` what the host's sites were when they were made, by name.
    """
    if not isinstance(sites, dict):
        return ['"sites" must be a dict of sites by name, such as {blog: {domains: [blog.example.com], source: …}}']
    common_errors = list(_common_errors(common or {}))
    merged = {name: site_entry(common, given) for name, given in sites.items() if isinstance(given, dict)}
    errors = [*common_errors, *_only_errors(only, sites)]
    for name, given in sites.items():
        say = f'site "{name}": '
        if not isinstance(name, str) or not SITE_NAME.fullmatch(name):
            errors.append(f"{say}a name is a lower-case letter, then up to 30 letters, digits or _")
        elif name in RESERVED_NAMES or name in reserved:
            errors.append(f"{say}this name belongs to the system; choose another")
        if not isinstance(given, dict):
            errors.append(f"{say}must be a dict of keys, such as {{domains: [blog.example.com], source: …}}")
            continue
        found = list(_key_errors(merged[name], given, required, dns_challenges=dns_challenges))
        if not found and not common_errors and given.get("state") != "absent":
            found = list(source_errors(merged[name], inventory_dir, as_dict(checkouts, name).get("path", "")))
            if not database_here and merged[name].get("database", "postgres") == "postgres":
                found.append(NO_DATABASE_HERE)
        errors += [say + error for error in found]
    whole = {name: site_entry(common, sites[name], as_dict(records, name)) for name in merged}
    return errors + _clashes(whole) + _clashes_elsewhere(whole, elsewhere)


def site_entry(common: object, given: dict, record: dict | None = None) -> dict:
    """A site over what holds for every site, merged as Ansible's recursive combine does.

    An absent site's record, which says what it was, lies between the two.
    """
    common = {key: value for key, value in common.items() if key in HOUSE_WIDE} if isinstance(common, dict) else {}
    return combined(combined(common, record or {}) if given.get("state") == "absent" else common, given)


def combined(below: dict, above: dict) -> dict:
    """Two dicts merged as Ansible's recursive combine does."""
    dicts = {key: combined(as_dict(below, key), value) for key, value in above.items() if isinstance(value, dict)}
    return {**below, **above, **dicts}


def named(only: object) -> list[str]:
    """The names in a selection of sites, which commas or spaces separate."""
    return re.findall(r"[^,\s]+", str(only))


def _common_errors(common: object) -> Iterator[str]:
    if not isinstance(common, dict):
        yield '"site_common" must be a dict of keys that every site gets'
        return
    for key, value in common.items():
        if key in HOUSE_WIDE:
            yield from (f"site_common: {error}" for error in value_errors(key, value))
        elif key in KEYS:
            yield f'site_common: key "{key}" is each site\'s own; give it below the site'
        else:
            yield f'site_common: key "{key}" is not known{nearest(key, HOUSE_WIDE)}'


def _only_errors(only: object, sites: dict) -> Iterator[str]:
    for name in named(only):
        if name not in sites:
            yield f'only: there is no site "{name}"; the sites are {", ".join(map(str, sites))}'


def _key_errors(merged: dict, given: dict, required: tuple[str, ...], *, dns_challenges: bool) -> Iterator[str]:
    for key in given:
        if key not in KEYS:
            yield f'key "{key}" is not known{nearest(key, KEYS)}'
    if merged.get("state") != "absent":
        for key in required:
            if key not in merged:
                yield f'key "{key}" is missing; {KEYS[key].description[0].lower()}{KEYS[key].description[1:]}'
    for key, value in given.items():
        if key in KEYS:
            yield from value_errors(key, value)
    yield from database_errors(merged)
    if merged.get("state") != "absent":
        yield from url_errors(merged)
        yield from variable_errors(merged)
        yield from superuser_errors(merged.get("superuser"))
        yield from tls_errors(merged, given, dns_challenges=dns_challenges)
        yield from job_errors(merged)
        if merged.get("purge") is True:
            yield 'key "purge" goes with "state: absent" only'


def _claims(name: str, site: dict) -> Iterator[tuple[str, str]]:
    """What only one site may have: (what, which)."""
    for domain in dict.fromkeys(texts(site.get("domains"))):
        yield "domain", domain
    user = site.get("user", name)
    yield from (("user", text) for text in texts([user]))
    yield from (("root", str(PurePosixPath(text))) for text in texts([site.get("root", f"/srv/{name}")]))
    database = as_dict(site, "database")
    where = texts([database.get("name", user), database.get("host")])
    if len(where) == 2:
        yield from (("database", " on ".join(filter(None, [text, where[1]]))) for text in (where[0], *_further(name, site)))


def _further(name: str, site: dict) -> list[str]:
    """The names of a site's further databases."""
    given = as_dict(site, "databases")
    first = as_dict(site, "database").get("name", site.get("user", name))
    return texts([as_dict(given, alias).get("name", f"{first}_{alias}") for alias in given])


def _further_clashes(sites: dict) -> Iterator[str]:
    """Further databases on this server that are another site's. The first one on this server has its user's name, which is claimed."""
    here = {name: site for name, site in _present(sites) if site.get("database", "postgres") == "postgres"}
    owners = {user: name for name, site in here.items() for user in texts([site.get("user", name)])}
    for name, site in here.items():
        for database in _further(name, site):
            owner = owners.setdefault(database, name)
            if owner != name:
                yield f'site "{name}": key "databases": database "{database}" is also claimed by site "{owner}"; each needs its own'


def _present(sites: dict) -> Iterator[tuple[str, dict]]:
    return ((name, site) for name, site in sites.items() if isinstance(site, dict) and site.get("state") != "absent")


def _clashes(sites: dict) -> list[str]:
    errors, owners = [], {}
    for name, site in _present(sites):
        for what, which in _claims(name, site):
            owner = owners.setdefault((what, which), name)
            if owner != name:
                errors.append(f'site "{name}": {what} "{which}" is also claimed by site "{owner}"; each needs its own')
    errors += [*_further_clashes(sites), *(error for name, site in _present(sites) for error in _nested(name, site, sites))]
    return errors + [error for name, site in sites.items() if _purges(site) for error in _purges_of_others(name, site, sites)]


def _root(name: str, site: dict) -> PurePosixPath | None:
    root = site.get("root", f"/srv/{name}")
    return PurePosixPath(root) if isinstance(root, str) else None


def _nested(name: str, site: dict, sites: dict) -> Iterator[str]:
    """What a site has or may write in the directory of another one, which takes it away when it is purged."""
    root, sandbox = _root(name, site), as_dict(site, "sandbox")
    for other, root_of_other in ((other, _root(other, given)) for other, given in sites.items() if other != name):
        if root and root_of_other and root_of_other in root.parents:
            yield f'site "{name}": root "{root}" lies in the root of site "{other}"; each needs a directory of its own'
        for path in texts(sandbox.get("writable")):
            if root_of_other and root_of_other in (PurePosixPath(path), *PurePosixPath(path).parents):
                yield f'site "{name}": key "sandbox": "writable" holds {path}, which is of site "{other}"; take it out'


def _purges(site: dict) -> bool:
    return site.get("state") == "absent" and site.get("purge") is True


def _purges_of_others(name: str, purged: dict, sites: dict) -> Iterator[str]:
    """What would go with an absent site though a present one has it."""
    claims = dict.fromkeys(claim for claim in _claims(name, purged) if claim[0] != "domain")
    for other, site in _present({other: site for other, site in sites.items() if other != name}):
        shared = [claim for claim in claims if claim in set(_claims(other, site))]
        yield from (f'site "{name}": key "purge" would take {what} "{which}" away, which site "{other}" has; take "purge" out' for what, which in shared)


def _clashes_elsewhere(sites: dict, elsewhere: tuple[dict, ...]) -> list[str]:
    """Another host may serve the same site, of a domain in common, if both get the same secrets; no two sites share a domain."""
    errors = []
    others = [(name, site) for other in elsewhere if isinstance(other, dict) for name, site in _present(other)]
    domains = {domain: name for name, site in others for domain in texts(site.get("domains"))}
    for name, site in _present(sites):
        for domain in texts(site.get("domains")):
            owner = domains.get(domain, name)
            if owner != name:
                errors.append(f'site "{name}": domain "{domain}" is also claimed by site "{owner}" on another host; each needs its own')
        shared = any((domain, name) in domains.items() for domain in texts(site.get("domains")))
        if shared and "DJANGO_SECRET_KEY" not in as_dict(site, "environment"):
            errors.append(f'site "{name}": key "environment": several hosts serve this site, so DJANGO_SECRET_KEY must come from the vault')
        if shared and "host" not in as_dict(site, "database") and site.get("database") != "none":
            errors.append(f'site "{name}": key "database": several hosts serve this site, so it needs a database that all reach: {{host: HOST, …}}')
    return errors
