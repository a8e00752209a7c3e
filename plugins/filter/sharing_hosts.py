# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: sharing_hosts
short_description: Say which hosts serve a site from the same database
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description: Compares the database that each host's C(sites) and C(site_common) give the site of this name, by its server, port and name.
positional: _input, site_name, database
options:
  _input:
    description: The variables of all hosts, by host.
    type: dict
    required: true
  site_name:
    description: The site's name.
    type: str
    required: true
  database:
    description: The site's C(database) as P(shortstop.django.finished_sites#filter) returns it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the hosts that share the database of each site
  ansible.builtin.debug:
    msg: "{{ hostvars | shortstop.django.sharing_hosts(site_name, site.database) }}"
  loop: "{{ site_names }}"
  loop_control: {loop_var: site_name}
"""

RETURN = r"""
_value:
  description: The hosts, in the order of the inventory. None if the database is on the site's own server.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils.database_sites import sharing_hosts


class FilterModule:
    def filters(self):
        return {"sharing_hosts": sharing_hosts}
