#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a source and today's configuration the live release of a site
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Collects the source on the controller and has the host's own program, C(shortstop), prepare it beside the live
    release, migrate, prove, flip and retire. Whatever fails before the flip has met no visitor.
  - The same source and configuration again change nothing.
  - The program runs as the unit C(shortstop-deploy-<site>.service), which is the lock, and outlives the controller.
    A second run is told who holds the lock, or waits for it where whoever started the first is gone.
options:
  site:
    description: The name of the site.
    type: str
    required: true
  source:
    description: The directory of the source on the controller.
    type: path
    required: true
  revision:
    description: The source's revision, for the record. By default the one of the git working copy that O(source) lies in.
    type: str
    default: ""
  whole:
    description:
      - Whether all of the directory is sent, since it is a checkout of a commit and holds nothing else.
      - Else, of a git work tree is sent what git tracks, and what it would add unless it looks like a developer's own, such as C(.env); of another
        directory all but that. What stayed is told as a warning.
    type: bool
    default: false
    version_added: 0.2.0
  told:
    description: Sentences on what was found in the source, told where a new release is made.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  migrates:
    description: Whether this host migrates the site's database. Of several hosts with the same database one does, before the others.
    type: bool
    default: true
  asked_for:
    description: Whether the site was asked for by name, so that a release which was rolled back from is brought back.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says whether there would be a new release, and which.
    support: full
"""

EXAMPLES = r"""
- name: Release the blog
  shortstop.django.release:
    site: blog
    source: /home/me/blog
"""

RETURN = r"""
msg:
  description: What ended the run, in at most 15 lines. The command C(shortstop failure SITE) on the host shows the whole.
  returned: on failure
  type: str
release:
  description: The id of the release, 12 hexadecimal digits. Empty in check mode on a host that has no program yet.
  returned: always
  type: str
  sample: 0a1b2c3d4e5f
result:
  description: What became of the run, such as C(live), C(unchanged), C(held), C(failed) or C(interrupted); C(new) in check mode.
  returned: always
  type: str
seconds:
  description: How long the run took on the host.
  returned: when there was one
  type: float
steps:
  description: What happened, in order.
  returned: when there was a run
  type: list
  elements: dict
  contains:
    step:
      description: The step's name.
      type: str
    result:
      description: What became of it, such as C(done), C(failed) or C(warning).
      type: str
    seconds:
      description: How long it took.
      type: float
"""
