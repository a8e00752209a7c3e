# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect
from ansible_collections.shortstop.django.plugins.plugin_utils.engine import Run, guarded
from ansible_collections.shortstop.django.plugins.plugin_utils.git_source import git_revision

TOLD = 10  # names
OPTIONS = {
    "site": {"type": "str", "required": True},
    "source": {"type": "path", "required": True},
    "revision": {"type": "str", "default": ""},
    "whole": {"type": "bool", "default": False},
    "told": {"type": "list", "elements": "str", "default": []},
    "migrates": {"type": "bool", "default": True},
    "asked_for": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Collect the source here, ask the host whether that is news, and only then send it."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(OPTIONS)
        if not Path(arguments["source"]).is_dir():
            missing = f'site "{arguments["site"]}": key "source": there is no directory {arguments["source"]}'
            return {"failed": True, "result": "failed", "msg": missing}
        descriptor, archive = tempfile.mkstemp(prefix="shortstop-", suffix=".tar.gz")
        os.close(descriptor)
        try:
            return self._release(arguments, Path(archive))
        except AnsibleActionFail as error:
            return {"failed": True, "result": "failed", "msg": str(error)}
        finally:
            os.unlink(archive)

    def cleanup(self, force=False):
        with suppress(AnsibleConnectionFailure):  # what became of the run is the news
            super().cleanup(force)

    def _release(self, arguments, archive):
        site, source = arguments["site"], arguments["source"]
        collected = collect(Path(source), archive, whole=arguments["whole"])
        digest = collected.digest
        run = Run(self, site)
        # In check mode, what a release is made of may itself only be going to be written.
        plan = guarded(lambda: run.ask("plan", site, f"--source={digest}")[-1], self._task.check_mode)
        release = plan.get("release", "")
        if release and release == plan["live"]:
            return {"changed": False, "release": release, "result": "unchanged"}
        if release and plan["held"] and not arguments["asked_for"]:
            held = (
                f'site "{site}": release {release} was rolled back from, so {plan["live"] or "nothing"} stays live;'
                f" deploy it with -e only={site}, or change the source"
            )
            return {"changed": False, "release": plan["live"], "result": "held", "warnings": [held]}
        if self._task.check_mode:
            return {"changed": True, "release": release, "result": "new"}
        for sentence in arguments["told"]:
            run.tell(sentence)
        remote = self._connection._shell.join_path(self._make_tmp_path(), "source.tar.gz")
        self._transfer_file(str(archive), remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))
        words = [f"--source={digest}", f"--archive={remote}", f"--revision={arguments['revision'] or git_revision(source)}"]
        result = run.go("deploy", *words, *([] if arguments["migrates"] else ["--no-migrate"]))
        if collected.left_out:
            names = ", ".join([*collected.left_out[:TOLD], *(["…"] if collected.left_out[TOLD:] else [])])
            result["warnings"].append(f'site "{site}": not sent, since it looks like this machine\'s own: {names}; what git tracks is always sent')
        return result
