"""What tests do on a server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import testinfra

# The limit on files stands in the unit, where systemd sets it for master and workers. The hybrid key exchange is asked of Debian 13's
# OpenSSL alone, which knows it.
NO_PROBLEMS = "worker_rlimit_nofile_vs_connections,ssl_ecdh_curve"

SSH_POLICIES = {
    "bookworm": "Hardened Debian 12 (version 3)",
    "trixie": "Hardened Debian 13 (version 1)",
    "jammy": "Hardened Ubuntu Server 22.04 LTS (version 6)",
    "noble": "Hardened Ubuntu Server 24.04 LTS (version 2)",
}


def get(server: testinfra.host.Host, domain: str, path: str = "/", *options: str, scheme: str = "http") -> tuple[str, str]:
    """Its own answer, as (head, body). A certificate may be anybody's."""
    ask = "curl --silent --show-error --include --max-time 10 --http1.1 --insecure --path-as-is --connect-to ::127.0.0.1:"
    answer = server.run(f"{ask} {' '.join(options)} '{scheme}://{domain}{path}'")
    assert answer.rc == 0, answer.stderr
    head, _, body = answer.stdout.replace("\r", "").partition("\n\n")
    return head, body


def header(head: str, name: str) -> str | None:
    """All values of a header."""
    return ", ".join(re.findall(rf"^{name}: (.*)$", head, re.MULTILINE)) or None


def until(server: testinfra.host.Host, seconds: int, condition: str) -> None:
    """Wait for a shell's condition on the server."""
    waited = server.run("timeout %s sh -c %s", str(seconds), f"until {condition}; do sleep 0.1; done")
    assert waited.rc == 0, f"not within {seconds} s: {condition}"


def kill(server: testinfra.host.Host, unit: str) -> str:
    """End the unit's main process; returns the condition that another one runs."""
    main = f"systemctl show --value --property MainPID {unit}"
    killed = server.check_output(main)
    server.check_output(f"kill -KILL {killed}")
    return f"main=$({main}) && [ $main != 0 ] && [ $main != {killed} ]"


def put(server: testinfra.host.Host, path: str, text: str) -> None:
    """Write a file."""
    subprocess.run(["docker", "exec", "--interactive", server.backend.name, "sh", "-c", f"cat >{path}"], input=text, text=True, check=True)


def ssh_audit(server: testinfra.host.Host) -> subprocess.CompletedProcess:
    """What ssh-audit says of its sshd, measured against its policy of the release. Afterwards sshd turns this machine away for a while."""
    name = server.backend.name
    policy = SSH_POLICIES[server.system_info.codename]
    port = subprocess.run(["docker", "port", name, "22/tcp"], check=True, capture_output=True, text=True).stdout.rpartition(":")[2].strip()
    return subprocess.run(["ssh-audit", "--no-colors", "--policy", policy, "--port", port, "127.0.0.1"], check=False, capture_output=True, text=True)


@contextmanager
def stranger(server: testinfra.host.Host, name: str, network: str) -> Iterator[str]:
    """Somebody else in a network of the server's: gives how a command of theirs begins. They have .2, and know the server as .1."""
    server.check_output(f"ip netns add {name} && ip link add {name} type veth peer name eth0 netns {name}")
    server.check_output(f"ip address add {network}.1/24 dev {name} && ip link set {name} up")
    server.check_output(f"ip -n {name} address add {network}.2/24 dev eth0 && ip -n {name} link set eth0 up")
    try:
        yield f"ip netns exec {name}"
    finally:
        server.run(f"ip netns delete {name}")


def linted(server: testinfra.host.Host, directory: Path) -> str:
    """What gixy says of the configuration that nginx has."""
    dump = directory / "nginx.conf"
    dump.write_text(server.run("nginx -T").stdout, encoding="utf-8")
    assert "server_name blog.example.com;" in dump.read_text(encoding="utf-8")
    said = subprocess.run(["gixy", "--skips", NO_PROBLEMS, dump], capture_output=True, text=True, check=False)
    return said.stdout + said.stderr
