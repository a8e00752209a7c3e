#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_reserved_ip
short_description: Keep a reserved IP address with a droplet
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - A reserved address outlives the droplet that it leads to. A droplet that has one keeps it.
  - "The token needs these scopes: C(reserved_ip:read), C(droplet:read), and C(reserved_ip:create) to reserve an address,
    C(reserved_ip:update) to assign one, C(reserved_ip:delete) to release one."
options:
  droplet_id:
    description: The droplet's number.
    type: int
    required: true
  region:
    description:
      - The droplet's region, such as V(fra1). Given that, an address that lies reserved there without a droplet is taken, the lowest of
        several, before another is reserved. So a droplet that takes the place of a destroyed one gets the same address.
      - By default, or where none lies there, another is reserved.
    type: str
  state:
    description: Whether the droplet is to have a reserved address. V(absent) releases the one it has, which then may become anybody's.
    type: str
    choices: [present, absent]
    default: present
  confirm:
    description: The droplet's name, without which no address is released.
    type: str
    default: ""
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows which droplet the address leads to, before and after.
    support: full
"""

EXAMPLES = r"""
- name: Give the droplet an address that outlives it
  shortstop.django.digitalocean_reserved_ip:
    droplet_id: "{{ made.droplet.id }}"
    region: "{{ made.droplet.region }}"
  register: reserved
"""

RETURN = r"""
ip:
  description: The address. In check mode, null for one that would be reserved.
  returned: when O(state=present)
  type: str
  sample: 203.0.113.10
"""

import ipaddress

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, require_confirmation, run_module

ABOUT = "reserved IP of droplet {droplet_id}"
SCOPES = ("reserved_ip:read", "reserved_ip:create", "reserved_ip:update", "reserved_ip:delete", "droplet:read")
ARGUMENTS = {
    **OPTIONS,
    "droplet_id": {"type": "int", "required": True},
    "region": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "confirm": {"type": "str", "default": ""},
}


def apply(api, options, check_mode):
    droplet_id = options["droplet_id"]
    addresses = _read(api) if check_mode else _arrived(api, droplet_id)
    found = next((address for address in addresses if _droplet_of(address) == droplet_id), None)
    if options["state"] == "absent":
        if found:
            require_confirmation(options["confirm"], found["droplet"]["name"], f"{found['ip']} would be released, and may become anybody's")
            if not check_mode:
                _lead(api, found["ip"], None)
                api.delete(f"/v2/reserved_ips/{found['ip']}")
        return {"changed": bool(found), "diff": _diff(found, droplet_id, None)}

    free = [address for address in addresses if _droplet_of(address) is None and address["region"]["slug"] == options["region"]]
    taken = found or min(free, key=lambda address: ipaddress.ip_address(address["ip"]), default=None)
    if not found and not check_mode:
        if taken:
            _lead(api, taken["ip"], droplet_id)
        else:
            taken = _reserve(api, droplet_id, addresses)
    ip = taken["ip"] if taken else None
    return {"changed": not found, "ip": ip, "diff": _diff({"ip": ip}, droplet_id if found else None, droplet_id)}


def _read(api):
    return api.list_all("/v2/reserved_ips", "reserved_ips")


def _arrived(api, droplet_id):
    """All addresses, when none is on its way that may be ours: one that was reserved just now leads nowhere for a while."""

    def look():
        addresses = _read(api)
        on_the_way = [address["ip"] for address in addresses if address.get("locked") and _droplet_of(address) in (None, droplet_id)]
        return (None if on_the_way else addresses), f"{', '.join(on_the_way)} is on its way"

    return api.wait("each address has arrived", look)


def _reserve(api, droplet_id, known):
    def find():
        return next((address for address in _read(api) if address["ip"] not in [other["ip"] for other in known]), None)

    address = api.create("/v2/reserved_ips", "reserved_ip", {"droplet_id": droplet_id}, find)
    _wait(api, address["ip"], droplet_id)
    return address


def _lead(api, ip, droplet_id):
    """Leads the address to a droplet, or to none, as the API wants it before a release."""
    place = f"/v2/reserved_ips/{ip}"
    body = {"type": "assign", "droplet_id": droplet_id} if droplet_id else {"type": "unassign"}

    def find():
        now = api.get(place)["reserved_ip"]
        return now if _droplet_of(now) == droplet_id or now.get("locked") else None

    api.create(f"{place}/actions", "action", body, find)
    _wait(api, ip, droplet_id)


def _wait(api, ip, droplet_id):
    def look():
        now = api.get(f"/v2/reserved_ips/{ip}")["reserved_ip"]
        there = _droplet_of(now)
        return (True if there == droplet_id and not now.get("locked") else None), f"it leads to {there or 'none'}"

    api.wait(f"{ip} leads to droplet {droplet_id}" if droplet_id else f"{ip} leads to no droplet", look)


def _droplet_of(address):
    return (address["droplet"] or {}).get("id")


def _diff(address, before, after):
    def shown(droplet_id):
        return {"ip": address["ip"], "droplet_id": droplet_id} if address and droplet_id else {}

    return {"before": shown(before), "after": shown(after)}


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
