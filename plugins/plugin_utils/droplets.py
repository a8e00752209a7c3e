# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dict of droplets must be like, and which names lead to which of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import HOST_NAME, as_dict, nearest, value_errors

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
TAG = re.compile(r"[a-z0-9_-]{1,200}")
WORDS = {"region": "a region, such as fra1", "size": "a size, such as s-1vcpu-1gb", "image": "an image, such as debian-13-x64, or the id of one"}
LISTS = {"tags": "a list of groups, such as [web, database]", "sites": "a list of names of sites", "ssh_keys": "a list of ids or fingerprints"}
SWITCHES = ("ipv6", "reserved_address", "backups", "monitoring")
KEYS = (*WORDS, *LISTS, *SWITCHES)


def droplet_errors(droplets: object, common: object, domains: object, sites: dict) -> list[str]:
    """Say everything that is wrong, a sentence each; an empty list means that the droplets can be made."""
    if not isinstance(droplets, dict):
        return ['"droplets" must be a dict of droplets by name, such as {web1: {region: fra1}}']
    if not isinstance(common, dict):
        return ['"droplet_common" must be a dict of keys that every droplet gets']
    errors = [f"droplet_common: {error}" for error in _key_errors(common, sites)]
    for name, given in droplets.items():
        say = f'droplet "{name}": '
        if not isinstance(name, str) or not NAME.fullmatch(name):
            errors.append(f"{say}a name is a host name of lower-case letters, digits, - and dots")
        if not isinstance(given, dict):
            errors.append(f"{say}must be a dict of keys, such as {{region: fra1}}")
            continue
        errors += [say + error for error in _key_errors(given, sites)]
        if "region" not in given and "region" not in common:
            errors.append(f'{say}key "region" is missing; say where it is to be, such as fra1')
    wrong = [str(domain) for domain in domains if not isinstance(domain, str) or not HOST_NAME.fullmatch(domain) or "." not in domain]
    errors += [f'droplet_domains: "{domain}" is no domain, such as example.com' for domain in wrong]
    return errors + (list(_name_errors(sites, domains)) if domains and not wrong else [])


def droplet_plan(sites: dict, droplets: dict, domains: list[str], made: list[dict], reserved: list[dict]) -> dict:
    """Which record sets the names get (`records`), and how the droplets are reached (`servers`).

    `made` and `reserved` are what the modules returned for each `droplet_name`. A name whose droplets are not there yet is left out.
    """
    there = {result["droplet_name"]: result for result in made if result["droplet"]["public_v4"]}
    ips = {result["droplet_name"]: result["ip"] for result in reserved if result.get("ip")}
    records = []
    for name in _names(sites):
        serving = [droplet for droplet, keys in droplets.items() if name in _served(sites, keys)]
        if serving and domains and all(droplet in there for droplet in serving):
            found = [there[droplet]["droplet"] for droplet in serving]
            own = [droplet["public_v4"] for droplet in found]
            v4 = [ips.get(droplet, there[droplet]["droplet"]["public_v4"]) for droplet in serving]
            v6 = [droplet["public_v6"] for droplet in found if droplet["public_v6"]]
            zone = zone_of(name, domains)
            records.append({"domain": zone, "name": name, "type": "A", "values": v4, "expected_values": sorted({*own, *v4})})
            records.append({"domain": zone, "name": name, "type": "AAAA", "values": v6, "expected_values": v6})
    servers = {
        name: {
            "address": result["droplet"]["public_v4"],
            # A hosts file has no wildcards.
            "domains": [domain for domain in _served(sites, droplets[name]) if not domain.startswith("*.")] if name in droplets else [],
            "fresh": bool(result.get("created") or result.get("rebuilt")),
        }
        for name, result in there.items()
    }
    return {"records": records, "servers": servers}


def names_of(sites: dict) -> dict:
    """The sites with nothing but what a name needs: whatever else they refer to, such as a vault, stays unread."""
    if not isinstance(sites, dict):
        return {}
    return {name: {key: site[key] for key in ("domains", "state") if key in site} for name, site in sites.items() if isinstance(site, dict)}


def zone_of(name: str, domains: list[str]) -> str | None:
    """The longest of the domains that holds a name."""
    return max((domain for domain in domains if name == domain or name.endswith(f".{domain}")), key=len, default=None)


def _served(sites: dict, keys: dict) -> list[str]:
    chosen = keys.get("sites")
    if chosen is None:
        chosen = list(sites) if "web" in keys["tags"] else []
    return _names({name: sites[name] for name in chosen})


def _names(sites: dict) -> list[str]:
    return [name for site in sites.values() if site.get("state", "present") == "present" for name in site["domains"]]


def _key_errors(given: dict, sites: dict) -> Iterator[str]:
    for key, value in given.items():
        say = f'key "{key}"'
        if key not in KEYS:
            yield f"{say} is not known{nearest(key, KEYS)}"
        elif key in WORDS and (not isinstance(value, str | int) or isinstance(value, bool) or not str(value)):
            yield f"{say} must be {WORDS[key]}"
        elif key in SWITCHES and not isinstance(value, bool):
            yield f"{say} must be true or false"
        elif key in LISTS and not isinstance(value, list):
            yield f"{say} must be {LISTS[key]}"
        elif key == "tags":
            yield from (f'{say}: "{tag}" is no group (lower-case letters, digits, _ and -)' for tag in value if not TAG.fullmatch(str(tag)))
        elif key == "sites":
            yield from (f'{say}: there is no site "{name}"{nearest(name, sites)}' for name in value if name not in sites)


def _name_errors(sites: dict, domains: list[str]) -> Iterator[str]:
    for name, site in sites.items():
        say = f'site "{name}": '
        if as_dict(sites, name).get("state", "present") != "present":
            continue
        wrong = list(value_errors("domains", as_dict(sites, name).get("domains")))
        yield from (say + error for error in wrong)
        if not wrong:
            outside = [domain for domain in site["domains"] if not zone_of(domain, domains)]
            yield from (f"{say}{domain} lies in none of droplet_domains; add the domain that holds it" for domain in outside)
