# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.shortstop.django.plugins.plugin_utils.collect import Collected, collect
from ansible_collections.shortstop.django.plugins.plugin_utils.engine import Run, Runs, ask, failure, sentence, tell
from ansible_collections.shortstop.django.plugins.plugin_utils.git_source import git_revision

TOLD = 10  # names
SITE = {
    "name": {"type": "str", "required": True},
    "source": {"type": "path", "required": True},
    "revision": {"type": "str", "default": ""},
    "whole": {"type": "bool", "default": False},
    "told": {"type": "list", "elements": "str", "default": []},
    "migrates": {"type": "bool", "default": True},
}
OPTIONS = {
    "sites": {"type": "list", "elements": "dict", "required": True, "options": SITE},
    "asked_for": {"type": "bool", "default": False},
    "at_once": {"type": "int", "default": 0},
}


@dataclass(frozen=True)
class Archive:
    """A source as it is sent."""

    file: Path
    collected: Collected


class ActionModule(ActionBase):
    """Collect the sources here, ask the host which of them are news, and send those as their turns come."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(OPTIONS)
        sites = arguments["sites"]
        if not sites:
            return {"changed": False, "skipped": True, "results": []}
        with tempfile.TemporaryDirectory(prefix="shortstop-") as directory:
            releases = _Releases(self, Path(directory), asked_for=arguments["asked_for"])
            releases.go(sites, arguments["at_once"])
        results = [{"site_name": site["name"], "warnings": [], **releases.results[site["name"]]} for site in sites]
        return {
            "changed": any(result["changed"] for result in results),
            "failed": any(result.get("failed", False) for result in results),
            "results": results,
            "warnings": [warning for result in results for warning in result["warnings"]],
        }

    def cleanup(self, force=False):
        with suppress(AnsibleConnectionFailure):  # what became of the runs is the news
            super().cleanup(force)


class _Releases:
    """The sites of one task, and their results by name."""

    def __init__(self, action, directory, *, asked_for):
        self.action, self.directory, self.asked_for = action, directory, asked_for
        self.runs = Runs(action)
        self.results = {}
        self.archives = {}  # by source, which several sites may have in common
        self.sent = {}  # the paths of archives on the host

    def go(self, sites, at_once):
        archives = {}
        for site in sites:
            name = site["name"]
            try:
                archives[name] = self._collect(site["source"], site["whole"])
            except Exception as error:  # such as a file that cannot be read; the other sites are no worse for it
                self.results[name] = failure(name, sentence(error))
        plans, capacity = self._plans({name: archive.collected.digest for name, archive in archives.items()})
        runs = []
        for site in (site for site in sites if site["name"] in archives):
            name = site["name"]
            self.results[name] = self._without_run(name, plans[name])
            if not self.results[name]:
                runs.append(Run(name, "deploy", partial(self._arguments, site, archives[name])))
        self.runs.go(runs, at_once if at_once > 0 else capacity)
        for run in runs:
            self.results[run.site] = {**run.result, "warnings": [*run.result["warnings"], *_left_out(run.site, archives[run.site])]}

    def _collect(self, source, whole):
        if not Path(source).is_dir():
            raise AnsibleActionFail(f'key "source": there is no directory {source}')
        if (source, whole) not in self.archives:
            file = self.directory / f"{len(self.archives)}.tar.gz"
            self.archives[source, whole] = Archive(file, collect(Path(source), file, whole=whole))
        return self.archives[source, whole]

    def _plans(self, digests):
        """The host's answers by site, and how many sites it has room for at once."""
        if not digests:
            return {}, 1
        try:
            *answers, last = ask(self.action, "plan", *(f"{name}={digest}" for name, digest in digests.items()))
            return {answer["site"]: answer for answer in answers}, last["at_once"]
        except AnsibleConnectionFailure:
            raise
        except Exception as error:
            return {name: {"error": sentence(error)} for name in digests}, 1

    def _without_run(self, name, plan):
        """The result of a site whose plan says all, an empty one where a run is to follow."""
        is_check = self.action._task.check_mode
        if "error" in plan:
            # In check mode, what a release is made of may itself only be going to be written.
            return {"changed": True, "release": "", "result": "new"} if is_check else failure(name, plan["error"])
        new, live = plan["release"], plan["live"]
        if new == live:
            return {"changed": False, "release": new, "result": "unchanged"}
        if plan["held"] and not self.asked_for:
            held = f'site "{name}": release {new} was rolled back from, so {live or "nothing"} stays live; deploy it with -e only={name}, or change the source'
            return {"changed": False, "release": live, "result": "held", "warnings": [held]}
        return {"changed": True, "release": new, "result": "new"} if is_check else {}

    def _arguments(self, site, archive):
        """What a deploy of the site is started with. Its archive is sent now."""
        for told in site["told"]:
            tell(site["name"], told)
        revision = site["revision"] or git_revision(site["source"])
        words = (f"--source={archive.collected.digest}", f"--archive={self._send(archive.file)}", f"--revision={revision}")
        return words if site["migrates"] else (*words, "--no-migrate")

    def _send(self, file):
        if file not in self.sent:
            shell = self.action._connection._shell
            remote = shell.join_path(shell.tmpdir or self.action._make_tmp_path(), file.name)
            self.action._transfer_file(str(file), remote)
            self.action._fixup_perms2((shell.tmpdir, remote), execute=False)
            self.sent[file] = remote
        return self.sent[file]


def _left_out(site, archive):
    """A warning of what stayed on the controller, if anything did."""
    names = archive.collected.left_out
    if names:
        listed = ", ".join([*names[:TOLD], *(["…"] if names[TOLD:] else [])])
        yield f'site "{site}": not sent, since it looks like this machine\'s own: {listed}; what git tracks is always sent'
