#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_firewall
short_description: Keep a cloud firewall
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - A cloud firewall stands before droplets, which need not know of it. It is found by its name, and made to be exactly as it is told here.
  - "The token needs these scopes: C(firewall:read), C(firewall:create), C(firewall:update), C(firewall:delete), and with O(tags)
    C(tag:read) and C(tag:create)."
options:
  name:
    description: What it is called, of letters, digits, dots and dashes.
    type: str
    required: true
  inbound_rules:
    description: What may come in. Required when O(state=present).
    type: list
    elements: dict
    suboptions: &rules
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp, icmp]
        required: true
      ports:
        description: One port, or a range such as V(8000-9000), or V(all). ICMP has none.
        type: str
        default: all
      sources:
        description: From where.
        type: dict
        required: true
        suboptions: &targets
          addresses:
            description: Addresses and networks.
            type: list
            elements: str
          tags:
            description: The droplets with one of these tags.
            type: list
            elements: str
          droplet_ids:
            description: These droplets.
            type: list
            elements: int
          load_balancer_uids:
            description: These load balancers.
            type: list
            elements: str
  outbound_rules:
    description: What may go out. By default, everything, since a droplet that reaches nothing cannot be updated.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp, icmp]
        required: true
      ports:
        description: One port, or a range such as V(8000-9000), or V(all). ICMP has none.
        type: str
        default: all
      destinations:
        description: Where to.
        type: dict
        required: true
        suboptions: *targets
  tags:
    description: The droplets with one of these tags are behind it, also those that come later. A tag that does not exist is made.
    type: list
    elements: str
    default: []
  droplet_ids:
    description: These droplets are behind it.
    type: list
    elements: int
    default: []
  state:
    description: Whether there is to be such a firewall.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the firewall before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let the world in to SSH and the web, and to nothing else
  shortstop.django.digitalocean_firewall:
    name: shortstop
    tags: [shortstop]
    inbound_rules:
      - {protocol: tcp, ports: "22", sources: {addresses: [0.0.0.0/0, "::/0"]}}
      - {protocol: tcp, ports: "80", sources: {addresses: [0.0.0.0/0, "::/0"]}}
      - {protocol: tcp, ports: "443", sources: {addresses: [0.0.0.0/0, "::/0"]}}
      - {protocol: icmp, sources: {addresses: [0.0.0.0/0, "::/0"]}}
"""

RETURN = r"""
firewall_id:
  description: Its id. In check mode, null for one that would be made.
  returned: when O(state=present)
  type: str
"""

import ipaddress

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, ensure_tag, run_module
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError

ABOUT = 'firewall "{name}"'
SCOPES = ("firewall:read", "firewall:create", "firewall:update", "firewall:delete", "tag:read", "tag:create")
EVERYWHERE = {"addresses": ["0.0.0.0/0", "::/0"]}
EVERYTHING = [{"protocol": protocol, "ports": "all", "destinations": EVERYWHERE} for protocol in ("tcp", "udp", "icmp")]


def _rules(direction):
    targets = {
        "addresses": {"type": "list", "elements": "str"},
        "tags": {"type": "list", "elements": "str"},
        "droplet_ids": {"type": "list", "elements": "int"},
        "load_balancer_uids": {"type": "list", "elements": "str"},
    }
    rule = {
        "protocol": {"type": "str", "choices": ["tcp", "udp", "icmp"], "required": True},
        "ports": {"type": "str", "default": "all"},
        direction: {"type": "dict", "required": True, "options": targets},
    }
    return {"type": "list", "elements": "dict", "options": rule}


ARGUMENTS = {
    **OPTIONS,
    "name": {"type": "str", "required": True},
    "inbound_rules": _rules("sources"),
    "outbound_rules": _rules("destinations"),
    "tags": {"type": "list", "elements": "str", "default": []},
    "droplet_ids": {"type": "list", "elements": "int", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def apply(api, options, check_mode):
    name = options["name"]

    def find():
        return next((firewall for firewall in api.list_all("/v2/firewalls", "firewalls") if firewall["name"] == name), None)

    found = find()
    before = normalised(found) if found else {}
    if options["state"] == "absent":
        if found and not check_mode:
            api.delete(f"/v2/firewalls/{found['id']}")
        return {"changed": bool(found), "diff": {"before": before, "after": {}}}

    if not options["inbound_rules"]:
        raise ApiError("inbound_rules are missing; without any, no droplet behind it could be reached")
    after = normalised({**options, "outbound_rules": EVERYTHING if options["outbound_rules"] is None else options["outbound_rules"]})
    changed = before != after
    if not check_mode:
        if changed:
            for tag in _tags(after):
                ensure_tag(api, tag)
            found = _write(api, found, after, find)
        _wait(api, found)
    return {"changed": changed, "firewall_id": found["id"] if found else None, "diff": {"before": before, "after": after}}


def _write(api, found, wanted, find):
    if found:
        return api.put(f"/v2/firewalls/{found['id']}", _body(wanted))["firewall"]
    return api.create("/v2/firewalls", "firewall", _body(wanted), find)


def _wait(api, firewall):
    def look():
        now = api.get(f"/v2/firewalls/{firewall['id']}")["firewall"]
        if now["status"] == "failed":
            raise ApiError("it could not be put before its droplets; look into the control panel")
        return (now if now["status"] == "succeeded" else None), f"its status is {now['status']}"

    if firewall["status"] != "succeeded":
        api.wait("it stands before its droplets", look)


def normalised(firewall):
    """What counts of a firewall, in one spelling: the API gives lists in any order, and 0 for all ports."""
    return {
        "name": firewall["name"],
        "inbound_rules": _normalised_rules(firewall["inbound_rules"], "sources"),
        "outbound_rules": _normalised_rules(firewall["outbound_rules"], "destinations"),
        "tags": sorted(set(firewall["tags"] or [])),
        "droplet_ids": sorted(set(firewall["droplet_ids"] or [])),
    }


def _normalised_rules(rules, direction):
    """One rule for each protocol and ports, since two allow what one allows that has the targets of both."""
    found = {}
    for rule in rules or []:
        ports = str(rule.get("ports") or "0")
        ports = "all" if ports == "0" or rule["protocol"] == "icmp" else ports
        targets = found.setdefault((rule["protocol"], ports), {})
        for name, values in rule[direction].items():
            if values:
                targets.setdefault(name, set()).update(map(_network, values) if name == "addresses" else values)
    return [
        {"protocol": protocol, "ports": ports, direction: {name: sorted(values) for name, values in sorted(targets.items())}}
        for (protocol, ports), targets in sorted(found.items())
    ]


def _network(text):
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ApiError(f'"{text}" is no address and no network') from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _body(wanted):
    """As the API wants it told: it refuses the 0 that it tells, and any ports of ICMP."""

    def told(rule):
        return {name: value for name, value in rule.items() if name != "ports" or rule["protocol"] != "icmp"}

    return {**wanted, **{name: [told(rule) for rule in wanted[name]] for name in ("inbound_rules", "outbound_rules")}}


def _tags(wanted):
    targets = [rule["sources"] for rule in wanted["inbound_rules"]] + [rule["destinations"] for rule in wanted["outbound_rules"]]
    return sorted({*wanted["tags"], *(tag for target in targets for tag in target.get("tags", []))})


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
