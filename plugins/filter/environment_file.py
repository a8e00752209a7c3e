# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: environment_file
short_description: Write variables as lines of a systemd environment file
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Every value without a line break and a NUL reaches the unit byte for byte.
options:
  _input:
    description: The variables by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the lines
  ansible.builtin.debug:
    msg: "{{ {'GREETING': 'hello \"world\"'} | shortstop.django.environment_file }}"
"""

RETURN = r"""
_value:
  description: A line per variable, sorted by name.
  type: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import environment


class FilterModule:
    def filters(self):
        return {"environment_file": environment.environment_file}
