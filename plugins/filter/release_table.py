# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: release_table
short_description: Tell what became of each site in a run
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description: Aligns a line per site, with the step that the run ended in. What was skipped has no line.
options:
  _input:
    description: The results of loops over M(shortstop.django.release) or M(shortstop.django.rollback), whose loop variable is C(site_name).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what became of the sites
  ansible.builtin.debug:
    msg: "{{ released.results | shortstop.django.release_table }}"
"""

RETURN = r"""
_value:
  description: The lines, the first of them the names of the columns.
  type: list
  elements: str
"""

HEAD = ("SITE", "RELEASE", "STEP", "RESULT", "SECONDS")


def release_table(results):
    rows = [HEAD, *(_row(result) for result in results if not result.get("skipped"))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(result):
    steps = [step for step in result.get("steps", []) if step["result"] in ("done", "failed")]
    failed = [step for step in steps if step["result"] == "failed"]
    step = (failed or steps[-1:] or [{"step": "-"}])[0]["step"]
    became = result.get("result") or ("failed" if result.get("failed") else "new")
    seconds = f"{result['seconds']:.1f}" if "seconds" in result else "-"
    return (result["site_name"], result.get("release") or "-", step, became, seconds)


class FilterModule:
    def filters(self):
        return {"release_table": release_table}
