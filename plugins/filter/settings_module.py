# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: settings_module
short_description: Read which settings module a Django source uses
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Reads C(manage.py), where C(django-admin startproject) writes it. Nothing of the source is executed.
options:
  _input:
    description: The directory of the source on the controller.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the settings module
  ansible.builtin.debug:
    msg: "{{ '/home/me/blog' | shortstop.django.settings_module }}"
"""

RETURN = r"""
_value:
  description: A dotted name such as C(blog.settings), or an empty text if there is none to read.
  type: str
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import site_source


class FilterModule:
    def filters(self):
        return {"settings_module": site_source.settings_module}
