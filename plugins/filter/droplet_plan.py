# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: droplet_plan
short_description: Say which names lead to which droplets
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - A site's names lead to each droplet that has it among its C(sites), or that is in group C(web) and has no such key.
  - A name whose droplets have no address yet is left out.
positional: _input, droplets, domains, made, reserved
options:
  _input:
    description: The sites by name. Only their domains are looked at.
    type: dict
    required: true
  droplets:
    description: The droplets by name, with all their keys.
    type: dict
    required: true
  domains:
    description: The domains in which the names lie. The longest that fits is a name's.
    type: list
    elements: str
    required: true
  made:
    description: What M(shortstop.django.digitalocean_droplet) returned in a loop whose variable is C(droplet_name).
    type: list
    elements: dict
    required: true
  reserved:
    description: What M(shortstop.django.digitalocean_reserved_ip) returned in such a loop.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show which names lead where
  ansible.builtin.debug:
    msg: "{{ (sites | shortstop.django.droplet_plan(droplets, ['example.com'], made.results)).records }}"
"""

RETURN = r"""
_value:
  description: >-
    C(records), options of M(shortstop.django.digitalocean_dns_record_set), and C(servers), for role P(shortstop.django.workstation#role).
  type: dict
"""

from ansible.template import accept_lazy_markers

from ansible_collections.shortstop.django.plugins.plugin_utils import droplets as core


@accept_lazy_markers
def droplet_plan(sites, droplets, domains, made, reserved=()):
    return core.droplet_plan(core.names_of(sites), droplets, domains, made, reserved)


class FilterModule:
    def filters(self):
        return {"droplet_plan": droplet_plan}
