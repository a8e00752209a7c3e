#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: digitalocean_droplets_info
short_description: List the droplets that carry a tag
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Reads all of them, however many pages they fill.
  - "The token needs these scopes: C(droplet:read), C(tag:read)."
options:
  tag:
    description: The tag, in the spelling that it was first made with.
    type: str
    default: shortstop
extends_documentation_fragment: shortstop.django.digitalocean
attributes:
  check_mode:
    description: Runs alike in check mode. Nothing is changed.
    support: full
"""

EXAMPLES = r"""
- name: List the droplets of Shortstop
  shortstop.django.digitalocean_droplets_info:
  register: found

- name: Show their addresses
  ansible.builtin.debug:
    msg: "{{ found.droplets | map(attribute='public_v4') }}"
"""

RETURN = r"""
droplets:
  description: The droplets by name, each as M(shortstop.django.digitalocean_droplet) returns it.
  returned: success
  type: list
  elements: dict
"""

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, run_module, summary

ABOUT = 'droplets with tag "{tag}"'
SCOPES = ("droplet:read", "tag:read")
ARGUMENTS = {**OPTIONS, "tag": {"type": "str", "default": "shortstop"}}


def apply(api, options, _check_mode):
    found = api.list_all("/v2/droplets", "droplets", tag_name=options["tag"])
    return {"changed": False, "droplets": sorted(map(summary, found), key=lambda droplet: (droplet["name"], droplet["id"]))}


def main():
    run_module(ARGUMENTS, ABOUT, SCOPES, apply)


if __name__ == "__main__":
    main()
