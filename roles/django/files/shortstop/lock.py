"""One run at a time: each is the transient unit of its site, whose name is the lock, and which outlives whoever started it."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import programs
import systemd
from report import END
from site_config import INCOMING_DIR, RUN_DIR, Site

COMMAND = "/usr/local/sbin/shortstop"
PATIENCE = 20.0  # seconds without a look of its follower after which a run is abandoned
AGAIN = 0.2  # seconds between tries to begin a run
LOOK = 0.05  # seconds between looks into the reports
ASK = 0.5  # seconds between questions to systemd whether a run has ended without its last line
DAY = 24 * 3600
MEMORY = "512M"
ENDED = ("inactive", "failed")  # states of a unit
ALREADY = "already"  # systemd's word where a unit of that name is there


class Busy(Exception):
    """Another run holds the site's lock. Its text says which, whose and since when."""

    def __init__(self, holder: str, since: float, *, followed: bool = False) -> None:
        super().__init__(holder)
        self.since = since  # when the caller began to wait
        self.followed = followed  # somebody waits for its end
        self.abandoned = not followed and time.time() - since >= PATIENCE  # nobody does, so that it is worth waiting for


def unit(site: Site) -> str:
    return f"shortstop-deploy-{site.name}.service"


def start(site: Site, by: str, action: str, *arguments: str, archive: Path | None = None, since: float = 0.0, seconds: float = PATIENCE) -> str:
    """Begin a run as a unit of its own; returns its name, by which it is followed. Raises Busy.

    This attempt waits up to `seconds` for a run that nobody is seen to follow. Whoever tries again gives `since`, the time of the first attempt.
    """
    begun = time.time()
    since = since or begun
    for file in _dir().iterdir():
        if 0 < _changed(file) < begun - DAY:
            file.unlink(missing_ok=True)
    run = f"{site.name}-{uuid.uuid4().hex}"
    arguments = (f"--by={by}", f"--report={report_file(run)}", *arguments)
    own = INCOMING_DIR / f"{run}.tar.gz"
    try:
        if archive:
            # Under a name of this run alone, where no other user reaches it.
            INCOMING_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(archive, own)
            arguments = (*arguments, f"--archive={own}")
        while not _begin(site, by, run, action, arguments):
            if max((_changed(file) for file in _dir().glob(f"{site.name}-*.followed")), default=0.0) > since:
                raise Busy(holder(site), since, followed=True)
            if time.time() - begun >= seconds:
                raise Busy(holder(site), since)
            time.sleep(AGAIN)
    except BaseException:
        own.unlink(missing_ok=True)
        raise
    return run


def _begin(site: Site, by: str, run: str, action: str, arguments: tuple[str, ...]) -> bool:
    """Whether the run has begun; not where another one is under way."""
    # However it ends: what it left is put right before the lock is free.
    after = f"--property=ExecStopPost={COMMAND} settle {site.name} --report {report_file(run)}"
    done = programs.run(_words(site, by, action, ["--property=Type=exec", after], ["run", action, site.name, *arguments]))
    if done.returncode and ALREADY not in done.stderr:
        raise SystemExit(f"shortstop: {done.stderr.strip()}")
    return not done.returncode


def settle(site: Site, by: str) -> str:
    """Set a site right under its lock, and wait for that; returns why it could not be, "" where it could."""
    done = programs.run(_words(site, by, "settle", ["--wait", "--pipe"], ["settle", site.name, "--locked"]))
    if done.returncode and ALREADY in done.stderr:
        return f"{holder(site) or 'another run'} is under way; wait for its end"
    return done.stderr.strip() if done.returncode else ""


def _words(site: Site, by: str, action: str, options: list[str], command: list[str]) -> list[str]:
    """How to start the engine in the unit whose name is the site's lock."""
    return [
        # The engine itself is root's, so what a site hands to it must not take the server's memory.
        *("systemd-run", "--quiet", "--collect", f"--unit={unit(site)}", f"--property=MemoryMax={MEMORY}", *options),
        f"--description={action} of {site.name} by {by} since {datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S UTC}",
        # systemd would take a $ for a variable of its own.
        *(word.replace("$", "$$") for word in (COMMAND, *command)),
    ]


def holder(site: Site) -> str:
    """What holds the lock, or "" where nothing does."""
    state = systemd.show(unit(site), "Description", "ActiveState")
    return state["Description"] if state["ActiveState"] not in ENDED else ""


def follow(runs: dict[str, int], seconds: float = float("inf")) -> Iterator[tuple[str, dict]]:
    """The lines of these runs' reports after so many of each, as they come: until one of the runs ends, or for so many seconds.

    The last line of a run comes when its lock is free again. Who begins to follow says with it that somebody waits for the runs.
    """
    known = dict(runs)
    deadline = time.monotonic() + seconds
    asked = float("-inf")
    for run in runs:
        followed_file(run).touch()
    while True:
        lines = {run: _lines(run)[after:] for run, after in known.items()}
        over: set[str] = set()
        is_late = time.monotonic() >= deadline
        if is_late or time.monotonic() - asked >= ASK or any(new and new[-1]["step"] == END for new in lines.values()):
            asked = time.monotonic()
            states = systemd.states(*map(_unit_of, runs))
            over = {run for run, state in zip(runs, states, strict=True) if state in ENDED}
            lines |= {run: _lines(run)[known[run] :] for run in over}  # its last words may have come meanwhile
        for run, new in lines.items():
            shown = new if run in over else [line for line in new if line["step"] != END]
            known[run] += len(shown)
            yield from ((run, line) for line in shown)
            if run in over and not (new and new[-1]["step"] == END):
                message = f"the run ended without a word; see journalctl --unit={_unit_of(run)}"
                yield run, {"step": END, "result": "interrupted", "message": message, "seconds": 0.0, "release": ""}
        for run in over:
            for file in (report_file(run), followed_file(run)):
                file.unlink(missing_ok=True)
        if over or is_late:
            return
        time.sleep(LOOK)


def _unit_of(run: str) -> str:
    return f"shortstop-deploy-{run.rpartition('-')[0]}.service"


def _lines(run: str) -> list[dict]:
    file = report_file(run)
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0] if file.exists() else ""  # the last may be half written
    return [json.loads(line) for line in whole.splitlines()]


def report_file(run: str) -> Path:
    return _dir() / f"{run}.jsonl"


def followed_file(run: str) -> Path:
    """Its time says when somebody last looked after the run."""
    return _dir() / f"{run}.followed"


def _changed(file: Path) -> float:
    """When a file was changed last; 0 if it is gone, since whoever follows another run may remove theirs at any time."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _dir() -> Path:
    directory = RUN_DIR / "shortstop"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory
