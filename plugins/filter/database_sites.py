# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: database_sites
short_description: Say which sites a database host keeps the databases of
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Merges the dicts of sites of all web hosts into the one that a database host goes by, each entry over its host's C(site_common).
  - >-
    Of several entries of one name, the one whose database is on this host wins, then a present one, then the host's own. An absent
    entry lies over the record that its host keeps of the site. What a present site uses is not purged.
positional: _input
options:
  _input:
    description: The variables of all hosts, by host.
    type: dict
    required: true
  web:
    description: The web hosts.
    type: list
    elements: str
    required: true
  host:
    description: The database host.
    type: str
    required: true
  names:
    description: The names under which sites mean that host.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Read which sites have their database here
  ansible.builtin.set_fact:
    sites: "{{ hostvars | shortstop.django.database_sites(groups['web'], inventory_hostname, postgres_names) }}"
"""

RETURN = r"""
_value:
  description: The sites by name. Those of this host's own whose database is elsewhere are among them.
  type: dict
"""

from ansible_collections.shortstop.django.plugins.plugin_utils.database_sites import database_sites


class FilterModule:
    def filters(self):
        return {"database_sites": database_sites}
