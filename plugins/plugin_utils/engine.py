# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the controller speaks with `shortstop`, the program on the server that makes releases live."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import socket
from collections.abc import Callable

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

COMMAND = "/usr/local/sbin/shortstop"
END = "end"  # the step of a report's last line
GOOD = ("live", "unchanged", "held", "new")  # results of a run that ended well; "new" is that of check mode
FOLLOW = 2.0  # seconds that one look at a run's report lasts at most


class Run:
    """A run of the engine, from its start to its last word. Takes the action plugin that asks for it, and the site's name."""

    def __init__(self, action: ActionBase, site: str) -> None:
        self.action, self.site = action, site
        self.steps: list[dict] = []
        self._controller = os.getppid()

    def ask(self, *words: str) -> list[dict]:
        """What the program answers, an object a line. Raises AnsibleActionFail with its own sentence."""
        # Ansible's own stand-in for a module run: no Python needs to be sent, and none of this is secret.
        said = self.action._low_level_execute_command(shlex.join((COMMAND, *words)), sudoable=True)
        if said["rc"]:
            sentence = (said["stderr"] or said["stdout"]).strip().removeprefix("shortstop: ")
            if said["rc"] in (126, 127):
                sentence = f"{COMMAND} is not set up on this host; run role django as a whole"
            raise AnsibleActionFail(f'site "{self.site}": {sentence}')
        return [json.loads(line) for line in said["stdout"].splitlines() if line.startswith("{")]

    def go(self, action: str, *arguments: str) -> dict:
        """Start a run, follow it to its end and return the task's result."""
        self._waited_for = ""
        try:
            result = self._result(self._follow(self._start(action, arguments)))
        except AnsibleConnectionFailure as error:
            step = next((line["step"] for line in reversed(self.steps)), "start")
            lost = f"the connection was lost ({error}). What was begun ends, or goes back, by itself; the next deploy waits for that"
            result = {"failed": True, "changed": bool(self.steps), "result": "failed", "msg": f'site "{self.site}": {step}: {lost}'}
        # Their messages are in "msg" and "warnings", and Ansible shows a failed result as a whole.
        result["steps"] = [{key: line[key] for key in ("step", "result", "seconds")} for line in self.steps if line["result"] != "begun"]
        result["warnings"] = [f'site "{self.site}": {line["step"]}: {line["message"]}' for line in self.steps if line["result"] == "warning"]
        return result

    def _start(self, action: str, arguments: tuple[str, ...]) -> str:
        by = f"{getpass.getuser()}@{socket.gethostname()}"
        while True:
            answer = self.ask("start", action, self.site, f"--by={by}", *arguments)[-1]
            if "run" in answer:
                return answer["run"]
            if not answer["abandoned"]:
                raise AnsibleActionFail(f'site "{self.site}": another run is under way ({answer["busy"]}); wait for its end')
            if self._waited_for != answer["busy"]:
                self.tell(f"waits for a run that nobody follows any more ({answer['busy']})")
            self._waited_for = answer["busy"]
            self._expect_controller()

    def _follow(self, run: str) -> dict:
        while True:
            lines = self.ask("follow", run, f"--after={len(self.steps)}", f"--seconds={FOLLOW}")
            for line in lines:
                self.steps.append(line)
                if line["result"] == "told":
                    self.tell(line["message"])
                elif line["step"] != END and line["result"] in ("done", "failed"):
                    self.tell(f"{line['step']} {line['seconds']:.1f} s{' failed' if line['result'] == 'failed' else ''}")
            if lines and lines[-1]["step"] == END:
                return self.steps.pop()
            self._expect_controller()

    def _result(self, end: dict) -> dict:
        result = {"changed": end["result"] != "unchanged", "release": end["release"], "seconds": end["seconds"], "result": end["result"]}
        if end["result"] not in GOOD:
            result.update(failed=True, msg=f'site "{self.site}": {end["message"]}')
        return result

    def _expect_controller(self) -> None:
        # Ansible's main process may be killed without a word to this one, and then nobody waits for the run.
        if os.getppid() != self._controller:
            raise AnsibleActionFail(f'site "{self.site}": Ansible itself is gone')

    def tell(self, sentence: str) -> None:
        """Show a sentence on the site while the run goes on."""
        Display().display(f"  {self.site}: {sentence}")


def guarded(plan: Callable[[], dict], check_mode: bool) -> dict:
    """The answer to a question that a host which is not set up yet cannot give, and in check mode need not."""
    try:
        return plan()
    except AnsibleActionFail:
        if check_mode:
            return {}
        raise
