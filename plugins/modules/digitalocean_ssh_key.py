#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_ssh_key
short_description: Keep a public SSH key in a DigitalOcean account
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - A key that is in the account is put into a droplet when the droplet is made. Taking it from the account takes it from no droplet.
  - "The token needs these scopes: C(ssh_key:read), and C(ssh_key:create) or C(ssh_key:delete)."
options:
  public_key:
    description: The key as it stands in a file such as C(id_ed25519.pub). The account is searched for it, whatever its name there.
    type: str
    required: true
  name:
    description: What a key that is added is called. One that is there keeps its name.
    type: str
    required: true
  state:
    description: Whether the key is to be in the account.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the key before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let droplets know my key
  shortstop.django.digitalocean_ssh_key:
    name: me@laptop
    public_key: "{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"
  register: key

- name: Make a droplet that lets it in
  shortstop.django.digitalocean_droplet:
    name: web
    region: fra1
    size: s-1vcpu-1gb
    image: debian-13-x64
    ssh_keys: ["{{ key.ssh_key.fingerprint }}"]
"""

RETURN = r"""
ssh_key:
  description: The key. In check mode, one that would be added has no id and no fingerprint yet.
  returned: when there is one
  type: dict
  contains:
    id:
      description: Its number in the account.
      type: int
    fingerprint:
      description: The MD5 fingerprint that the API knows it by, which O(ignore:ssh_keys) of a droplet may name.
      type: str
    name:
      description: What it is called.
      type: str
    public_key:
      description: The key itself.
      type: str
"""

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, run_module
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError

ABOUT = 'SSH key "{name}"'
SCOPES = ("ssh_key:read", "ssh_key:create", "ssh_key:delete")
ARGUMENTS = {
    **OPTIONS,
    "public_key": {"type": "str", "required": True, "no_log": False},
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def apply(api, options, check_mode):
    wanted = options["public_key"].strip()
    if "PRIVATE KEY" in wanted:
        raise ApiError("public_key is a private key, which must not leave its machine; give the file that ends in .pub")
    if "\n" in wanted or len(wanted.split()) < 2:
        raise ApiError("public_key must be one line of a type and a key, such as ssh-ed25519 AAAA… me@laptop")

    def find():
        keys = api.list_all("/v2/account/keys", "ssh_keys")
        return next((_told(key) for key in keys if key["public_key"].split()[:2] == wanted.split()[:2]), None)

    before = after = find()
    if options["state"] == "present" and before is None:
        after = {"id": None, "fingerprint": None, "name": options["name"], "public_key": wanted}
        if not check_mode:
            after = _told(api.create("/v2/account/keys", "ssh_key", {"name": options["name"], "public_key": wanted}, find))
    elif options["state"] == "absent" and before is not None:
        after = None
        if not check_mode:
            api.delete(f"/v2/account/keys/{before['id']}")
    result = {"changed": before != after, "diff": {"before": before or {}, "after": after or {}}}
    return {**result, "ssh_key": after} if after else result


def _told(key):
    return {name: key[name] for name in ("id", "fingerprint", "name", "public_key")}


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
