# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_days_left
short_description: Tell how many days a certificate has left
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description: Reads when the certificate ends. Whether it can be trusted is not looked at.
options:
  _input:
    description: A certificate in PEM; of a chain, the first counts.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show how long it lasts
  ansible.builtin.debug:
    msg: "{{ site.certificate.cert | shortstop.django.certificate_days_left }}"
"""

RETURN = r"""
_value:
  description: The whole days that are left, negative once it has ended.
  type: int
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import certificates


class FilterModule:
    def filters(self):
        return {"certificate_days_left": certificates.days_left}
