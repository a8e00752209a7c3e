#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: installed_sites
short_description: Read which sites Shortstop has made on a host
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Reads the records that role P(shortstop.django.base#role) leaves of each site. Changes nothing.
options:
  path:
    description: The directory of the records.
    type: path
    default: /etc/shortstop/sites
attributes:
  check_mode:
    description: Runs alike in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Read which sites this host has
  shortstop.django.installed_sites:
  register: installed
"""

RETURN = r"""
sites:
  description: The record of each site by its name. What a site was told to be when it was there, as far as needed to take it away.
  returned: always
  type: dict
  sample: {"blog": {"state": "absent", "user": "blog", "root": "/srv/blog", "database": {"engine": "sqlite"}}}
kept:
  description: The record of each site that was taken away and whose data are kept, by its name.
  returned: always
  type: dict
  sample: {"shop": {"state": "absent", "user": "shop", "root": "/opt/shop", "database": {"engine": "postgres", "name": "shop", "user": "shop", "host": ""}}}
"""

import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec={"path": {"type": "path", "default": "/etc/shortstop/sites"}}, supports_check_mode=True)
    module.exit_json(changed=False, sites=read(module, "json"), kept=read(module, "absent"))


def read(module, suffix):
    records = {}
    for record in sorted(Path(module.params["path"]).glob(f"*.{suffix}")):
        try:
            records[record.stem] = {**json.loads(record.read_text(encoding="utf-8")), "state": "absent"}
        except (OSError, TypeError, ValueError) as error:
            module.fail_json(msg=f"{record} cannot be read ({error}); repair it, or remove it if that site is to stay as it is")
    return records


if __name__ == "__main__":
    main()
