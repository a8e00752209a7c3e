"""Steps prove, flip and retire: the release meets questions, then the visitors, and the old one goes home."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import explain
import failed
import jobs
import prune
import records
import static_files
import systemd
from report import StepFailed
from site_config import UNIT_DIR, Site
from visit import Answer, visit

STEADY = 1.5  # seconds that a new release answers without losing a worker before it is trusted
PAUSE = 0.2  # seconds between questions
START_TIMEOUT = 120.0  # seconds; systemd itself gives up after 90, unless the release asks it for more
STOP_SPARE = 30.0  # seconds beside the site's own timeout; systemd itself kills after 10
DRAIN_TIMEOUT = 30.0  # seconds for a retired one to accept what waits in its socket


def prove(site: Site, new: str) -> Iterator[str]:
    """Start the release beside the live one and visit it; yields warnings. systemd's word that it runs is no proof: workers load later."""
    service, start = site.units(new)[1], time.time()
    try:
        systemd.systemctl("start", *site.units(new), seconds=START_TIMEOUT)
    except StepFailed:
        refuse(site, new, _no_answer(site, "it did not start"), start)
    answers: list[Answer] = []
    asking = threading.Thread(target=_ask_once, args=(site, new, answers), daemon=True)
    asking.start()
    while asking.is_alive():
        asking.join(0.1)
        state = systemd.show(service, "ActiveState", "NRestarts")
        if asking.is_alive() and (state["ActiveState"] == "failed" or int(state["NRestarts"]) > 0):
            refuse(site, new, _no_answer(site, "it ended instead of answering"), start)
    refuse(site, new, answers[0], start)
    keep_asking(site, new, start)
    yield from look_at_page(site, new)


def _ask_once(site: Site, new: str, answers: list[Answer]) -> None:
    try:
        answers.append(visit(site, new, site.socket(new)))
    except Exception as error:
        answers.append(_no_answer(site, f"{type(error).__name__}: {error}"))


def keep_asking(site: Site, new: str, start: float) -> None:
    """One good answer is no proof either: a worker may die of what it loads, or of its first requests."""
    service = site.units(new)[1]
    known: set[int] = set()
    end = time.monotonic() + STEADY
    while True:
        now = systemd.workers(service)
        if known - now:
            refuse(site, new, _no_answer(site, "a worker ended while it was being asked"), start)
        known = now
        refuse(site, new, visit(site, new, site.socket(new)), start)
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(PAUSE, left))


def look_at_page(site: Site, new: str) -> Iterator[str]:
    """Warnings of what a visitor would miss on the page that the health path leads to."""
    answer = visit(site, new, site.socket(new), wants_page=True)
    refuse(site, new, answer)
    if answer.needs_login(site):
        yield f'{answer.path} answers with status {answer.status}, so no page was seen; a "health_path" that everybody may see proves more'
    if answer.page:
        try:
            missing = static_files.missing_of_page(site, new, f"{site.scheme}://{answer.host}{answer.path}", answer.page)
        except StepFailed as error:  # no reason to refuse a release that serves the page
            yield f"the page {answer.path} could not be searched for its stylesheets and scripts: {str(error).splitlines()[0].rstrip(':')}"
            return
        yield from (f"the page {answer.path} names {path}, which is not among the release's static files" for path in missing)


def _no_answer(site: Site, fault: str) -> Answer:
    return Answer(site.domain, site.health_path, fault=fault)


def refuse(site: Site, release: str, answer: Answer, since: float = 0.0) -> None:
    """Let a good answer pass. Another ends the step, with what the application logged `since` then."""
    if not answer.is_good(site):
        raise StepFailed(explain.refusal(site, release, answer, _log(site, release, since)))


def _log(site: Site, release: str, since: float = 0.0) -> str:
    return systemd.journal(site.name, site.units(release)[1], since=since)


class _NotServed(Exception):
    """A release that was proven does not serve its visitors."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.fault)
        self.answer = answer


def flip(site: Site, new: str, old: str | None) -> None:
    """Let visitors meet the new release: by renames alone, and back again if it does not answer them."""
    static_files.publish(site, new)
    # A boot reads the links anew. To have systemd read all units anew now would hold up the other deploys.
    systemd.systemctl("enable", "--quiet", "--no-reload", *site.units(new))
    try:
        jobs.pause(site)
        point(site, new)
        answer = visit(site, new, site.root / "live.sock")
        if not answer.is_good(site):
            raise _NotServed(answer)
        jobs.install(site, new)
        jobs.refuse_dead_daemons(site, new)
        records.write(site, new, live_since=time.time())
    except Exception as error:  # whatever it is: the caller stops this release next
        if old:
            point(site, old)
        else:
            unpoint(site)
        jobs_message = ""
        try:
            jobs.install(site, old)
        except StepFailed as jobs_error:
            jobs_message = f"\nIts timers and daemons did not come back: {jobs_error}"
        # Asked now, since it may take a minute and visitors are back where they were.
        said = explain.refusal(site, new, error.answer, _log(site, new)) if isinstance(error, _NotServed) else error
        raise StepFailed(f"went back to {f'release {old}' if old else 'nothing'}: {said}{jobs_message}") from error


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
    for name in records.names(site) - {live, failed.release(site)}:
        if records.read(site, name) is None:
            prune.forget(site, name)


def abandon(site: Site, new: str) -> None:
    """Stop a release that failed. It is kept until the next deploy, for `shortstop manage --release`."""
    stop(site, new)
    systemd.systemctl("daemon-reload")
