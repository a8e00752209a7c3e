# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible.plugins.action import ActionBase

from ansible_collections.shortstop.django.plugins.plugin_utils.engine import Run, Runs

OPTIONS = {
    "site": {"type": "str", "required": True},
    "to": {"type": "str", "default": ""},
    "migrations": {"type": "str", "choices": ["", "keep", "reverse"], "default": ""},
}


class ActionModule(ActionBase):
    """Have the host's own program bring an earlier release back."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(OPTIONS)
        if self._task.check_mode:
            return {"changed": True, "result": "new", "release": arguments["to"]}
        run = Run(arguments["site"], "rollback", lambda: (f"--to={arguments['to']}", f"--migrations={arguments['migrations']}"))
        Runs(self).go([run])
        return run.result
