# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: finished_sites
short_description: Give every key of every site of a host a value
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - >-
    Merges each site with the default of each key and with what holds for all sites, and adds what derives from that, such as paths,
    the database and the parts of the project in the source. Expects sites in which P(shortstop.django.site_errors#filter) finds nothing wrong.
  - An absent site lies over the record that its host keeps of it.
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
  installed:
    description: The records of the sites that are on the host, by name, as M(shortstop.django.installed_sites) returns them.
    type: dict
    default: {}
  kept:
    description: The records of the sites that were taken away and whose data is kept, from the same module.
    type: dict
    default: {}
  inventory_dir:
    description: The directory that a source's relative path starts from.
    type: str
    default: ""
  checkouts:
    description: Where the sources in git are by site, as M(shortstop.django.checkout) returns it. The source of one that is missing there is nowhere.
    type: dict
    default: {}
  only:
    description: A selection of names, separated by commas or spaces.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the directory of each site
  ansible.builtin.debug:
    msg: "{{ (sites | shortstop.django.finished_sites(inventory_dir=inventory_dir)).sites | dict2items | map(attribute='value.root') }}"
"""

RETURN = r"""
_value:
  description:
    - The key C(sites), with each site by its name, and lists of names in the order of the sites.
    - >-
      C(present) are those to serve. C(absent) are those to take away, which are the sites with C(state=absent) and the C(orphans). An orphan
      is on the host, and no longer among the sites. A run that C(only) limits has none.
    - C(leaving) are the absent sites that are still on the host, and those whose kept data is to be purged.
    - C(asked) are the present sites that C(only) names, or all where it is empty. C(limited) is whether it is given.
  type: dict
"""

from ansible_collections.shortstop.django.plugins.plugin_utils import finished_sites as finishing
from ansible_collections.shortstop.django.plugins.plugin_utils.lazy import plain


def finished_sites(sites, common=None, installed=None, kept=None, inventory_dir="", checkouts=None, only=""):
    finished = finishing.finished_sites(
        plain(sites),
        common=plain(common),
        installed=plain(installed),
        kept=plain(kept),
        inventory_dir=inventory_dir,
        checkouts=plain(checkouts),
        only=only,
    )
    return dict(vars(finished))


class FilterModule:
    def filters(self):
        return {"finished_sites": finished_sites}
