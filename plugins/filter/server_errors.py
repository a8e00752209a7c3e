# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: server_errors
short_description: Say what is wrong with the servers of an operator's machine
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Checks a dict of servers as role P(shortstop.django.workstation#role) takes it, without touching anything.
positional: _input, name, paths
options:
  _input:
    description: The servers by name.
    type: dict
    required: true
  name:
    description: The name of the blocks, as for M(shortstop.django.marked_block).
    type: str
    required: true
  paths:
    description: The paths that the configuration of ssh is to name.
    type: list
    elements: str
    required: true
  names_enabled:
    description: Whether the hosts file gets their domains, for which it needs IP addresses.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check the servers
  ansible.builtin.assert:
    that: "{'blog': {'adress': '192.0.2.10'}} | shortstop.django.server_errors('production', ['~/.ssh/id_ed25519']) | length == 2"
"""

RETURN = r"""
_value:
  description: A sentence per mistake; empty if nothing is wrong.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import servers


class FilterModule:
    def filters(self):
        return {"server_errors": servers.server_errors}
