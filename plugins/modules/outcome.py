#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: outcome
short_description: Show what became of each site in a run, and fail if one did not end well
version_added: 0.2.0
author: The Shortstop founders (@shortstop)
description:
  - Shows a line for each site with the step that its run ended in, and below that each failure once. Nothing is shown where nothing changed.
  - Fails with the names of the sites that did not end well.
options:
  results:
    description: The results of loops over M(shortstop.django.release) or M(shortstop.django.rollback), whose loop variable is C(site_name).
    type: list
    elements: dict
    required: true
  sites:
    description: The names of all sites that the run was about.
    type: list
    elements: str
    required: true
  not_run:
    description: Why there is no result of a site.
    type: str
    required: true
attributes:
  check_mode:
    description: Runs alike in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Release the sites
  shortstop.django.release:
    site: "{{ site_name }}"
    source: "/home/me/{{ site_name }}"
  loop: [blog, shop]
  loop_control: {loop_var: site_name}
  register: released
  failed_when: false # the next task fails for these results, after all sites had their turn

- name: Show what became of the sites
  shortstop.django.outcome:
    results: "{{ released.results }}"
    sites: [blog, shop]
    not_run: it was skipped
"""

RETURN = r"""
failed_sites:
  description: The names of the sites that did not end well.
  returned: always
  type: list
  elements: str
"""
