"""The few words that the engine says to systemd."""

from __future__ import annotations

from pathlib import Path

import programs
from report import StepFailed, tail

SETTLE = "shortstop-settle.service"  # sets the sites right at boot, before timers and daemons start


def systemctl(*words: str, seconds: float = programs.SECONDS) -> str:
    done = programs.run(["systemctl", *words], seconds=seconds)
    if done.returncode:
        raise StepFailed(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def stop(*units: str, seconds: float) -> None:
    """Stop units. What has not ended in this time is killed: a service may ask systemd for more time again and again."""
    try:
        systemctl("stop", *units, seconds=seconds)
    except programs.Exceeded:
        programs.run(["systemctl", "kill", "--signal=SIGKILL", *units])
        systemctl("stop", *units)


def show(unit: str, *properties: str) -> dict[str, str]:
    lines = systemctl("show", unit, f"--property={','.join(properties)}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def states(*units: str) -> list[str]:
    """The state of each unit, such as "active", in one question."""
    return [line.partition("=")[2] for line in systemctl("show", *units, "--property=ActiveState").splitlines() if line]


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


def journal(site: str, unit: str, lines: int = 200, since: float = 0.0) -> str:
    """The last lines that a unit of a site logged since then, and that systemd logged of it. A site may have logged one of any size."""
    try:
        # The site's own journald may not have read the last lines yet.
        programs.run(["journalctl", f"--namespace={site}", "--sync"])
        words = ["journalctl", f"--namespace=+{site}", f"--unit={unit}", f"--lines={lines}", f"--since=@{int(since)}", "--output=cat", "--no-pager"]
        said = programs.run(words).stdout
    except programs.Exceeded as error:
        said = error.output
    return tail(said, lines)


def queue(socket: str) -> int:
    """How many connections wait in a listening unix socket to be accepted."""
    listed = programs.run(["ss", "-xlnH", "src", socket])
    if listed.returncode:
        raise StepFailed(f"ss cannot list the socket {socket}: {listed.stderr.strip()}")
    return sum(int(line.split()[2]) for line in listed.stdout.splitlines())


def reset_failed(units: list[str]) -> None:
    """Forget that units failed. One that systemd has forgotten already is what was wanted."""
    programs.run(["systemctl", "reset-failed", *units])


def end(unit: str) -> None:
    """Kill all processes of a unit, and wait until they are gone. One that has ended already is what was wanted."""
    programs.run(["systemctl", "kill", "--signal=SIGKILL", unit])
    programs.run(["systemctl", "stop", unit])
    reset_failed([unit])


def result(unit: str) -> str:
    """How a unit ended, in systemd's word for it, which is then forgotten."""
    try:
        return show(unit, "Result").get("Result", "")
    except StepFailed:
        return ""
    finally:
        reset_failed([unit])
