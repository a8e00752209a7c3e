# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import getpass
import os
import socket
import tempfile
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect


class ActionModule(ActionBase):
    """Collect the source here, ask the host whether that is news, and only then send it."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec({"site": {"type": "str", "required": True}, "source": {"type": "path", "required": True}})
        if not Path(arguments["source"]).is_dir():
            raise AnsibleActionFail(f'site "{arguments["site"]}": key "source": there is no directory {arguments["source"]}')
        descriptor, archive = tempfile.mkstemp(prefix="shortstop-", suffix=".tar.gz")
        os.close(descriptor)
        try:
            return self._release(arguments["site"], Path(arguments["source"]), Path(archive), task_vars)
        finally:
            os.unlink(archive)
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _release(self, site, source, archive, task_vars):
        arguments = {
            "site": site,
            "source": str(source),
            "source_sha256": collect(source, archive),
            "deployer": f"{getpass.getuser()}@{socket.gethostname()}",
        }
        plan = self._execute_module(module_args=arguments, task_vars=task_vars)
        if plan.get("failed") or not plan.get("changed") or self._task.check_mode:
            return plan
        remote = self._connection._shell.join_path(self._make_tmp_path(), "source.tar.gz")
        self._transfer_file(str(archive), remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        return self._execute_module(module_args={**arguments, "archive": remote}, task_vars=task_vars)
