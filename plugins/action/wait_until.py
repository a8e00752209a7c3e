# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import shlex
import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.shortstop.django.plugins.module_utils.waiting import StillWaiting, wait

NOT_YET = 75  # as sysexits.h has it
OPTIONS = {
    "about": {"type": "str", "required": True},
    "until": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 300},
    "pause": {"type": "int", "default": 5},
    "advice": {"type": "str", "default": "allow a longer timeout"},
}


class ActionModule(ActionBase):
    """Asks from here, again and again, so that what is left of the time shows while it waits."""

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(OPTIONS)
        self._about, self._waited = options["about"], False
        begun = time.monotonic()

        def look():
            # Ansible's own stand-in for a module run, which takes longer than most answers.
            asked = self._low_level_execute_command(shlex.join(options["argv"]), sudoable=True)
            state = next(reversed((asked["stdout"].strip() or asked["stderr"].strip()).splitlines()), "it does not say why")
            return (None if asked["rc"] == NOT_YET else {**asked, "state": state}), state

        try:
            answer = wait(options["until"], look, options["timeout"], options["pause"], self._say)
        except StillWaiting as error:
            return {"failed": True, "changed": False, "msg": f"{self._about}: {error}; {options['advice']}", "stdout": ""}
        if answer["rc"]:
            return {"failed": True, "changed": False, "msg": f"{self._about}: {answer['state']}", "stdout": answer["stdout"]}
        seconds = time.monotonic() - begun
        if self._waited:
            self._say(f"{options['until']}, after {seconds:.0f} s")
        return {"changed": False, "stdout": answer["stdout"], "seconds": round(seconds, 1)}

    def _say(self, line):
        self._waited = True
        Display().display(f"  {self._about}: {line}")
