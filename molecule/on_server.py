"""What tests do on a server."""

from __future__ import annotations

import re
import subprocess

import testinfra


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
