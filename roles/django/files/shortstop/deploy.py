"""The road of a release: prepare, migrate, prove, flip, retire. Whatever fails before the flip has met no visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import audit
import database
import failed
import gates
import hold
import prepare
import prune
import reasons
import records
import release
import switch
from report import Report, StepFailed
from site_config import Site


def deploy(site: Site, source: str, archive: Path, report: Report, *, revision: str = "", by: str = "", migrates: bool = True) -> int:
    """Make this source, with today's configuration, the live release. Returns an exit status.

    `migrates` is False on all but one of several hosts that share the site's database.
    """
    new, old = release.identify(site, source), site.live
    if new == old:
        report.end("unchanged", new, f"release {new} is live already")
        return 0

    def make_ready() -> None:
        states: dict[str, database.State] = {}
        with report.step("prepare"):
            audit.begin(site, "deploy", by, new, revision)
            failed.forget(site)
            switch.sweep(site)
            is_fresh = records.read(site, new) is None
            for warning in prepare.prepare(site, new, source, revision, archive, states):
                report.say("prepare", "warning", warning)
            for line in _settings(site, new, old) if is_fresh else ():
                report.say("prepare", "told", line)
        with report.step("migrate"):
            if not migrates and (missing := database.state(site, new).unapplied):
                raise StepFailed(f"the host that migrates this database has not applied {', '.join(missing)}; deploy to it first")
            for warning in database.migrate(site, new, old, states.get(new)) if migrates else ():
                report.say("migrate", "warning", warning)
            for warning in gates.after_migrations(site, new, old):
                report.say("check", "warning", warning)
            records.write(site, new, previous=old, by=by)

    def finish() -> None:
        with report.step("prune"):
            hold.let_go(site)
            prune.prune(site)

    return go_live(site, new, report, make_ready, finish)


def _settings(site: Site, new: str, old: str | None) -> list[str]:
    """What is told of a new release's settings: the whole list, unless it is the live one's."""
    now, before = ((records.read(site, name) or {}).get("settings") if name else None for name in (new, old))
    if now and now == before:
        return [f"settings: {len(now)} are not the project's own, as before; shortstop settings {site.name} lists them"]
    return [f"settings: {line}" for line in now or ()]


def rollback(site: Site, to: str | None, report: Report, *, by: str = "", migrations: str = "") -> int:
    """Bring an earlier release back, the one before the live one unless `to` names another.

    `migrations` says what becomes of those that only the live release knows: "keep", "reverse", or "" to refuse.
    """
    live, chosen, unknown = site.live, to or records.previous(site), []

    def choose() -> None:
        with report.step("choose"):
            audit.begin(site, "rollback", by, chosen or "", "")
            if not live:
                raise StepFailed("nothing is live yet")
            others = [name for name, mark in records.finished(site).items() if name != live and "live_since" in mark]
            if chosen not in others:
                known = f"the releases that are kept are {', '.join(others)}" if others else "no other release is kept"
                raise StepFailed(f"there is no release {chosen} to go back to; {known}" if to else f"no release before {live} is kept; {known}")
            switch.sweep(site)
            unknown.extend(database.unknown(site, chosen, live, database.state(site, live).applied))
            if unknown and not migrations:
                raise StepFailed(
                    f"release {chosen} does not know these migrations: {', '.join(unknown)}. Say what becomes of them: migrations=keep leaves"
                    " them applied, migrations=reverse takes them back, with the data that only they hold"
                )
            # Before the flip, so that a kill cannot come between; what is still live is not held.
            hold.hold(site, live)

    def finish() -> None:
        if unknown and migrations == "reverse":
            with report.step("reverse"):
                database.reverse(site, live, chosen, unknown)

    return go_live(site, chosen or "", report, choose, finish)


def go_live(site: Site, new: str, report: Report, make_ready: Callable[[], None], finish: Callable[[], None]) -> int:
    """The part of the road that deploy and rollback share. Returns an exit status, which the report's last line explains."""
    old = site.live
    try:
        make_ready()
        with report.step("prove"):
            for warning in switch.prove(site, new):
                report.say("prove", "warning", warning)
        with report.step("flip"):
            switch.flip(site, new, old)
    except StepFailed:
        step, message = report.failure
        # What fails here too stands in the report; the next run sweeps.
        if step != "choose":
            with suppress(StepFailed), report.step("clean up"):
                switch.abandon(site, new)
                failed.keep(site, new)
        return _end(site, new, report, "failed", f"{step}: {message}")
    try:
        with report.step("retire"):
            switch.retire_all_but(site, new)
            failed.is_live(site, new)
        finish()
    except StepFailed:
        step, message = report.failure
        return _end(site, new, report, "live, but not done", f"{step}: {message}\nRelease {new} is live; the next run tries to take away what is left")
    return _end(site, new, report, "live")


def _end(site: Site, new: str, report: Report, result: str, message: str = "") -> int:
    """Tell the end. The record has the whole message, and whoever follows the run a short one that says how to see more."""
    message = report.masked(message)
    audit.end(site, result, message)
    report.end(result, new, "\n".join([reasons.short(message), *_ways_on(site, new, result)]) if message else "")
    return 0 if result == "live" else 1


def _ways_on(site: Site, new: str, result: str) -> Iterator[str]:
    """The commands that show more of a failure."""
    yield f"The whole message: sudo shortstop failure {site.name}"
    if result == "failed" and failed.release(site) == new and failed.can_run(site, new):
        yield f"To look into this release: sudo shortstop manage {site.name} --release {new} shell"
