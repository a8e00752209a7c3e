# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: outbound_unreached
short_description: Say which addresses a site may not reach
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Compares addresses with a site's C(outbound).
positional: _input, addresses
options:
  _input:
    description: C(public), C(any), addresses and networks.
    type: list
    elements: str
    required: true
  addresses:
    description: The addresses to ask about.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is out of reach, which is the second
  ansible.builtin.debug:
    msg: "{{ ['public'] | shortstop.django.outbound_unreached(['192.0.2.1', '10.0.0.11']) }}"
"""

RETURN = r"""
_value:
  description: Those of the addresses that are not let through.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import outbound


class FilterModule:
    def filters(self):
        return {"outbound_unreached": lambda given, addresses: list(outbound.unreached(given, addresses))}
