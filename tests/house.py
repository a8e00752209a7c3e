"""What drills are made of: a host, the project that Ansible runs from, visitors, and those who watch."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "tests/host/host"
VISITORS = 4
# All visitors come from the engine's network, and more often than people do.
USUAL = {"site_common": {"tls": "off"}, "base_never_banned": ["172.16.0.0/12"], "nginx_requests_per_second": 1000}
RECAP = re.compile(r"^\S+\s+: ok=\d+\s+changed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """A test host."""

    name: str

    def run(self, command: str, check: bool = True) -> str:
        """What a shell command on the host prints."""
        done = subprocess.run(["docker", "exec", self.name, "sh", "-c", command], capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{self.name}: {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def succeeds(self, command: str) -> bool:
        return subprocess.run(["docker", "exec", self.name, "sh", "-c", command], capture_output=True, check=False).returncode == 0

    def write(self, path: str, text: str) -> None:
        subprocess.run(["docker", "exec", "--interactive", self.name, "sh", "-c", f"cat >{path}"], input=text, text=True, check=True)

    def port(self, inner: int) -> int:
        listed = subprocess.run(["docker", "port", self.name, f"{inner}/tcp"], capture_output=True, text=True, check=True).stdout
        return int(listed.rsplit(":", 1)[1])

    @property
    def address(self) -> str:
        """By which other test hosts reach it."""
        return self.run("hostname --ip-address").split()[0]

    def live(self, site: str) -> str:
        return self.run(f"basename $(readlink /srv/{site}/current)").strip()

    def main_process(self, site: str) -> int:
        return int(self.run(f"systemctl show --value --property MainPID gunicorn-{site}@{self.live(site)}.service"))

    def get(self, domain: str, path: str = "/", timeout: float = 10, cookie: str = "") -> http.client.HTTPResponse:
        """The answer to one request over the published port, its body read already."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(80), timeout=timeout)
        try:
            connection.request("GET", path, headers={"Host": domain, "Connection": "close", "Cookie": cookie})
            answer = connection.getresponse()
            answer.body = answer.read().decode()
            return answer
        finally:
            connection.close()

    def fingerprint(self) -> str:
        """All that Shortstop could change."""
        script = (ROOT / ".config/molecule/fingerprint.sh").read_text()
        return self.run(script)


@contextmanager
def fresh_host(name: str, release: str) -> Iterator[Server]:
    """A test host that nothing has touched, gone in the end."""
    subprocess.run([HOST, "stop", name], check=True)
    subprocess.run([HOST, "start", name, release, "127.0.0.1::80"], check=True)
    yield Server(name)
    # What a failed drill left may be worth a look.
    if not os.environ.get("KEEP_HOSTS"):
        subprocess.run([HOST, "stop", name], check=True)


