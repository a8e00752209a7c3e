# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: hashed_trees
short_description: Replace the contents of files by their SHA-256
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Makes of lists of entries for module M(shortstop.django.tree) those that module M(shortstop.django.survey) compares with a host.
  - The contents stay on the controller, so what is compared is short, and no secret is sent.
positional: _input
options:
  _input:
    description: Lists of entries by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare the host with what this role wants
  shortstop.django.survey:
    trees: "{{ {'conf': conf_entries} | shortstop.django.hashed_trees }}"
"""

RETURN = r"""
_value:
  description: The same lists, with C(sha256) instead of C(content) and without C(validate).
  type: dict
"""

import hashlib


def hashed_trees(trees):
    return {name: [_hashed(entry) for entry in entries] for name, entries in trees.items()}


def _hashed(entry):
    kept = {key: value for key, value in entry.items() if key not in ("content", "validate")}
    return {**kept, "sha256": hashlib.sha256(entry["content"].encode("utf-8")).hexdigest()} if "content" in entry else kept


class FilterModule:
    def filters(self):
        return {"hashed_trees": hashed_trees}
