"""Tiny sites that turn on the host which deploys them, and a watch over what root does meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from house import Project, Run, Server

BOTH = os.environ.get("RELEASES", "bookworm trixie").split()
HERE = Path(__file__).parent
TINY = HERE / "tiny"
# What makes a terminal do something, or show a text in another order than it is written: all but tab and line break.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
MEGABYTE = 1 << 20
HEALTH_TIMEOUT = 15  # seconds
# What the engine may take for itself, whatever a site does.
ENGINE_MEMORY = 256 * MEGABYTE
ENGINE = "/usr/local/lib/shortstop/engine"
# Where what a site wrote lies.
OF_SITES = re.compile(r"/var/lib/shortstop/scratch/|/srv/\w+/(venvs|releases)/")
# It names what the site is to run, and removes what is left, which reads nothing.
MAY_NAME_THEM = re.compile(rf"(/usr/bin/python3 -I {ENGINE}|(/usr/bin/)?systemd-run|(/usr/bin/)?rm) ")
# How a message begins that is no sentence to an operator, but a mistake of the engine's.
MISTAKE = re.compile(r'site "\w+": [\w ]+: \w+(Error|Exception): ')

# Passes each look before a release is started, and serves nothing then.
NO_ANSWER = """
def application(environ, start_response):
    start_response("500 Internal Server Error", [])
    return []
"""
FORGET = """
systemctl stop 'gunicorn-NAME@*'
rm -rf /srv/NAME/releases/* /srv/NAME/venvs/* /srv/NAME/static/* /srv/NAME/live.sock /srv/NAME/current /srv/NAME/var/* /var/lib/shortstop/scratch/NAME-*
cd /etc/shortstop/NAME && rm -rf [0-9a-f]*.env [0-9a-f]*.jobs held.json under_way.json
cd /etc/systemd/system && rm -f gunicorn-NAME@[0-9a-f]*.service *.wants/gunicorn-NAME@*
systemctl daemon-reload
"""


@dataclass
class Hostile:
    """A site of a project whose source is written anew for each attack."""

    name: str
    project: Project
    keys: dict = field(default_factory=dict)
    mended: bool = False

    @property
    def source(self) -> Path:
        return self.project.directory / self.project.server.name / self.name

    @property
    def server(self) -> Server:
        return self.project.server

    @property
    def entry(self) -> dict:
        """What the inventory says of it."""
        named = {"domains": [f"{self.name}.example.com"], "source": {"path": str(self.source)}}
        return {**named, "database": "sqlite", "health_timeout": HEALTH_TIMEOUT, **self.keys}

    def write(self, files: dict[str, str | bytes] | None = None, *, links: dict[str, str] | None = None, requirements: str = "") -> Hostile:
        """Make the source the tiny site's with these files in it, or in place of its own."""
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(TINY, self.source, ignore=shutil.ignore_patterns("__pycache__"))
        for name, content in (files or {}).items():
            file = self.source / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        for name, target in (links or {}).items():
            (self.source / name).symlink_to(target)
        with (self.source / "requirements.txt").open("a") as file:
            file.write(requirements)
        return self

    def attack(self, code: str, **others: str | bytes) -> Hostile:
        """Write the source with this code in the module that every process of the site imports."""
        return self.write({"tiny/hostile.py": code, **{f"tiny/{name}.py": text for name, text in others.items()}})

    def package(self, members: dict[str, str], *, before: str = "") -> Hostile:
        """Write the source with a package whose wheel has these members; its build runs `before` first."""
        backend = (HERE / "backend.py").read_text()
        return self.write(
            {
                "package/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
                "package/backend.py": backend,
                "package/members.json": json.dumps(members),
                "package/before.py": before,
            },
            requirements="./package\n",
        )

    def start(self) -> subprocess.Popen:
        """Begin to deploy; where the site's keys are new, its units come first."""
        playbooks = ("deploy.yml",) if self.project.sites.get(self.name) == self.entry else ("web.yml", "deploy.yml")
        self.project.sites[self.name] = self.entry
        return self.project.start("--extra-vars", f"only={self.name}", playbooks=playbooks)

    def deploy(self, within: float = 420) -> Run:
        """Deploy, and stop what has not ended within so many seconds, whose status is then -1."""
        self.mended = False
        process = self.start()
        ended = True
        try:
            output, _none = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            ended = False
            self.stop()
            try:
                output, _none = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _none = process.communicate()
        return Run(process.returncode if ended else -1, output)

    def stop(self) -> None:
        """End what the host does for the site, as an operator would."""
        self.server.run(f"systemctl stop shortstop-deploy-{self.name}.service 'shortstop-run-{self.name}-*.service'", check=False)

    @property
    def live(self) -> str:
        """The id of the live release, "" where there is none."""
        return Path(self.server.run(f"readlink /srv/{self.name}/live.sock", check=False).strip()).stem

    @property
    def python(self) -> str:
        """What the live release's interpreter is in the end."""
        started = self.server.run(f"systemctl show --value --property=ExecStart gunicorn-{self.name}@{self.live}.service")
        path = re.search(r"path=(\S+)", started)[1]
        return self.server.run(f"readlink -f {path}").strip()

    def changed_code(self) -> list[str]:
        """The files of the source that the live release has otherwise, or not at all."""
        directory = self.server.run(f"systemctl show --value --property=WorkingDirectory gunicorn-{self.name}@{self.live}.service").strip()
        names = sorted(str(path.relative_to(self.source)) for path in self.source.rglob("*.py") if not path.is_symlink())
        said = self.server.run(f"cd {directory}; sha256sum {' '.join(names)} 2>/dev/null", check=False)
        there = {name: digest for digest, name in (line.split(maxsplit=1) for line in said.splitlines())}
        return [name for name in names if there.get(name) != hashlib.sha256((self.source / name).read_bytes()).hexdigest()]

    def mend(self) -> None:
        """The next good source needs no help."""
        self.write({"tiny/mended.py": f"# {os.urandom(8).hex()}\n"})
        self.deploy().expect_success()
        assert self.server.get(f"{self.name}.example.com").status == 200
        assert self.changed_code() == []
        self.mended = True

    def forget(self) -> None:
        """Take away all that a deploy has left, for the next attack to begin anew where this one has succeeded."""
        self.stop()
        self.server.run(FORGET.replace("NAME", self.name), check=False)


@dataclass(frozen=True)
class Process:
    """What a user's processes of these arguments took at most, in bytes."""

    user: int
    arguments: str
    memory: int


@contextmanager
def watched(server: Server) -> Iterator[list[Process]]:
    """A list that is filled in the end with the processes that ran on a host meanwhile."""
    seen: list[Process] = []
    words = ["docker", "exec", "--interactive", server.name, "python3", "-c", (HERE / "watch.py").read_text()]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watch:
        try:
            yield seen
        finally:
            said, _none = watch.communicate()
            seen.extend(Process(*line) for line in json.loads(said))


def engine_memory(processes: list[Process]) -> int:
    """What the engine took at most."""
    return max(process.memory for process in processes if process.user == 0 and ENGINE in process.arguments)


def root_on(processes: list[Process]) -> list[str]:
    """The programs that root ran on what a site wrote."""
    return [
        process.arguments for process in processes if process.user == 0 and OF_SITES.search(process.arguments) and not MAY_NAME_THEM.match(process.arguments)
    ]
