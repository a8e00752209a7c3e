# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: environment_values
short_description: Read the variables of a systemd environment file
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: The way back from P(shortstop.django.environment_file#filter). Lines that it would not have written are left out.
options:
  _input:
    description: The text of the file.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the names
  ansible.builtin.debug:
    msg: "{{ ('GREETING=\"hello\"' | shortstop.django.environment_values).keys() }}"
"""

RETURN = r"""
_value:
  description: The values by name. Of a name that stands there twice the last one counts.
  type: dict
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import environment


class FilterModule:
    def filters(self):
        return {"environment_values": environment.environment_values}
