"""Counts the module runs of a playbook on its hosts.

An action may run several modules (copy: stat, then copy), and a loop runs one for each item, so neither tasks nor results are counted but the calls
of the method that starts a module. Forked workers inherit the wrapper, and each call appends one byte to the file that MODULE_RUNS names. What
runs on the controller is left out.
"""

from __future__ import annotations

import functools
import os

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_runs"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, _playbook: object) -> None:
        execute = ActionBase._execute_module
        file = os.open(os.environ["MODULE_RUNS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        @functools.wraps(execute)
        def counted(action: ActionBase, *arguments: object, **options: object) -> dict:
            if action._connection.transport != "local":
                os.write(file, b".")
            return execute(action, *arguments, **options)

        ActionBase._execute_module = counted
