# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: digitalocean
short_description: Find the droplets that carry a tag
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Each droplet with O(tag) is a host of its own name, and C(ansible_host) is its public IPv4 address.
  - Its tags that begin with O(group_prefix) put it into groups, so that C(shortstop:web) puts it into C(web). What no group's name may
    hold becomes an underscore.
  - What the API tells of it is in C(digitalocean_droplet), as M(shortstop.django.digitalocean_droplet) returns it.
  - A droplet without a public address is left out, with a warning.
  - The file's name must end in C(digitalocean.yml) or C(digitalocean.yaml).
  - "The token needs these scopes: C(droplet:read), C(tag:read)."
options:
  plugin:
    description: The name of this plugin.
    type: str
    choices: [shortstop.django.digitalocean]
    required: true
  api_token:
    description: The token that opens the account. It is in no message and no cache.
    type: str
    required: true
    env:
      - name: DO_API_TOKEN
      - name: DIGITALOCEAN_TOKEN
  api_url:
    description: Where the API is. It must be C(https), but for a stand-in on this machine.
    type: str
    default: https://api.digitalocean.com
    env:
      - name: DIGITALOCEAN_API_URL
  request_timeout:
    description: How many seconds one answer may take.
    type: int
    default: 30
  wait_timeout:
    description: How many seconds to wait, at most, when the API asks to be left alone for a while.
    type: int
    default: 300
  tag:
    description: The tag, in the spelling that it was first made with.
    type: str
    default: shortstop
  group_prefix:
    description: How a tag begins whose rest names a group. It may hold letters, digits, colons, dashes and underscores, as tags do.
    type: str
    default: "shortstop:"
extends_documentation_fragment:
  - constructed
  - inventory_cache
"""

EXAMPLES = r"""
# inventories/production/digitalocean.yml, with the token in the environment's DO_API_TOKEN
plugin: shortstop.django.digitalocean

# Two inventories in one account: each has a tag of its own, and also groups by region.
---
plugin: shortstop.django.digitalocean
api_token: "{{ lookup('ansible.builtin.file', '~/.digitalocean/token') }}"
tag: uat
keyed_groups:
  - key: digitalocean_droplet.region
    prefix: region
"""

from ansible.errors import AnsibleParserError
from ansible.inventory.group import to_safe_group_name
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import connect, summary
from ansible_collections.shortstop.django.plugins.module_utils.digitalocean_api import ApiError

SCOPES = ("droplet:read", "tag:read")
CLIENT_OPTIONS = ("api_token", "api_url", "request_timeout", "wait_timeout")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "shortstop.django.digitalocean"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("digitalocean.yml", "digitalocean.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        key = self.get_cache_key(path)
        cached = self.get_option("cache") and cache and self._cache.get(key)
        droplets = cached or self._droplets()
        if self.get_option("cache"):
            self._cache[key] = droplets
        self._expect_one_of_each_name(droplets)
        for droplet in droplets:
            self._add(droplet)

    def _droplets(self):
        options = {name: self.templar.template(self.get_option(name)) for name in CLIENT_OPTIONS}
        about = f'droplets with tag "{self.get_option("tag")}"'
        try:
            found = connect(options, about, SCOPES, self._show).list_all("/v2/droplets", "droplets", tag_name=self.get_option("tag"))
        except ApiError as error:
            raise AnsibleParserError(f"{about}: {error}") from None
        return sorted(map(summary, found), key=lambda droplet: droplet["name"])

    def _show(self, line):
        self.display.display(line, stderr=True)  # stdout is for what ansible-inventory tells

    def _expect_one_of_each_name(self, droplets):
        names = [droplet["name"] for droplet in droplets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise AnsibleParserError(f'there is more than one droplet of the name {", ".join(twice)} with tag "{self.get_option("tag")}"; rename or untag one')

    def _add(self, droplet):
        name, prefix = droplet["name"], self.get_option("group_prefix")
        if not droplet["public_v4"]:
            self.display.warning(f'droplet "{name}" has no public address, and is left out')
            return
        self.inventory.add_host(name)
        self.inventory.set_variable(name, "ansible_host", droplet["public_v4"])
        self.inventory.set_variable(name, "digitalocean_droplet", droplet)
        for tag in droplet["tags"]:
            if tag.startswith(prefix) and tag != prefix:
                group = to_safe_group_name(tag[len(prefix) :], force=True, silent=True)
                self.inventory.add_host(name, group=self.inventory.add_group(group))
        variables, strict = self.inventory.get_host(name).get_vars(), self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)
