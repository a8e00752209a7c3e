# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: htpasswd
short_description: Write users and passwords as lines of a password file
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - The passwords are hashed as crypt(3) does it with SHA-512. No package is needed for it, neither on the controller nor on the server.
  - The same users get the same lines each time, since the salt comes from the name of the user and of the place.
positional: _input, place
options:
  _input:
    description: The passwords by user.
    type: dict
    required: true
  place:
    description: What the users are let into, so that the same user has another salt elsewhere.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Let Ada in
  ansible.builtin.copy:
    content: "{{ {'ada': vault_ada_password} | shortstop.django.htpasswd('blog') }}"
    dest: /etc/nginx/passwords/blog
    mode: "0640"
    group: www-data
  no_log: true
"""

RETURN = r"""
_value:
  description: A line per user, sorted by name.
  type: str
"""

from hashlib import sha256

from ansible_collections.shortstop.django.plugins.plugin_utils.sha512_crypt import sha512_crypt


def htpasswd(users, place):
    def salt(user):
        return sha256(f"{place}:{user}".encode()).hexdigest()[:16]

    return "".join(f"{user}:{sha512_crypt(str(users[user]), salt(user))}\n" for user in sorted(users))


class FilterModule:
    def filters(self):
        return {"htpasswd": htpasswd}
