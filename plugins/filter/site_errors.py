# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: site_errors
short_description: Say what is wrong with a dict of sites
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Checks a dict of sites against the contract of the collection, without touching a host.
  - Each sentence names the site, the key and what to do, and never a value that could be a secret.
positional: _input
options:
  _input:
    description: The sites by name.
    type: dict
    required: true
  common:
    description: Keys that every site gets.
    type: dict
    default: {}
  inventory_dir:
    description: The directory that a source's relative path starts from.
    type: str
    default: ""
  required:
    description: The keys that every site must have.
    type: list
    elements: str
    default: [domains]
  elsewhere:
    description: The dicts of sites of the other hosts.
    type: list
    elements: dict
    default: []
  only:
    description: A comma-separated selection of names, each of which must be a site.
    type: str
    default: ""
  reserved:
    description: Further names that no site may have, such as the deploy user's.
    type: list
    elements: str
    default: []
  database_here:
    description: Whether the host keeps a PostgreSQL of its own for the sites that name no other.
    type: bool
    default: true
  checkouts:
    description: Where the sources in git are by site, as M(shortstop.django.checkout) returns it. One that is missing there is not looked into.
    type: dict
    default: {}
  dns_challenges:
    description: Whether a certificate for a wildcard can be had.
    type: bool
    default: true
  records:
    description: What the host's sites were when they were made, as M(shortstop.django.installed_sites) returns it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check the sites
  ansible.builtin.assert:
    that: sites | shortstop.django.site_errors | length == 0
"""

RETURN = r"""
_value:
  description: The sentences; empty if nothing is wrong.
  type: list
  elements: str
"""

from ansible.errors import AnsibleTemplatePluginError
from ansible.template import accept_lazy_markers

from ansible_collections.shortstop.django.plugins.plugin_utils import contract, site_keys
from ansible_collections.shortstop.django.plugins.plugin_utils.lazy import plain


@accept_lazy_markers
def site_errors(
    sites,
    common=None,
    inventory_dir="",
    required=("domains",),
    elsewhere=(),
    only="",
    reserved=(),
    database_here=True,
    checkouts=None,
    dns_challenges=True,
    records=None,
):
    unknown = [key for key in required if key not in site_keys.KEYS]
    if unknown:
        raise AnsibleTemplatePluginError(f"site_errors: 'required' names {unknown[0]}, which is no key of a site")
    return contract.site_errors(
        plain(sites),
        common=plain(common),
        inventory_dir=inventory_dir,
        required=tuple(required),
        elsewhere=tuple(plain(list(elsewhere))),
        only=only,
        reserved=tuple(reserved),
        database_here=database_here,
        checkouts=plain(checkouts),
        dns_challenges=dns_challenges,
        records=plain(records),
    )


class FilterModule:
    def filters(self):
        return {"site_errors": site_errors}
