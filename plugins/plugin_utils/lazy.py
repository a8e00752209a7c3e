# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies of what Ansible hands to a filter, whose values it resolves one by one when they are read."""

from __future__ import annotations

from jinja2 import Undefined as JinjaUndefined

from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import Undefined


def plain(value: object) -> object:
    """Copy a lazily templated structure, with a stand-in where a reference leads nowhere.

    Only a filter that accepts lazy markers meets such a reference. For others, reading it fails.
    """
    if isinstance(value, JinjaUndefined):
        return Undefined()
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, list):
        return [plain(value[index]) for index in range(len(value))]
    return value
