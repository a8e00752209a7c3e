"""The few words that the engine says to systemd."""

from __future__ import annotations

import subprocess
from pathlib import Path

from report import StepFailed

SETTLE = "shortstop-settle.service"  # sets the sites right at boot, before timers and daemons start


def systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def show(unit: str, *properties: str) -> dict[str, str]:
    lines = systemctl("show", unit, f"--property={','.join(properties)}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def instances(unit: str) -> set[str]:
    """The releases of which a socket or service is known to systemd, whatever its state."""
    listed = systemctl("list-units", "--all", "--plain", "--no-legend", "--full", f"{unit}@*.socket", f"{unit}@*.service")
    return {line.split()[0].partition("@")[2].rpartition(".")[0] for line in listed.splitlines()}


def workers(service: str) -> set[int]:
    """The processes that a service's main process has started."""
    main = show(service, "MainPID")["MainPID"]
    try:
        return {int(pid) for pid in Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()}
    except OSError:
        return set()


def journal(unit: str, lines: int = 20) -> str:
    """The last lines that a unit logged."""
    command = ["journalctl", f"--unit={unit}", f"--lines={lines}", "--output=cat", "--no-pager"]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False).stdout.strip()


def queue(socket: str) -> int:
    """How many connections wait in a listening unix socket to be accepted."""
    listed = subprocess.run(["ss", "-xlnH", "src", socket], capture_output=True, text=True, check=True).stdout
    return sum(int(line.split()[2]) for line in listed.splitlines())


def reset_failed(units: list[str]) -> None:
    """Forget that units failed. One that systemd has forgotten already is what was wanted."""
    subprocess.run(["systemctl", "reset-failed", *units], capture_output=True, check=False)
