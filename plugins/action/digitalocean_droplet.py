# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from importlib import import_module

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import result


class ActionModule(ActionBase):
    """Runs each module of DigitalOcean's (meta/runtime.yml) in this process: what it waits for is shown while it waits, and its token is in no file."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        module = import_module(f"ansible_collections.shortstop.django.plugins.modules.{self._task.action.rpartition('.')[2]}")
        _checked, options = self.validate_argument_spec(module.ARGUMENTS)
        return result(module.ABOUT, module.SCOPES, module.apply, options, self._task.check_mode, self._show)

    def _show(self, line):
        Display().display(f"  {line}")
