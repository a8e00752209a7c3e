# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: droplet_errors
short_description: Say what is wrong with a dict of droplets
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description: Checks a dict of droplets as role P(shortstop.django.droplet#role) takes it, without asking anybody.
options:
  _input:
    description: The droplets by name.
    type: dict
    required: true
  common:
    description: Keys that every droplet gets.
    type: dict
    default: {}
  domains:
    description: The domains in which the names of the sites lie.
    type: list
    elements: str
    default: []
  sites:
    description: The sites by name. Only their domains are looked at.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check the droplets
  ansible.builtin.assert:
    that: "{'web1': {'regoin': 'fra1'}} | shortstop.django.droplet_errors | length == 2"
"""

RETURN = r"""
_value:
  description: A sentence per mistake; empty if nothing is wrong.
  type: list
  elements: str
"""

from ansible.template import accept_lazy_markers

from ansible_collections.shortstop.django.plugins.plugin_utils import droplets as core


@accept_lazy_markers
def droplet_errors(droplets, common=None, domains=(), sites=None):
    return core.droplet_errors(droplets, common or {}, domains, core.names_of(sites or {}))


class FilterModule:
    def filters(self):
        return {"droplet_errors": droplet_errors}
