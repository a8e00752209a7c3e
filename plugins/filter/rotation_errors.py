# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_errors
short_description: Say why secrets of a site cannot be rotated
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Compares what the inventory gives with what the live release has. No sentence holds a value.
positional: _input, what, live
options:
  _input:
    description: The site, as role P(shortstop.django.site#role) has it.
    type: dict
    required: true
  what:
    description: V(secret_key), V(database_password) or both, separated by a comma.
    type: str
    required: true
  live:
    description: The variables of the live release, as P(shortstop.django.environment_values#filter) reads them. Empty where nothing is live.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Expect that the secret key can be rotated
  ansible.builtin.assert:
    that: site | shortstop.django.rotation_errors('secret_key', live) | length == 0
"""

RETURN = r"""
_value:
  description: A sentence per reason, empty if they can be rotated.
  type: list
  elements: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import rotation


class FilterModule:
    def filters(self):
        return {"rotation_errors": rotation.rotation_errors}
