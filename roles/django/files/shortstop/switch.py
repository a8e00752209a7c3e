"""Steps prove, flip and retire: the release meets questions, then the visitors, and the old one goes home."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import jobs
import prune
import records
import static_files
import systemd
from report import StepFailed
from site_config import UNIT_DIR, Site

STEADY = 1.5  # seconds that a new release answers without losing a worker before it is trusted
PAUSE = 0.2  # seconds between questions
START_TIMEOUT = 120.0  # seconds; systemd itself gives up after 90, unless the release asks it for more
STOP_SPARE = 30.0  # seconds beside the site's own timeout; systemd itself kills after 10
DRAIN_TIMEOUT = 30.0  # seconds for a retired one to accept what waits in its socket


class _UnixConnection(http.client.HTTPConnection):
    """A connection that ends at the timeout as a whole: an answer that comes byte by byte has no longer than any other."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path
        self.over = False

    def connect(self) -> None:
        self.sock = self.own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))

    def end(self) -> None:
        self.over = True
        with suppress(OSError, AttributeError):  # not connected yet: then the socket's own timeout holds
            self.own.shutdown(socket.SHUT_RDWR)


def ask(site: Site, path: Path) -> int | str:
    """What a release answers to the health path, asked over its socket as nginx would: a status, or why there is none."""
    connection = _UnixConnection(path, site.health_timeout)
    deadline = threading.Timer(site.health_timeout, connection.end)
    deadline.daemon = True
    deadline.start()
    late = f"no answer within {site.health_timeout} seconds"
    try:
        headers = {"Host": site.domain, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": site.scheme, "User-Agent": "shortstop"}
        connection.request("GET", site.health_path, headers=headers)
        status = connection.getresponse().status
        # http.client takes a connection that ends among the headers for the end of the headers.
        return late if connection.over else status
    except TimeoutError:
        return late
    except (OSError, http.client.HTTPException, ValueError) as error:
        return late if connection.over else str(error) or "no answer"
    finally:
        deadline.cancel()
        connection.close()


def prove(site: Site, new: str) -> None:
    """Start the release beside the live one and ask it. systemd's word that it runs is no proof: workers load later."""
    service = site.units(new)[1]
    try:
        systemd.systemctl("start", *site.units(new), seconds=START_TIMEOUT)
    except StepFailed:
        refuse(site, service, "it did not start")
    answers: list[int | str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(site, site.socket(new))), daemon=True)
    asking.start()
    while asking.is_alive():
        asking.join(0.1)
        state = systemd.show(service, "ActiveState", "NRestarts")
        if asking.is_alive() and (state["ActiveState"] == "failed" or int(state["NRestarts"]) > 0):
            refuse(site, service, "it ended instead of answering")
    refuse(site, service, answers[0])
    keep_asking(site, new)


def keep_asking(site: Site, new: str) -> None:
    """One good answer is no proof either: a worker may die of what it loads, or of its first requests."""
    service = site.units(new)[1]
    known: set[int] = set()
    end = time.monotonic() + STEADY
    while True:
        now = systemd.workers(service)
        if known - now:
            refuse(site, service, "a worker ended while it was being asked")
        known = now
        refuse(site, service, ask(site, site.socket(new)))
        if time.monotonic() >= end:
            return
        time.sleep(PAUSE)


def refuse(site: Site, service: str, answer: int | str) -> None:
    """Let a good answer pass. What stands in the way otherwise is told with what the application said of it."""
    if not isinstance(answer, int) or answer >= 400:
        said = f"status {answer}" if isinstance(answer, int) else answer
        raise StepFailed(f"it does not serve {site.health_path}: {said}. The last lines of its log:\n{systemd.journal(site.name, service)}")


def flip(site: Site, new: str, old: str | None) -> None:
    """Let visitors meet the new release: by renames alone, and back again if it does not answer them."""
    static_files.publish(site, new)
    systemd.systemctl("enable", "--quiet", *site.units(new))
    try:
        jobs.pause(site)
        point(site, new)
        refuse(site, site.units(new)[1], ask(site, site.root / "live.sock"))
        jobs.install(site, new)
        jobs.refuse_dead_daemons(site, new)
        records.write(site, new, live_since=time.time())
    except Exception as error:  # whatever it is: the caller stops this release next
        if old:
            point(site, old)
        else:
            unpoint(site)
        message = f"went back to {f'release {old}' if old else 'nothing'}: {error}"
        try:
            jobs.install(site, old)
        except StepFailed as jobs_error:
            message += f"\nIts timers and daemons did not come back: {jobs_error}"
        raise StepFailed(message) from error


def point(site: Site, name: str) -> None:
    """`live.sock` is what nginx connects to, `current` is for people. The first decides."""
    for link, target in ((site.root / "live.sock", site.socket(name)), (site.root / "current", Path("releases") / name)):
        temporary = link.with_name(f".{link.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        os.replace(temporary, link)


def unpoint(site: Site) -> None:
    for link in (site.root / "live.sock", site.root / "current"):
        link.unlink(missing_ok=True)


def retire_all_but(site: Site, live: str) -> None:
    for name in sorted(systemd.instances(site.unit) - {live}):
        retire(site, name)


def retire(site: Site, name: str) -> None:
    """Stop a release that nobody is sent to any more: first it accepts what waits, then it finishes what it accepted."""
    deadline = time.monotonic() + DRAIN_TIMEOUT
    while systemd.queue(str(site.socket(name))) and time.monotonic() < deadline:
        time.sleep(0.02)
    stop(site, name)


def stop(site: Site, name: str) -> None:
    systemd.stop(*site.units(name), seconds=site.timeout + STOP_SPARE)
    if site.service_file(name).exists():
        systemd.systemctl("disable", "--quiet", *site.units(name))
    systemd.reset_failed(site.units(name))


def sweep(site: Site) -> None:
    """Finish what a run left behind that was killed: whatever is not live has no business to run, or to start at boot."""
    live = site.live
    wanted = {link.name.partition("@")[2].rpartition(".")[0] for link in UNIT_DIR.glob(f"*.wants/{site.unit}@*")}
    for name in sorted((systemd.instances(site.unit) | wanted) - {live, ""}):
        stop(site, name)
    for name in records.names(site) - {live}:
        if records.read(site, name) is None:
            prune.forget(site, name)


def abandon(site: Site, new: str) -> None:
    """Take a release away that failed, unless an earlier day kept it."""
    stop(site, new)
    if (records.read(site, new) or {}).get("live_since") is None:
        prune.forget(site, new)
    systemd.systemctl("daemon-reload")
