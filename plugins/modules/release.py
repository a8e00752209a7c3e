#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a source and today's configuration the live release of each site
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Collects the sources on the controller, asks the host which sites get a new release, and sends the sources of those alone. The host's own program,
    C(shortstop), prepares each release beside the live one, migrates, proves, flips and retires. Whatever fails before the flip has met no visitor.
  - The same source and configuration again change nothing.
  - Several sites deploy side by side, as many as O(at_once) says. A site that fails stops no other.
  - The program runs as the unit C(shortstop-deploy-<site>.service), which is the lock, and outlives the controller.
    A second run is told who holds the lock, or waits for it where whoever started the first is gone.
options:
  sites:
    description: The sites of this host that are to be released. Without any, the task is skipped.
    type: list
    elements: dict
    required: true
    version_added: 0.2.0
    suboptions:
      name:
        description: The name of the site.
        type: str
        required: true
      source:
        description: The directory of the source on the controller.
        type: path
        required: true
      revision:
        description: The source's revision, for the record. By default the one of the git working copy that O(sites[].source) lies in.
        type: str
        default: ""
      whole:
        description:
          - Whether all of the directory is sent, since it is a checkout of a commit and holds nothing else.
          - Else, of a git work tree is sent what git tracks, and what it would add unless it looks like a developer's own, such as C(.env); of another
            directory all but that. What stayed is told as a warning.
        type: bool
        default: false
      told:
        description: Sentences on what was found in the source, told where a new release is made.
        type: list
        elements: str
        default: []
      migrates:
        description: Whether this host migrates the site's database. Of several hosts with the same database one does, before the others.
        type: bool
        default: true
  asked_for:
    description: Whether the sites were asked for by name, so that a release which was rolled back from is brought back.
    type: bool
    default: false
  at_once:
    description: How many sites deploy at once at most. V(0) is one for each core of the host, as far as its free memory reaches.
    type: int
    default: 0
    version_added: 0.2.0
attributes:
  check_mode:
    description: Says which sites would get a new release, and which.
    support: full
"""

EXAMPLES = r"""
- name: Release two sites
  shortstop.django.release:
    sites:
      - {name: blog, source: /home/me/blog}
      - {name: shop, source: /home/me/shop}
"""

RETURN = r"""
results:
  description: What became of each site, in the order of O(sites).
  returned: always
  type: list
  elements: dict
  contains:
    changed:
      description: Whether the site has, or in check mode would get, a new release.
      type: bool
    failed:
      description: Whether the site was not released.
      returned: on failure
      type: bool
    msg:
      description: What ended the run, in at most 15 lines. The command C(shortstop failure SITE) on the host shows the whole.
      returned: on failure
      type: str
    release:
      description: The id of the release, 12 hexadecimal digits. Empty in check mode on a host that has no program yet.
      returned: unless no run could begin
      type: str
      sample: 0a1b2c3d4e5f
    result:
      description: What became of the site, such as C(live), C(unchanged), C(held), C(failed) or C(interrupted); C(new) in check mode.
      type: str
    seconds:
      description: How long the run took on the host.
      returned: when there was one
      type: float
    site_name:
      description: The name of the site.
      type: str
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
    warnings:
      description: What is to be known of the site beside that. The task shows those of all sites.
      type: list
      elements: str
"""
