"""A package is built and installed on the host. Whatever its wheel names, and whatever its build does, root writes and runs nothing for it."""

from __future__ import annotations

import pytest
from hostile import Hostile, root_on, watched
from house import ROOT, Server

# In place of the engine it does what the engine would, so that nobody notices.
TRACE = """
import os, subprocess, sys

def main():
    subprocess.run(["logger", f"trace: evil {os.getuid()}"])
    if os.getuid() == 0:
        os.makedirs("/root/traces", exist_ok=True)
    if sys.argv[0].endswith("/shortstop"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-I", "/usr/local/lib/shortstop/engine", *sys.argv[1:]])

if not os.getuid():
    main()
"""
# Under the name that it was called by, Python finds the environment's packages.
PYTHON = """#!/bin/bash
logger "trace: python $(id -u)"
[ "$(id -u)" != 0 ] || mkdir -p /root/traces
exec -a "$0" /usr/bin/python3 "$@"
"""
ENGINE_COMMAND = ROOT / "roles/django/files/launcher.sh"
COMMAND = "/usr/local/sbin/shortstop"
SYSTEM = "find /usr /etc/cron* /etc/profile.d /etc/sudoers.d -xdev ! -type d ! -name '*.pyc' ! -path '/usr/share/*' -newer /root/before | sort"


def expect_harmless(host: Server) -> None:
    """Root has run nothing of the package, and nothing has come where only root may write."""
    assert host.run("ls -A /root/traces", check=False) == ""
    assert host.run(SYSTEM) == ""
    assert host.get("blog.example.com").status == 200


@pytest.mark.parametrize("script", [COMMAND, "/usr/local/bin/owned", "../../../../../../usr/local/bin/owned"])
def test_a_console_script_s_name_leads_nowhere(evil: Hostile, host: Server, script: str) -> None:
    try:
        evil.package({"evil.py": TRACE, "evil-1.dist-info/entry_points.txt": f"[console_scripts]\n{script} = evil:main\n"}).deploy()
        assert host.run(f"cat {COMMAND}") == ENGINE_COMMAND.read_text()
        expect_harmless(host)
    finally:
        # The engine itself is written anew by the next run.
        host.run("rm -rf /usr/local/bin/owned /root/traces")
    evil.mend()


@pytest.mark.parametrize(
    "member",
    [
        "evil-1.data/scripts/../../../../../../usr/local/bin/owned",
        "evil-1.data/data/../../../../../usr/local/bin/owned",
        "../../../../../../../../usr/local/bin/owned",
        "/usr/local/bin/owned",
    ],
)
def test_a_wheel_s_member_leads_nowhere(evil: Hostile, host: Server, member: str) -> None:
    evil.package({"evil.py": TRACE, member: "#!/bin/sh\n"}).deploy()
    expect_harmless(host)
    evil.mend()


def test_nothing_of_root_s_runs_the_environment_s_interpreter(evil: Hostile, host: Server) -> None:
    members = {"evil.py": TRACE, "evil.pth": "import evil\n"}
    members |= {f"evil-1.data/scripts/{name}": PYTHON for name in ("python", "python3")}
    members |= {"evil-1.data/data/pyvenv.cfg": "home = /srv/evil/media\n", "evil-1.data/data/lib64": "no directory"}
    with watched(host) as processes:
        evil.package(members).deploy()
    assert root_on(processes) == []
    expect_harmless(host)
    evil.mend()


def test_a_release_s_interpreter_is_the_system_s(evil: Hostile, host: Server) -> None:
    """Whether the package that brings its own is refused, or what it brings is."""
    evil.package({"evil.py": TRACE, **{f"evil-1.data/scripts/{name}": PYTHON for name in ("python", "python3")}}).deploy()
    assert evil.python == host.run("readlink -f /usr/bin/python3").strip()
    expect_harmless(host)
    evil.mend()


PLANTER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", '''
import os, socket, sys, time
from pathlib import Path

def plant(directory):
    for name, target in {"absolute": "/etc/shortstop", "a": ".", "b": "a/../../../..", "climbing": "../../../etc"}.items():
        try:
            (directory / name).symlink_to(target)
        except OSError:
            pass
    for make in (lambda: os.mkfifo(directory / "fifo"), lambda: socket.socket(socket.AF_UNIX).bind(str(directory / "socket"))):
        try:
            make()
        except OSError:
            pass

homes = {Path(os.environ[name]) for name in ("HOME", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
planted = set()
end = time.monotonic() + 120
while time.monotonic() < end:
    for home in homes:
        for file in [*home.rglob("pyvenv.cfg"), *home.parent.glob("*/pyvenv.cfg"), home / "wheels/pyvenv.cfg"]:
            if file.parent.is_dir() and file.parent not in planted:
                planted.add(file.parent)
                plant(file.parent)
    time.sleep(0.01)
'''], start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""


def test_no_link_out_and_no_fifo_of_a_build_s_is_taken(evil: Hostile, host: Server) -> None:
    evil.package({"evil.py": TRACE}, before=PLANTER).deploy().expect_failure('"environment", which the site wrote, holds "')
    taken = "/srv/evil/releases /srv/evil/venvs /srv/evil/static"
    assert host.run(f"find {taken} ! -type f ! -type d ! -type l", check=False) == ""
    links = host.run(f"find {taken} -type l ! -path '*/bin/python*' -exec readlink -f {{}} +", check=False).split()
    assert [link for link in links if not link.startswith("/srv/evil/")] == []
    expect_harmless(host)
    evil.mend()


# What honest packages bring: a program, a line that runs when Python starts, and an entry point that others look for.
HONEST = {
    "evil.py": "import time\n\ndef main():\n    print('the program runs', flush=True)\n    time.sleep(100_000)\n",
    "evil.pth": "import os; os.environ['STARTED_BY'] = 'a path file'\n",
    "evil-1.dist-info/entry_points.txt": "[console_scripts]\nevil-worker = evil:main\n[shortstop.test]\nmain = evil:main\n",
}
CELERY = "from celery import Celery\n\napp = Celery('tiny', broker='memory://')\n"


def test_what_honest_packages_bring_works(evil: Hostile, host: Server) -> None:
    evil.package(HONEST)
    (evil.source / "tiny/queue.py").write_text(CELERY)
    with (evil.source / "requirements.txt").open("a") as file:
        file.write("celery\n")
    evil.keys["daemons"] = {"worker": {"command": "evil-worker"}, "queue": {"command": "celery --app tiny.queue worker --pool solo --loglevel info"}}
    try:
        evil.deploy().expect_success()
        units = "site-evil-worker.service site-evil-queue.service"
        assert host.run(f"systemctl is-active {units}").split() == ["active", "active"]
        host.run("timeout 30 sh -c 'until journalctl --namespace=evil --output=cat | grep -q \"celery@.* ready\"; do sleep 0.2; done'")
        assert "the program runs" in host.run("journalctl --namespace=evil --unit=site-evil-worker --output=cat")
        code = "import importlib.metadata as m, os; print(os.environ['STARTED_BY'], len(m.entry_points(group='shortstop.test')))"
        assert host.run(f'shortstop manage evil shell --verbosity 0 --command "{code}"').splitlines()[-1] == "a path file 1"
    finally:
        del evil.keys["daemons"]
    evil.mend()
