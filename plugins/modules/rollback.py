#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Bring an earlier release of a site back
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Has the host's own program, C(shortstop), prove a release that it kept, and flip to it, as at a deploy.
  - The site is held there. M(shortstop.django.release) leaves it alone until something newer comes or the site is asked for by name.
options:
  site:
    description: The name of the site.
    type: str
    required: true
  to:
    description: The id of a release that the host keeps. By default the one that the live release took the place of.
    type: str
    default: ""
  migrations:
    description:
      - What becomes of applied migrations that the older code does not know. V(keep) leaves them, V(reverse) takes them back.
      - By default such a rollback is refused, with their names.
    type: str
    choices: ["", keep, reverse]
    default: ""
attributes:
  check_mode:
    description: Does nothing, and says that it would.
    support: partial
    details: It is not looked for whether there is a release to go back to.
"""

EXAMPLES = r"""
- name: Bring yesterday's blog back
  shortstop.django.rollback:
    site: blog
    to: 0a1b2c3d4e5f
"""

RETURN = r"""
msg:
  description: What ended the run, in at most 15 lines. The command C(shortstop failure SITE) on the host shows the whole.
  returned: on failure
  type: str
release:
  description: The id of the release that was asked for, 12 hexadecimal digits.
  returned: when there was one
  type: str
  sample: 0a1b2c3d4e5f
result:
  description: What became of the run, such as C(live), C(failed) or C(interrupted); C(new) in check mode.
  returned: always
  type: str
seconds:
  description: How long the run took on the host.
  returned: when there was one
  type: float
steps:
  description: What happened, in order, as M(shortstop.django.release) returns it.
  returned: when there was a run
  type: list
  elements: dict
"""
