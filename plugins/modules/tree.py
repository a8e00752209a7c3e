#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: tree
short_description: Make many directories, text files and links at once
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Does what a loop over M(ansible.builtin.file) and M(ansible.builtin.copy) would do, in one connection instead of one or more an item.
options:
  entries:
    description: What there is to be. The parents of a directory are made, those of a file are not.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The absolute path.
        type: path
        required: true
      content:
        description: The text of a file. Without it and O(entries[].link), the entry is a directory.
        type: str
      link:
        description: What a symbolic link leads to, as it stands in the link. It need not be there.
        type: str
      owner:
        description: The user who owns it.
        type: str
        default: root
      group:
        description: The group that owns it.
        type: str
        default: root
      mode:
        description: The permissions, in octal and quoted. Required for all but a link, which has none.
        type: raw
attributes:
  check_mode:
    description: Reports what would change.
    support: full
  diff_mode:
    description: Shows the paths and the texts that change.
    support: full
"""

EXAMPLES = r"""
- name: Make a directory with a file in it
  shortstop.django.tree:
    entries:
      - {path: /srv/blog, mode: "0711"}
      - {path: /srv/blog/robots.txt, content: "User-agent: *\n", mode: "0644"}
"""

RETURN = r"""
paths:
  description: The paths that changed.
  returned: always
  type: list
  elements: str
"""

import os
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def make(module, entry):
    """Make one entry; returns whether that was a change, and its diff."""
    path, content = Path(entry["path"]), entry["content"]
    if entry["link"] is not None:
        return make_link(module, path, entry["link"])
    if content is None:
        changed, before, after = not path.is_dir(), "", ""
        if changed and not module.check_mode:
            path.mkdir(parents=True)
    else:
        # As bytes: what lies there need not be a text.
        there, wanted = path.read_bytes() if path.is_file() else None, content.encode("utf-8")
        before, after = (there or b"").decode("utf-8", "replace"), content
        changed = there != wanted
        if changed and not module.check_mode:
            descriptor, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(wanted)
            module.atomic_move(temporary, str(path))
    rights = {"path": str(path), "owner": entry["owner"], "group": entry["group"], "mode": entry["mode"], "attributes": None, "secontext": [None, None, None]}
    diff = {"before": {}, "after": {}}
    changed = module.set_fs_attributes_if_different(rights, changed, diff=diff)
    if before != after:
        return changed, {"before_header": str(path), "after_header": str(path), "before": before, "after": after}
    return changed, {"before": {"path": str(path), **diff["before"]}, "after": {"path": str(path), **diff["after"]}}


def make_link(module, path, target):
    before = os.readlink(path) if path.is_symlink() else ""
    if before != target and not module.check_mode:
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, path)
    return before != target, {"before": {"path": str(path), "link": before}, "after": {"path": str(path), "link": target}}


def main():
    module = AnsibleModule(
        argument_spec={
            "entries": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str"},
                    "link": {"type": "str"},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "raw"},
                },
                "mutually_exclusive": [("content", "link")],
                "required_one_of": [("mode", "link")],
            }
        },
        supports_check_mode=True,
    )
    paths, diffs = [], []
    for entry in module.params["entries"]:
        try:
            changed, diff = make(module, entry)
        except OSError as error:
            module.fail_json(msg=f"{entry['path']}: {error.strerror}", paths=paths)
        if changed:
            paths.append(entry["path"])
            diffs.append(diff)
    module.exit_json(changed=bool(paths), paths=paths, diff=diffs)


if __name__ == "__main__":
    main()
