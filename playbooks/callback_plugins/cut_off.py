# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Says at the end of a run what may have happened to a host that answered first and then did not.

A play cannot say it: when the last host of a play is lost, Ansible starts no further play. Ansible loads what lies beside a
playbook, so nobody has to enable this.
"""

from __future__ import annotations

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: cut_off
type: notification
short_description: Says what may have happened to a host that was lost in the middle of a run
description:
  - At the end of a run, names the hosts that answered first and then did not, and what to do.
"""

SENTENCE = (
    "{hosts}: the connection was lost in the middle of the run. The server may be down, or fail2ban may have banned the address of this machine. "
    'Run the playbook again in ten minutes. If the server still does not answer, open the provider\'s console, run "fail2ban-client banned", '
    'and if it shows the address of this machine, "fail2ban-client unban ADDRESS".'
)


class CallbackModule(CallbackBase):
    """Counts as an answer what a module on the host gave back."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "cut_off"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self):
        super().__init__()
        self.answered = set()

    def v2_runner_on_ok(self, result):
        """Actions that run on the controller alone have no invocation of a module."""
        if "invocation" in result._result:
            self.answered.add(result._host.get_name())

    def v2_playbook_on_stats(self, stats):
        """Tell once of all hosts that were lost."""
        lost = sorted(host for host in stats.dark if host in self.answered)
        if lost:
            self._display.warning(SENTENCE.format(hosts=", ".join(lost)))
