# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.shortstop.django.plugins.plugin_utils.git_source import GitError, checkout
from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import value_errors


class ActionModule(ActionBase):
    """Works on the controller alone, with one fork per host as every action."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec({"sites": {"type": "dict", "required": True}, "inventory_dir": {"type": "path", "default": ""}})
        # Ansible makes this directory when it starts, hands it to all forks, and removes it when it ends: what is
        # remembered here holds for all hosts and plays of this run and for no other run. With `run_once`, hosts of a later
        # batch or with other sites would get another commit, or none.
        run_dir = Path(constants.DEFAULT_LOCAL_TMP)
        checkouts, errors = {}, []
        for site, source in arguments["sites"].items():
            wrong = list(value_errors("source", source)) if isinstance(source, dict) and "git" in source else ['key "source" must be {git: URL, version: NAME}']
            errors += [f'site "{site}": {error}' for error in wrong]
            if wrong:
                continue
            try:
                checkouts[site] = asdict(checkout(source["git"], source.get("version", ""), run_dir, arguments["inventory_dir"]))
            except GitError as error:
                errors.append(f'site "{site}": key "source": {error}')
        if errors:
            return {"failed": True, "msg": "\n".join(errors)}
        return {"changed": False, "checkouts": checkouts}
