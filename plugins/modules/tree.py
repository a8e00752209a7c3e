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
    description: What there is to be. The missing parents of a directory are made with its rights, those of a file are not.
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
      state:
        description:
          - V(touch) creates an empty file where none is, and keeps the content of one that is there.
          - V(absent) removes a file, a link, or a directory with all that it holds.
        type: str
        choices: [present, touch, absent]
        default: present
        version_added: 0.2.0
      validate:
        description: A command that accepts a file's new content before it is put in place. C(%s), a word of its own, stands for a file with that content.
        type: str
        version_added: 0.2.0
      owner:
        description: The user who owns it.
        type: str
        default: root
      group:
        description: The group that owns it.
        type: str
        default: root
      mode:
        description: The permissions, in octal and quoted. Required unless the entry is a link or absent.
        type: raw
  validate:
    description:
      - A command that accepts all entries before any of them is put in place, for files that only make sense together.
      - C(%s), a word of its own, stands for a directory that holds the new files and links at their paths, and an empty file for each absent one.
    type: str
    version_added: 0.2.0
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shortstop.django.plugins.module_utils import tree_entries

OPTIONS = {**tree_entries.OPTIONS, "content": {"type": "str"}, "validate": {"type": "str"}}


def main():
    module = AnsibleModule(
        argument_spec={
            "entries": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": OPTIONS,
                "mutually_exclusive": [("content", "link")],
            },
            "validate": {"type": "str"},
        },
        supports_check_mode=True,
        no_log=True,  # keeps the contents of all files out of the host's journal
    )
    paths, diffs = [], []
    try:
        if module.params["validate"] and not module.check_mode:
            tree_entries.validate(module, module.params["entries"], module.params["validate"])
    except tree_entries.Invalid as error:
        module.fail_json(msg=str(error), paths=paths)
    for entry in module.params["entries"]:
        if entry["mode"] is None and entry["link"] is None and entry["state"] != tree_entries.ABSENT:
            module.fail_json(msg=f"{entry['path']}: 'mode' is missing", paths=paths)
        try:
            changed, diff = tree_entries.make(module, entry)
        except OSError as error:
            module.fail_json(msg=f"{entry['path']}: {error.strerror}", paths=paths)
        except tree_entries.Invalid as error:
            module.fail_json(msg=str(error), paths=paths)
        if changed:
            paths.append(entry["path"])
            diffs.append(diff)
    module.exit_json(changed=bool(paths), paths=paths, diff=diffs)


if __name__ == "__main__":
    main()
