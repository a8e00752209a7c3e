# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: source_dir
short_description: Find the directory of a site's source on the controller
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Knows where the bundled sites lie, in a checkout as in an installed collection. Does not look whether a directory is there.
positional: _input, inventory_dir, checkout
options:
  _input:
    description: The site's C(source), the name of a bundled site or a dict with C(path) or C(git).
    type: raw
    required: true
  inventory_dir:
    description: The directory that a relative path starts from.
    type: str
    required: true
  checkout:
    description: Where a source in git was checked out, as M(shortstop.django.checkout) returns it.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show where the bundled site is
  ansible.builtin.debug:
    msg: "{{ 'tatis' | shortstop.django.source_dir(inventory_dir) }}"
"""

RETURN = r"""
_value:
  description: An absolute path, or an empty text if the source names none.
  type: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import site_source


class FilterModule:
    def filters(self):
        return {"source_dir": site_source.source_dir}
