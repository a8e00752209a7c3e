#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_domain
short_description: Keep a domain in DigitalOcean's DNS
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Has DigitalOcean's name servers answer for a domain. Its registrar must name them, too.
  - Its records are another module's, M(shortstop.django.digitalocean_dns_record_set).
  - "The token needs these scopes: C(domain:read), and C(domain:create) or C(domain:delete)."
options:
  name:
    description: The domain, without a dot at its end.
    type: str
    required: true
  state:
    description: Whether the domain is to be in the account. V(absent) removes all of its records, whoever made them.
    type: str
    choices: [present, absent]
    default: present
  confirm:
    description: The domain once more, without which it is not removed.
    type: str
    default: ""
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the domain before and after.
    support: full
"""

EXAMPLES = r"""
- name: Answer for example.com
  shortstop.django.digitalocean_domain:
    name: example.com
"""

RETURN = r"""
name_servers:
  description: What the domain's registrar is to name. Empty in check mode for a domain that would be added.
  returned: when the domain is present
  type: list
  elements: str
  sample: [ns1.digitalocean.com, ns2.digitalocean.com, ns3.digitalocean.com]
"""

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, require_confirmation, run_module

ABOUT = 'domain "{name}"'
SCOPES = ("domain:read", "domain:create", "domain:delete")
ARGUMENTS = {
    **OPTIONS,
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "confirm": {"type": "str", "default": ""},
}


def apply(api, options, check_mode):
    name = options["name"].lower().rstrip(".")
    place = f"/v2/domains/{name}"
    there, wanted = api.get_if_there(place) is not None, options["state"] == "present"
    result = {"changed": there != wanted, "diff": {"before": {"domain": name} if there else {}, "after": {"domain": name} if wanted else {}}}
    if there and not wanted:
        require_confirmation(options["confirm"], name, "removing it removes all of its records, whoever made them")
    if result["changed"] and not check_mode:
        if wanted:
            api.create("/v2/domains", "domain", {"name": name}, lambda: (api.get_if_there(place) or {}).get("domain"))
        else:
            api.delete(place)
        there = wanted
    if not wanted:
        return result
    records = api.list_all(f"{place}/records", "domain_records", type="NS") if there else []
    return {**result, "name_servers": sorted(record["data"] for record in records if record["type"] == "NS" and record["name"] == "@")}


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
