# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the controller speaks with `shortstop`, the program on the server that makes releases live."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

COMMAND = "/usr/local/sbin/shortstop"
END = "end"  # the step of a report's last line
GOOD = ("live", "unchanged", "held", "new")  # results of a run that ended well; "new" is that of check mode
FOLLOW = 2.0  # seconds that one look at the runs' reports, or one wait for another run, lasts at most


def ask(action: ActionBase, *words: str) -> list[dict]:
    """The objects that the program prints, one a line. Raises AnsibleActionFail with the program's own sentence."""
    # Ansible's own stand-in for a module run: no Python needs to be sent, and none of this is secret.
    said = action._low_level_execute_command(shlex.join((COMMAND, *words)), sudoable=True)
    if said["rc"]:
        sentence = (said["stderr"] or said["stdout"]).strip().removeprefix("shortstop: ")
        if said["rc"] in (126, 127):
            sentence = f"{COMMAND} is not set up on this host; run role django as a whole"
        raise AnsibleActionFail(sentence)
    return [json.loads(line) for line in said["stdout"].splitlines() if line.startswith("{")]


def tell(site: str, message: str) -> None:
    """Show a sentence on the site while its run goes on."""
    Display().display(f"  {site}: {message}")


def sentence(error: Exception) -> str:
    """What an exception says; one that is none of Ansible's may not say which kind of error it is."""
    return str(error) if isinstance(error, AnsibleError) else f"{type(error).__name__}: {error}"


def failure(site: str, why: str) -> dict:
    """The result of a site whose run does not say itself what became of it."""
    return {"failed": True, "changed": False, "result": "failed", "msg": f'site "{site}": {why}'}


@dataclass
class Run:
    """A run of the engine for a site: what it is asked for, and what it has reported so far."""

    site: str
    action: str
    arguments: Callable[[], tuple[str, ...]]  # asked when it is the run's turn, since they may have to be sent first
    steps: list[dict] = field(default_factory=list)
    result: dict | None = None
    name: str = ""  # by which it is followed
    words: tuple[str, ...] | None = None
    waits_since: float = 0.0  # for another run, by the host's clock
    waited_for: str = ""

    def start_words(self) -> tuple[str, ...]:
        if self.words is None:
            by = f"{getpass.getuser()}@{socket.gethostname()}"
            self.words = ("start", self.action, self.site, f"--by={by}", *self.arguments())
        return self.words

    def report(self, line: dict) -> None:
        """Take note of a line of the run's report. The last one is its result."""
        if line["step"] == END:
            result = {"changed": line["result"] != "unchanged", "release": line["release"], "seconds": line["seconds"], "result": line["result"]}
            if line["result"] not in GOOD:
                result.update(failed=True, msg=f'site "{self.site}": {line["message"]}')
            self.end(result)
            return
        self.steps.append(line)
        if line["result"] == "told":
            tell(self.site, line["message"])
        elif line["result"] in ("done", "failed"):
            tell(self.site, f"{line['step']} {line['seconds']:.1f} s{' failed' if line['result'] == 'failed' else ''}")

    def lose(self, error: AnsibleConnectionFailure) -> None:
        """End without the connection to the host."""
        step = next((line["step"] for line in reversed(self.steps)), "start")
        lost = f"{step}: the connection was lost ({error}). What was begun ends, or goes back, by itself; the next deploy waits for that"
        self.end({**failure(self.site, lost), "changed": bool(self.steps)})

    def end(self, result: dict) -> None:
        # Their messages are in "msg" and "warnings", and Ansible shows a failed result as a whole.
        steps = [{key: line[key] for key in ("step", "result", "seconds")} for line in self.steps if line["result"] != "begun"]
        warnings = [f'site "{self.site}": {line["step"]}: {line["message"]}' for line in self.steps if line["result"] == "warning"]
        self.result = {**result, "steps": steps, "warnings": warnings}


class Runs:
    """Runs of the engine on one host. What ends one of them ends no other."""

    def __init__(self, action: ActionBase) -> None:
        self.action = action
        self._controller = os.getppid()

    def go(self, runs: list[Run], at_once: int = 1) -> None:
        """Start the runs in order, at most so many at once, and follow them to their ends. Each has a result then."""
        while unfinished := [run for run in runs if run.result is None]:
            going = [run for run in unfinished if run.name]
            try:
                for run in [run for run in unfinished if not run.name]:
                    if len(going) < at_once and self._start(run, wait=not going):
                        going.append(run)
            except AnsibleConnectionFailure as error:
                # The host is not reached now. What goes on there is looked after once more.
                for run in [run for run in unfinished if not run.name and run.result is None]:
                    run.lose(error)
            if going:
                self._follow(going)
            self._expect_controller()

    def _start(self, run: Run, *, wait: bool) -> bool:
        """Whether the run is under way. Else it has failed, or another run of the site is to be waited for."""
        self._expect_controller()
        try:
            answer = ask(self.action, *run.start_words(), f"--since={run.waits_since}", f"--seconds={FOLLOW if wait else 0.0}")[-1]
        except AnsibleConnectionFailure:
            raise
        except Exception as error:
            run.end(failure(run.site, sentence(error)))
            return False
        run.name = answer.get("run", "")
        if run.name:
            return True
        if answer["followed"]:
            run.end(failure(run.site, f"another run is under way ({answer['busy']}); wait for its end"))
        elif answer["abandoned"] and run.waited_for != answer["busy"]:
            tell(run.site, f"waits for a run that nobody follows any more ({answer['busy']})")
            run.waited_for = answer["busy"]
        run.waits_since = answer["since"]
        return False

    def _follow(self, runs: list[Run]) -> None:
        """One look at the reports of these runs."""
        by_name = {run.name: run for run in runs}
        try:
            for line in ask(self.action, "follow", *(f"{run.name}={len(run.steps)}" for run in runs), f"--seconds={FOLLOW}"):
                by_name[line.pop("run")].report(line)
        except AnsibleConnectionFailure as error:
            for run in runs:
                run.lose(error)
        except AnsibleActionFail as error:
            for run in runs:
                run.end(failure(run.site, str(error)))

    def _expect_controller(self) -> None:
        # Ansible's main process may be killed without a word to this one, and then nobody waits for the runs.
        if os.getppid() != self._controller:
            raise AnsibleActionFail("Ansible itself is gone")