@dataclass(frozen=True)
class Run:
    """A playbook's run."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        """How many tasks changed something on each host, in which all hosts must agree."""
        numbers = {int(number) for number in RECAP.findall(self.output)}
        assert len(numbers) == 1, self.output[-8000:]
        return numbers.pop()

    def sentence(self, site: str) -> str:
        """What the run says first of a site, "" if nothing."""
        found = re.search(rf'site "{site}": .*', self.output)
        return found[0] if found else ""

    def expect_success(self) -> Run:
        assert self.status == 0, self.output[-8000:]
        return self

    def expect_failure(self, sentence: str) -> Run:
        assert self.status != 0, "the run was expected to fail"
        assert sentence in " ".join(self.output.split()), self.output[-8000:]
        return self


@dataclass
class Project:
    """A directory with an inventory, as a user would have it: one host that has all, and perhaps others that serve sites, too."""

    directory: Path
    server: Server
    others: list[Server] = field(default_factory=list)
    sites: dict = field(default_factory=dict)
    variables: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    playbook: Path = ROOT / "site.yml"
    root: Path = ROOT  # the checkout whose roles are played

    def bundled(self, name: str) -> dict:
        return {"domains": [f"{name}.example.com"], "source": "tatis", "health_path": "/healthz"}

    def write(self) -> None:
        door = {
            "ansible_host": "127.0.0.1",
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(ROOT / ".cache/test_host_key"),
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        }
        hosts = {server.name: {**door, "ansible_port": server.port(22)} for server in (self.server, *self.others)}
        groups = {"web": {"hosts": {name: {} for name in hosts}}, "database": {"hosts": {self.server.name: {}}}}
        inventory = {"all": {"hosts": hosts, "children": groups}}
        (self.directory / "inventory/group_vars/all").mkdir(parents=True, exist_ok=True)
        (self.directory / "inventory/hosts.yml").write_text(yaml.safe_dump(inventory))
        (self.directory / "inventory/group_vars/all/sites.yml").write_text(yaml.safe_dump({**USUAL, "sites": self.sites, **self.variables}))

    def command(self, *arguments: str, playbooks: tuple[str, ...] = ()) -> list[str]:
        self.write()
        played = [ROOT / "playbooks" / name for name in playbooks] or [self.playbook]
        return ["ansible-playbook", "-i", str(self.directory / "inventory"), *map(str, played), *arguments]

    def start(self, *arguments: str, playbooks: tuple[str, ...] = ()) -> subprocess.Popen:
        """Begin to run the project's playbook, or others of the collection's by their names, as a process group of its own."""
        environment = {**os.environ, "ANSIBLE_CONFIG": str(self.root / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **self.environment}
        return subprocess.Popen(
            self.command(*arguments, playbooks=playbooks),
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def play(self, *arguments: str, playbooks: tuple[str, ...] = ()) -> Run:
        """Run a playbook to its end."""
        process = self.start(*arguments, playbooks=playbooks)
        try:
            output, _none = process.communicate()
        finally:
            # An interrupted drill leaves no run behind.
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
        return Run(process.returncode, output)


class Visitors:
    """A constant load over the published port that never retries: whatever is not a good answer counts as failed."""

    def __init__(self, server: Server, domain: str, rate: float = 20, path: str = "/") -> None:
        self.server, self.domain, self.rate, self.path = server, domain, rate, path
        self.asked = 0
        self.failed: list[str] = []
        self.slowest = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._port = server.port(80)

    def __enter__(self) -> Visitors:
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(VISITORS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        pause = VISITORS / self.rate
        self._stop.wait(number / self.rate)
        while not self._stop.is_set():
            start = time.monotonic()
            error = self._ask()
            seconds = time.monotonic() - start
            with self._lock:
                self.asked += 1
                self.slowest = max(self.slowest, seconds)
                if error:
                    self.failed.append(error)
            self._stop.wait(max(0.0, pause - seconds))

    def _ask(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", self.path, headers={"Host": self.domain, "Connection": "close"})
            status = connection.getresponse()
            status.read()
            return "" if status.status < 400 else f"status {status.status}"
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()


class Watcher:
    """Reads the process lists of this machine and of test hosts as often as it can, and keeps the lines that show a secret."""

    def __init__(self, secrets: Iterable[str], *servers: Server) -> None:
        self.secrets, self.servers = forms(*secrets), servers
        self.seen: set[str] = set()
        self.reads = 0
        self._stop = threading.Event()

    def __enter__(self) -> Watcher:
        listing = ["ps", "axww", "-o", "args"]
        commands = [listing, *(["docker", "exec", server.name, *listing] for server in self.servers)]
        self._threads = [threading.Thread(target=self._watch, args=(command,)) for command in commands]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, command: list[str]) -> None:
        while not self._stop.is_set():
            lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
            self.reads += 1
            self._stop.wait(0.05)
            self.seen.update(line for line in lines if any(secret in line for secret in self.secrets))


def forms(*secrets: str) -> list[str]:
    """A secret as it is, and as base64, which modules' arguments and results travel in."""
    return [*secrets, *(base64.b64encode(secret.encode()).decode().rstrip("=")[:-2] for secret in secrets)]
