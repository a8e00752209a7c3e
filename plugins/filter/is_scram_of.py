# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: is_scram_of
short_description: Tell whether PostgreSQL keeps a password as it is given
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Compares the verifier of a role in PostgreSQL's catalog C(pg_authid) with a password, as RFC 5803 and RFC 7677 say.
  - A verifier of another kind is never the password's, and neither is one of a password that holds other characters than ASCII, which would need to be
    normalized.
positional: _input, password
options:
  _input:
    description: The verifier, such as C(SCRAM-SHA-256$4096:...).
    type: str
    required: true
  password:
    description: The password.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Give the role its password
  when: not verifier | shortstop.django.is_scram_of(password)
  ansible.builtin.include_tasks: password.yml
"""

RETURN = r"""
_value:
  description: Whether the verifier is the password's.
  type: bool
"""

import base64
import hashlib
import hmac
import re

VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):[A-Za-z0-9+/=]+")


def is_scram_of(verifier, password):
    found = VERIFIER.fullmatch(verifier)
    if not found or not password.isascii():
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), base64.b64decode(found[2]), int(found[1]))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return hmac.compare_digest(stored, base64.b64decode(found[3]))


class FilterModule:
    def filters(self):
        return {"is_scram_of": is_scram_of}
