# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: pinned_hosts
short_description: Decide which host keys an operator's machine trusts
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Takes the keys that a server was given, else those that it showed when it had just been made, else those that are pinned already.
  - Says where lines of somebody else's contradict them, and for which servers no key is known.
positional: _input, servers, name
options:
  _input:
    description: The text of C(known_hosts).
    type: str
    required: true
  servers:
    description: The servers by name, with the keys C(address), C(port) and C(host_keys).
    type: dict
    required: true
  name:
    description: The name of the block that holds the pins, as for M(shortstop.django.marked_block).
    type: str
    required: true
  scanned:
    description: What C(ssh-keyscan) printed, by the names of the servers that were just made.
    type: dict
    default: {}
  path:
    description: Where the file is, for the sentences.
    type: str
    default: ~/.ssh/known_hosts
"""

EXAMPLES = r"""
- name: Show the pins
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', '~/.ssh/known_hosts') | shortstop.django.pinned_hosts(servers, 'production') }}"
"""

RETURN = r"""
_value:
  description: What the block is to hold (C(lines)), what must stop the run (C(errors)) and what the operator should know (C(hints)), in sentences.
  type: dict
"""

import dataclasses

from ansible_collections.shortstop.django.plugins.plugin_utils.known_hosts import pins


def pinned_hosts(text, servers, name, scanned=None, path="~/.ssh/known_hosts"):
    return dataclasses.asdict(pins(text, servers, name, scanned=scanned or {}, path=path))


class FilterModule:
    def filters(self):
        return {"pinned_hosts": pinned_hosts}
