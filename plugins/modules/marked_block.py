#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: marked_block
short_description: Keep one block at the top of somebody else's file
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Writes lines between two marks, above everything in the file that is not such a block.
  - Unlike M(ansible.builtin.blockinfile), it leaves every other byte as it is, also a last line without its end, and takes the file back to
    what it was when the block goes. Where a mark is missing or doubled, it fails before anything is lost.
  - A symbolic link stays one, and what it leads to is written.
options:
  path:
    description: The file. Its directory must be there.
    type: path
    required: true
  name:
    description: What tells the block from other ones in the same file.
    type: str
    required: true
  block:
    description: The lines. If they are empty, there is to be no block.
    type: str
    default: ""
  mode:
    description: The permissions of a file that is made, in octal and quoted. Those of one that is there stay.
    type: str
    default: "0600"
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let ssh know a server by its name
  shortstop.django.marked_block:
    path: ~/.ssh/config
    name: production
    block: |
      Host blog
          HostName 192.0.2.10
      Host *
"""

RETURN = r"""
differs:
  description: Whether the file was not as it should be, which in check mode tells what V(changed) would be.
  returned: success
  type: bool
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import MuddledError, replaced


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def write(module, path, text):
    """Replace the file at once, keeping its owner and permissions, or make it."""
    is_new = not os.path.exists(path)
    if not is_new and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".shortstop-")
    module.add_cleanup_file(temporary)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    # A mount point, as a container's /etc/hosts is one, cannot be replaced.
    module.atomic_move(temporary, path, unsafe_writes=True)
    if is_new:
        module.set_mode_if_different(path, module.params["mode"], True)


def shown(text):
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "block": {"type": "str", "default": ""},
            "mode": {"type": "str", "default": "0600"},
        },
        supports_check_mode=True,
    )
    path, wanted = module.params["path"], "read"
    try:
        before = read(path)
        after = replaced(before, module.params["name"], module.params["block"])
        if before != after and not module.check_mode:
            wanted = "written"
            write(module, os.path.realpath(path), after)
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be {wanted}: {error.strerror}")
    except MuddledError as error:
        module.fail_json(msg=f"{path} {error}")
    diff = {"before_header": path, "after_header": path, "before": shown(before), "after": shown(after)}
    module.exit_json(changed=before != after, differs=before != after, diff=diff)


if __name__ == "__main__":
    main()
