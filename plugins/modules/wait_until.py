#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: wait_until
short_description: Wait until a command says yes, and show what is left of the time
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Runs a command again and again. Its exit status 0 says yes, 75 says not yet, and any other says never, which fails at once.
  - While it waits it shows the last line of what the command said, and how many seconds are left. In the end it says what was waited for.
  - The command only asks, so it runs in check mode, too. One run of it may go beyond O(timeout) by as long as it takes.
options:
  about:
    description: What each message begins with, such as V(droplet "web1").
    type: str
    required: true
  until:
    description: What is waited for, as half a sentence, such as V(SSH lets this machine in).
    type: str
    required: true
  argv:
    description: The command and its words. No shell takes part.
    type: list
    elements: str
    required: true
  timeout:
    description: How many seconds to wait, at most.
    type: int
    default: 300
  pause:
    description: How many seconds lie between two runs of the command.
    type: int
    default: 5
  advice:
    description: What can be done where the time ran out.
    type: str
    default: allow a longer timeout
attributes:
  check_mode:
    description: Runs alike in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Wait until the server has ended its first boot
  shortstop.django.wait_until:
    about: "{{ inventory_hostname }}"
    until: its first boot has ended
    argv: [sh, -c, "test -f /run/cloud-init/result.json || { echo cloud-init is still at work; exit 75; }"]
"""

RETURN = r"""
stdout:
  description: What the command printed when it said yes or never, and nothing where the time ran out.
  returned: always
  type: str
seconds:
  description: How long it took.
  returned: success
  type: float
"""
