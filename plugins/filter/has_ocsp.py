# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: has_ocsp
short_description: Tell whether a certificate's authority answers by OCSP
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Reads the certificate's authority information access. Nobody is asked.
options:
  _input:
    description: A certificate in PEM; of a chain, the first counts.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show whether answers can be stapled
  ansible.builtin.debug:
    msg: "{{ site.certificate.cert | shortstop.django.has_ocsp }}"
"""

RETURN = r"""
_value:
  description: Whether it names an address of its authority's OCSP service.
  type: bool
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import certificates


class FilterModule:
    def filters(self):
        return {"has_ocsp": certificates.has_ocsp}
