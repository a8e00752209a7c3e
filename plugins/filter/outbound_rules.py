# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: outbound_rules
short_description: Tell systemd what a site may reach over IP
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Makes lines of a service unit of a site's C(outbound), and of what the site was evidently given.
positional: _input
options:
  _input:
    description: C(public), C(any), addresses and networks.
    type: list
    elements: str
    required: true
  nameservers:
    description: The name servers of the host, which a site that reaches anything may ask.
    type: list
    elements: str
    default: []
  database:
    description: The host of the site's database. A name adds nothing.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ ['10.0.0.11'] | shortstop.django.outbound_rules(nameservers=['192.0.2.53']) }}"
"""

RETURN = r"""
_value:
  description: Lines such as C(IPAddressDeny=any); none if the site reaches everything.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import outbound


class FilterModule:
    def filters(self):
        return {"outbound_rules": outbound.rules}
