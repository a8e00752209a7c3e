#!/usr/bin/python
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Make a source and today's configuration the live release of a site
version_added: 0.1.0
author: The Shortstop founders (@shortstop)
description:
  - Collects the source on the controller and has the host's own program, C(shortstop), prepare it beside the live
    release, migrate, prove, flip and retire. Whatever fails before the flip has met no visitor.
  - The same source and configuration again change nothing.
  - The program runs as the unit C(shortstop-deploy-<site>.service), which is the lock, and outlives this module.
options:
  site:
    description: The name of the site.
    type: str
    required: true
  source:
    description: The directory of the source on the controller.
    type: path
    required: true
  source_sha256:
    description: The hash of the source's archive. Given by the action plugin, which collects the source.
    type: str
  archive:
    description: The archive on the host. Given by the action plugin once the host has said that this is news.
    type: path
  deployer:
    description: Who deploys, from where. Given by the action plugin.
    type: str
attributes:
  check_mode:
    description: Says whether there would be a new release, and which.
    support: full
"""

EXAMPLES = r"""
- name: Release the blog
  shortstop.django.release:
    site: blog
    source: /home/me/blog
"""

RETURN = r"""
release:
  description: The id of the release, 12 hexadecimal digits. Empty in check mode on a host that has no program yet.
  returned: always
  type: str
  sample: 0a1b2c3d4e5f
steps:
  description: What happened, in order.
  returned: when there was a new release
  type: list
  elements: dict
  contains:
    step:
      description: The step's name.
      type: str
    result:
      description: What became of it, such as C(done), C(failed) or C(warning).
      type: str
    message:
      description: A sentence, and the last lines of what was run where that failed.
      type: str
    seconds:
      description: How long it took.
      type: float
"""

import json
import shutil
import uuid
from datetime import datetime, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

ENGINE = "/usr/local/sbin/shortstop"
INCOMING = Path("/var/lib/shortstop/incoming")


def plan(module):
    """Ask the host's program which release this would be."""
    site = module.params["site"]
    if not Path(ENGINE).exists() or not Path(f"/etc/shortstop/{site}/site.json").exists():
        if module.check_mode:
            module.exit_json(changed=True, release="")
        module.fail_json(msg=f'site "{site}": {ENGINE} is not set up on this host; run role django as a whole')
    status, out, err = module.run_command([ENGINE, "plan", site, "--source", module.params["source_sha256"]])
    if status:
        if module.check_mode:
            # What the release is made of is itself only going to be written.
            module.exit_json(changed=True, release="")
        module.fail_json(msg=f'site "{site}": {err.strip()}')
    return json.loads(out)


def deploy(module):
    """Start the host's program as the unit that is the lock, and wait for its end."""
    site = module.params["site"]
    unit = f"shortstop-deploy-{site}.service"
    INCOMING.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Names of this run alone: another deploy of the site may be reading and writing its own.
    run = f"{site}-{uuid.uuid4().hex}"
    archive = INCOMING / f"{run}.tar.gz"
    shutil.copyfile(module.params["archive"], archive)
    report = Path(f"/run/shortstop/{run}.jsonl")
    since = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    words = ["systemd-run", "--quiet", "--collect", "--wait", f"--unit={unit}", "--property=Type=exec"]
    words.append(f"--description=deploy of {site} by {module.params['deployer']} since {since}")
    words += [ENGINE, "deploy", site, "--source", module.params["source_sha256"], "--archive", str(archive), "--report", str(report)]
    status, _out, err = module.run_command(words)
    archive.unlink(missing_ok=True)
    if "already" in err and unit in err:
        _status, holder, _err = module.run_command(["systemctl", "show", "--property=Description", "--value", unit])
        module.fail_json(msg=f'site "{site}": another deploy is under way ({holder.strip()}); wait for its end')
    steps = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()] if report.exists() else []
    report.unlink(missing_ok=True)
    if status:
        without_word = {"step": "deploy", "message": err.strip() or f"it ended without a word; see journalctl --unit={unit}"}
        failed = next((step for step in steps if step["result"] == "failed"), without_word)
        module.fail_json(msg=f'site "{site}": {failed["step"]}: {failed["message"]}')
    return steps


def main():
    module = AnsibleModule(
        argument_spec={
            "site": {"type": "str", "required": True},
            "source": {"type": "path", "required": True},
            # Given by the action plugin, which has collected the source.
            "source_sha256": {"type": "str", "no_log": False},
            "deployer": {"type": "str"},
            "archive": {"type": "path"},
        },
        supports_check_mode=True,
    )
    planned = plan(module)
    if planned["release"] == planned["live"]:
        module.exit_json(changed=False, release=planned["release"])
    if module.check_mode or not module.params["archive"]:
        module.exit_json(changed=True, release=planned["release"])
    steps = deploy(module)
    for step in steps:
        if step["result"] == "warning":
            module.warn(f'site "{module.params["site"]}": {step["step"]}: {step["message"]}')
    module.exit_json(changed=True, release=planned["release"], steps=steps)


if __name__ == "__main__":
    main()
