#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: secret_key
short_description: Make a site's secret key on the host, and another one when it is to change
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Keeps a file whose first line is the key. A second line is the key before it, which Django still accepts what was signed with.
  - The key is made on the host, and is on no command line and in no result.
options:
  path:
    description: The file, root's alone to read. Its directory must be there.
    type: path
    required: true
  state:
    description:
      - V(present) makes a key where there is none.
      - V(rotated) makes a new key each time. The one of the live release becomes its fallback, and no other is kept.
      - V(live) has the file say what the live release has, whatever became of a rotation.
    type: str
    choices: [present, rotated, live]
    default: present
  live:
    description: The environment file of the live release. What it has as C(DJANGO_SECRET_KEY) and C(DJANGO_SECRET_KEY_FALLBACKS) is the truth.
    type: path
attributes:
  check_mode:
    description: Reports what would change.
    support: full
"""

EXAMPLES = r"""
- name: Make a key where there is none
  shortstop.django.secret_key:
    path: /etc/shortstop/generated/blog.secret_key
"""

RETURN = r"""
# The key is in no result.
"""

import os
import re
import secrets
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def live_keys(text):
    """The key and the fallbacks of an environment file. Only keys that this module makes are looked for, which need no quoting."""
    found = dict(re.findall(r'^(DJANGO_SECRET_KEY(?:_FALLBACKS)?)="([A-Za-z0-9_-]+)"$', text, re.MULTILINE))
    return [found[name] for name in ("DJANGO_SECRET_KEY", "DJANGO_SECRET_KEY_FALLBACKS") if name in found]


def wanted(state, kept, live):
    """The lines that the file is to have."""
    if state == "present":
        return kept or [secrets.token_urlsafe(50)]
    return [secrets.token_urlsafe(50), live[0]] if state == "rotated" else live


def write(path, lines):
    """Exchange the whole file; mkstemp() makes it its owner's alone."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in lines))
    os.replace(temporary, path)


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["present", "rotated", "live"], "default": "present"},
            "live": {"type": "path"},
        },
        required_if=[("state", "rotated", ("live",)), ("state", "live", ("live",))],
        supports_check_mode=True,
    )
    path, state = Path(module.params["path"]), module.params["state"]
    kept = path.read_text(encoding="ascii").split() if path.exists() else []
    live = live_keys(Path(module.params["live"]).read_text(encoding="utf-8")) if module.params["live"] else []
    if state != "present" and not live:
        module.fail_json(msg=f"{module.params['live']} has no secret key that was made here; release the site with the one of {path} first")
    lines = wanted(state, kept, live)
    if lines != kept and not module.check_mode:
        write(path, lines)
    module.exit_json(changed=lines != kept)


if __name__ == "__main__":
    main()
