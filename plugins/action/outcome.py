# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.shortstop.django.plugins.plugin_utils.engine import GOOD

HEAD = ("SITE", "RELEASE", "STEP", "RESULT", "SECONDS")
OPTIONS = {
    "results": {"type": "list", "elements": "dict", "required": True},
    "sites": {"type": "list", "elements": "str", "required": True},
    "not_run": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """Tell of a run on the controller: what Ansible itself shows of a failure is a dump of its result, on one line."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(OPTIONS)
        results = [result for result in arguments["results"] if not result.get("skipped")]
        failures = failures_of(results, arguments["sites"], arguments["not_run"])
        if failures or any(result.get("changed") for result in results):
            host = (task_vars or {}).get("inventory_hostname", "")
            Display().display("\n".join([f"{host}:", *(f"  {line}" for line in table(results))]))
        for sentence in failures.values():
            Display().display(f"\n{sentence}", color=constants.COLOR_ERROR)
        if not failures:
            return {"changed": False, "failed_sites": []}
        names = ", ".join(failures)
        return {"changed": False, "failed": True, "failed_sites": list(failures), "msg": f"{len(failures)} of {len(arguments['sites'])} sites failed: {names}"}


def failures_of(results, sites, not_run):
    """Sentences on the sites that did not end well, by name."""
    known = {result["site_name"] for result in results}
    failures = {result["site_name"]: _sentence(result) for result in results if not is_good(result)}
    return failures | {name: f'site "{name}": {not_run}' for name in sites if name not in known}


def _sentence(result):
    """Of an exception the message is not ours, and does not say which site it was about."""
    site, message = f'site "{result["site_name"]}": ', result.get("msg") or "the task ended without a word"
    return message if message.startswith(site) else site + message


def is_good(result):
    return result.get("result") in GOOD


def table(results):
    """Aligned lines, the first of them the names of the columns."""
    rows = [HEAD, *map(_row, results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(result):
    steps = [step for step in result.get("steps", []) if step["result"] in ("done", "failed")]
    failed = [step for step in steps if step["result"] == "failed"]
    step = (failed or steps[-1:] or [{"step": "-"}])[0]["step"]
    seconds = f"{result['seconds']:.1f}" if "seconds" in result else "-"
    return (result["site_name"], result.get("release") or "-", step, result.get("result") or "failed", seconds)
