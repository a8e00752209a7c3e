"""Timers and daemons: a site's own work beside its answers, as units of systemd that always run the live release.

Their names are the site's, not the release's, so that systemd itself never runs one twice; their texts are the live
release's, and change places when it does.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import runner
import systemd
from report import StepFailed
from site_config import UNIT_DIR, Site

HEAD = "# Managed by shortstop.django; each release brings its own text.\n\n"
# A daemon that keeps dying gives up after some five minutes, and shows in `systemctl --failed`.
DAEMON_RESTART = {"Restart": "always", "RestartSec": "5", "TimeoutStopSec": "60"}
DAEMON_LIMITS = {"StartLimitIntervalSec": "360", "StartLimitBurst": "60"}
WATCHED = 3.0  # seconds that a new release's daemons run before they are trusted
PAUSE = 0.2  # seconds between looks


def unit_name(site: Site, job: str) -> str:
    return f"site-{site.name}-{job}"


def texts(site: Site, release: str, service: str) -> dict[str, str]:
    """The units of a release's timers and daemons by file name; `service` is the text of its gunicorn unit."""
    units = {}
    for job, timer in site.timers.items():
        when = f"OnCalendar={timer['calendar']}\nPersistent=yes" if timer.get("calendar") else f"OnActiveSec=5s\nOnUnitActiveSec={timer['every']}"
        units[f"{unit_name(site, job)}.timer"] = (
            f"{HEAD}[Unit]\nDescription=Site {site.name}, timer {job}\n\n[Timer]\n{_verbatim(when)}\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
        )
        own = {"Type": "oneshot", "TimeoutStartSec": str(timer["timeout"])}
        units[f"{unit_name(site, job)}.service"] = _service(site, release, service, f"timer {job}", timer["command"], {}, own)
    for job, daemon in site.daemons.items():
        own = {"Type": "exec", **DAEMON_RESTART}
        install = "\n[Install]\nWantedBy=multi-user.target\n"
        units[f"{unit_name(site, job)}.service"] = _service(site, release, service, f"daemon {job}", daemon["command"], DAEMON_LIMITS, own) + install
    return units


def _service(site: Site, release: str, service: str, what: str, command: str, limits: dict[str, str], own: dict[str, str]) -> str:
    lines = {
        **own,
        "WorkingDirectory": str(runner.working_directory(service, release)),
        "EnvironmentFile": str(site.release_environment(release)),
        "ExecStart": _exec_start(site, release, command),
    }
    unit = {"Description": f"Site {site.name}, {what}, release {release}", "After": f"network.target postgresql.service {systemd.SETTLE}", **limits}
    return (
        f"{HEAD}[Unit]\n{_assignments(unit)}\n[Service]\n{_assignments(lines)}\n"
        f"{runner.SANDBOX_MARK} as every process of the site.\n" + "\n".join(runner.sandbox(service)) + "\n"
    )


def _assignments(lines: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def _verbatim(text: str) -> str:
    return text.replace("%", "%%")


def _exec_start(site: Site, release: str, command: str) -> str:
    """A command as systemd reads it: `manage.py` and the programs of the virtual environment by their paths, nothing expanded."""
    words = command_words(site, release, command)
    return " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%") + '"' for word in words)


def command_words(site: Site, release: str, command: str) -> list[str]:
    programs = site.release_dir(release) / "venv/bin"
    first, *others = shlex.split(command)
    if first == "manage.py":
        return [str(programs / "python"), first, *others]
    return [str(programs / first), *others]


def write(site: Site, release: str) -> None:
    """Keep the units with the release, and refuse what systemd or the release cannot run."""
    directory = site.jobs_dir(release)
    directory.mkdir(mode=0o700, exist_ok=True)
    for name, text in texts(site, release, site.service_file(release).read_text(encoding="utf-8")).items():
        (directory / name).write_text(text, encoding="utf-8")
    for job, timer in site.timers.items():
        if timer.get("calendar"):
            runner.execute(["systemd-analyze", "calendar", timer["calendar"]], f'timer "{job}": calendar "{timer["calendar"]}"')
    for job, given in {**site.timers, **site.daemons}.items():
        program = Path(command_words(site, release, given["command"])[0])
        if not program.exists():
            raise StepFailed(f'"{job}": there is no program {program}; a command begins with manage.py or a program that the requirements install')


def pause(site: Site) -> None:
    """Let no timer begin a run. One that is under way ends as what it was begun."""
    for name in _installed(site):
        if name.endswith(".timer"):
            systemd.systemctl("stop", name)


def install(site: Site, release: str | None, *, wait: bool = True) -> None:
    """Make the timers and daemons those of this release: the old daemons stop, then the new ones start.

    At boot nobody may `wait` for a start: what is to start waits for this to end.
    """
    directory = site.jobs_dir(release) if release else None
    wanted = {file.name: file.read_text(encoding="utf-8") for file in directory.iterdir()} if directory and directory.is_dir() else {}
    installed = _installed(site)
    # A daemon that became a timer's service is no daemon any more, whatever its name.
    gone = sorted(name for name in installed if name not in wanted or (_is_starter(name, installed) and not _is_starter(name, wanted)))
    if gone:
        systemd.systemctl("disable", "--quiet", "--now", *gone)
        for name in gone:
            (UNIT_DIR / name).unlink()
        systemd.reset_failed(gone)  # nobody could mend it any more
    changed = [name for name in wanted if installed.get(name) != wanted[name]]
    for name in changed:
        (UNIT_DIR / name).write_text(wanted[name], encoding="utf-8")
    if gone or changed:
        systemd.systemctl("daemon-reload")
    starters = [name for name in wanted if _is_starter(name, wanted)]
    if starters:
        block = [] if wait else ["--no-block"]
        systemd.systemctl("enable", "--quiet", *starters)
        daemons = [name for name in changed if name in starters and name.endswith(".service")]
        if daemons:
            systemd.reset_failed(daemons)
            systemd.systemctl("restart", *block, *daemons)
        systemd.systemctl("start", *block, *starters)


def _is_starter(name: str, units: dict[str, str]) -> bool:
    """Timers and daemons start by themselves; a timer's service does not."""
    return name.endswith(".timer") or f"{Path(name).stem}.timer" not in units


def refuse_dead_daemons(site: Site, release: str) -> None:
    """Watch the release's daemons for a while: that one was started is no proof."""
    units = {file.name: "" for file in site.jobs_dir(release).glob("*")}
    daemons = [name for name in units if name.endswith(".service") and _is_starter(name, units)]
    end = time.monotonic() + WATCHED
    while daemons:
        for service in daemons:
            state = systemd.show(service, "ActiveState", "SubState", "NRestarts")
            if state["ActiveState"] == "failed" or state["SubState"] == "auto-restart" or int(state["NRestarts"]) > 0:
                raise StepFailed(f"the daemon {service} ended. The last lines of its log:\n{systemd.journal(site.name, service)}")
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(PAUSE, left))


def _installed(site: Site) -> dict[str, str]:
    files = [file for suffix in ("service", "timer") for file in UNIT_DIR.glob(f"site-{site.name}-*.{suffix}")]
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(files)}
