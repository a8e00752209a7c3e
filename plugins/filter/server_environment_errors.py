# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: server_environment_errors
short_description: Say which variables /etc/environment cannot carry
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: >-
  Logins (pam_env) and units (systemd) read C(/etc/environment) by different rules. What they would read differently
  belongs into the C(environment) of a site.
options:
  _input:
    description: The variables by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Check the variables of the server
  ansible.builtin.assert:
    that: "{'COLOUR': '#fff'} | shortstop.django.server_environment_errors | length == 1"
"""

RETURN = r"""
_value:
  description: A sentence per variable; empty if all can be carried.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import environment


class FilterModule:
    def filters(self):
        return {"server_environment_errors": environment.server_environment_errors}
