#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: checkout
short_description: Check out the sources of sites on the controller
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Keeps a mirror of each repository on the controller, in C(shortstop/sources) below C(XDG_CACHE_HOME) or C(~/.cache), and
    beside it a directory for each commit that was wanted lately. All of it may be removed at any time.
  - In one run, a version of a repository is looked up once. All hosts get the same commit, even if another is pushed meanwhile.
  - Nobody is asked for a password. What git reaches without a question, such as a repository that an ssh agent or a credential
    helper opens, is reached here, too. Credentials that stand in a URL are in no message, on no command line and in no file.
  - Submodules and Git LFS are not followed.
options:
  sites:
    description: "The C(source) of each site by its name, each C({git: URL, version: NAME})."
    type: dict
    required: true
  inventory_dir:
    description: The directory that the relative path of a repository on the controller starts from.
    type: path
    default: ""
attributes:
  check_mode:
    description: Runs alike in check mode. No host is touched.
    support: full
"""

EXAMPLES = r"""
- name: Check out the blog
  shortstop.django.checkout:
    sites:
      blog: {git: https://git.example.com/blog.git, version: main}
  register: checked_out
"""

RETURN = r"""
checkouts:
  description: Where the source of each site is, by the site's name.
  returned: success
  type: dict
  contains:
    path:
      description: The directory on the controller.
      type: str
    revision:
      description: The full hash of the commit.
      type: str
  sample: {"blog": {"path": "/home/me/.cache/shortstop/sources/blog-0a1b2c3d4e5f/6f1e…", "revision": "6f1e…"}}
"""
