"""Prove, flip and retire: a release meets a question, then the visitors, and the old one goes home."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import failed
import jobs
import programs
import pytest
import records
import switch
import systemd
from report import StepFailed
from visit import Answer

NEW, OLD = "0000000000aa", "0000000000bb"


def running(machine, *units: str) -> None:
    machine.answer("list-units", "".join(f"{unit} loaded active running A site\n" for unit in units))


@pytest.fixture
def made(blog, make_release):
    """A site whose new release was prepared, and which is not live yet."""
    make_release(NEW)
    return blog


def prove(site) -> list[str]:
    return list(switch.prove(site, NEW))


def test_it_works(made, machine, clock, serve):
    serve(NEW, 200)
    assert prove(made) == []
    assert machine.started[0] == f"systemctl start gunicorn-blog@{NEW}.socket gunicorn-blog@{NEW}.service"


@pytest.mark.parametrize("status", [200, 302, 399])
def test_a_release_that_answers_is_proven(made, clock, serve, status):
    serve(NEW, status)
    assert prove(made) == []


LOG = "[2026-11-29 12:00:00 +0000] [12] [ERROR] Exception in worker process\nImportError: no shop"


@pytest.mark.parametrize(
    ("answer", "said"),
    [(400, "status 400"), (500, "status 500"), ("closed", "Remote end closed connection without response"), ("nonsense", "nonsense\r\n")],
)
def test_a_release_that_answers_badly_is_not_proven(made, machine, serve, answer, said):
    machine.answer("journalctl --namespace=+blog", LOG)
    serve(NEW, answer)
    with pytest.raises(StepFailed) as error:
        prove(made)
    assert str(error.value) == f"it does not serve /health/: {said}\n{LOG}"


def test_only_what_was_logged_since_the_start_is_told(made, machine, serve, clock):
    def start(_line: str) -> str:
        clock.now += 3
        return ""

    machine.answer("systemctl start", start)
    serve(NEW, 500)
    begun = int(clock.now)
    with pytest.raises(StepFailed):
        prove(made)
    assert machine.started[-3:-1] == [
        "journalctl --namespace=blog --sync",
        f"journalctl --namespace=+blog --unit=gunicorn-blog@{NEW}.service --lines=200 --since=@{begun} --output=cat --no-pager",
    ]


def test_a_release_without_a_socket_is_not_proven(made):
    with pytest.raises(StepFailed, match="No such file or directory"):
        prove(made)


def test_a_question_that_ends_in_an_exception_is_no_proof(made, monkeypatch):
    def fail(*_arguments: object, **_options: object) -> None:
        raise ValueError("what nobody foresaw")

    monkeypatch.setattr(switch, "visit", fail)
    with pytest.raises(StepFailed, match=r"^it does not serve /health/: ValueError: what nobody foresaw\n"):
        prove(made)


@pytest.mark.parametrize("state", [{"ActiveState": "activating", "NRestarts": 1}, {"ActiveState": "failed"}], ids=["restarts", "fails"])
def test_a_release_that_ends_is_not_waited_for(made, machine, serve, state):
    machine.unit(f"gunicorn-blog@{NEW}.service", **state)
    serve(NEW, "silence")
    with pytest.raises(StepFailed, match=r"^it does not serve /health/: it ended instead of answering\n"):
        prove(made)


def test_a_release_that_does_not_start_is_not_proven(made, machine):
    machine.answer("systemctl start", "Job failed.", status=1)
    machine.answer("journalctl --namespace=+blog", LOG)
    with pytest.raises(StepFailed) as error:
        prove(made)
    assert str(error.value) == f"it does not serve /health/: it did not start\n{LOG}"


def asked(monkeypatch, answers: list[int], workers: list[set[int]]) -> list[float]:
    """What a release answers one question after the other, with which workers; the last of each goes on. Gives since when it is asked why."""

    def one_by_one(given: list) -> object:
        return given.pop(0) if len(given) > 1 else given[0]

    since = []
    monkeypatch.setattr(switch, "visit", lambda site, _release, _path: Answer(site.domain, "/health/", one_by_one(answers)))
    monkeypatch.setattr(systemd, "workers", lambda _service: one_by_one(workers))
    monkeypatch.setattr(systemd, "journal", lambda *_arguments, **given: since.append(given["since"]) or "")
    return since


@pytest.mark.parametrize("workers", [[{1, 2}], [set(), {1}, {1, 2}]], ids=["all there", "one after the other"])
def test_a_release_is_asked_until_it_is_steady(blog, clock, monkeypatch, workers):
    asked(monkeypatch, [200], workers)
    begun = clock.now
    switch.keep_asking(blog, NEW, begun)
    assert switch.STEADY <= clock.now - begun < switch.STEADY + 2 * switch.PAUSE


@pytest.mark.parametrize(
    "workers", [[{1, 2}, {1}], [{1}, {2}], [{1}, {1, 2}, {1}], [{1}, {1}, set()]], ids=["fewer", "another", "one that came later", "none any more"]
)
def test_a_release_that_loses_a_worker_is_not_proven(made, clock, monkeypatch, workers):
    since = asked(monkeypatch, [200], workers)
    with pytest.raises(StepFailed, match="a worker ended while it was being asked"):
        switch.keep_asking(made, NEW, 7.0)
    assert since == [7.0]


def test_one_good_answer_is_no_proof(made, clock, monkeypatch):
    since = asked(monkeypatch, [200, 200, 500], [{1}])
    with pytest.raises(StepFailed, match="status 500"):
        switch.keep_asking(made, NEW, 7.0)
    assert since == [7.0]


def test_a_release_that_fails_later_is_not_proven(made, clock, serve):
    statuses = iter([200] * 5)
    serve(NEW, lambda _path, _headers: (next(statuses, 500),))
    with pytest.raises(StepFailed, match="status 500"):
        prove(made)


PAGE = b"<link rel=stylesheet href=/static/a.css><script src=/static/b.js></script>"


def serve_page(serve, status: int = 200, page: bytes = PAGE, kind: str = "text/html; charset=utf-8"):
    return serve(NEW, lambda _path, _headers: (status, ("Content-Type", kind), page))


def test_what_a_visitor_would_miss_is_a_warning(blog, machine, make_release, clock, serve):
    make_release(NEW, static=("a.css",))
    serve_page(serve)
    machine.answer_of("page.py", paths=["/static/a.css", "/static/b.js"])
    assert prove(blog) == ["the page /health/ names /static/b.js, which is not among the release's static files"]
    (line,) = machine.lines("/inside/page.py")
    assert line.endswith("/page.html https://blog.example.com/health/ /static/")


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        ("it broke", 1, "a look for the page's stylesheets and scripts ended with status 1"),
        ("nothing", 0, "a look for the page's stylesheets and scripts gave no answer; it said"),
    ],
    ids=["it ends badly", "it says nothing"],
)
def test_a_page_that_cannot_be_searched_is_a_warning(made, machine, serve, answer, status, why):
    serve_page(serve)
    machine.answer("/inside/page.py", answer, status)
    (warning,) = switch.look_at_page(made, NEW)
    assert warning.startswith(f"the page /health/ could not be searched for its stylesheets and scripts: {why}")
    assert "\n" not in warning


def test_a_page_is_looked_at_where_its_redirects_lead(made, machine, serve):
    serve(NEW, lambda path, _headers: (302, ("Location", "/de/")) if path == "/health/" else (200, ("Content-Type", "text/html"), PAGE))
    machine.answer_of("page.py", paths=["/static/b.js"])
    assert list(switch.look_at_page(made, NEW)) == ["the page /de/ names /static/b.js, which is not among the release's static files"]
    assert machine.lines("/inside/page.py")[0].endswith(" https://blog.example.com/de/ /static/")


@pytest.mark.parametrize(("status", "page", "kind"), [(200, b"{}", "application/json"), (200, b"", "text/html"), (204, b"", "text/html")])
def test_what_is_no_page_is_not_looked_at(made, machine, serve, status, page, kind):
    serve_page(serve, status, page, kind)
    assert list(switch.look_at_page(made, NEW)) == []
    assert machine.lines("/inside/page.py") == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_site_for_its_own_users_alone_is_told_that_no_page_was_seen(made, machine, clock, serve, status):
    serve(NEW, status)
    (warning,) = prove(dataclasses.replace(made, health_path="/"))
    assert warning == f'/ answers with status {status}, so no page was seen; a "health_path" that everybody may see proves more'
    with pytest.raises(StepFailed, match=f"status {status}, so not everybody may see that page"):
        prove(made)


def test_a_page_that_is_no_longer_served_is_refused(made, serve):
    serve(NEW, 500)
    with pytest.raises(StepFailed, match="status 500"):
        list(switch.look_at_page(made, NEW))


def test_the_workers_are_the_processes_that_the_service_began(machine):
    machine.unit("a.service", MainPID=os.getpid())
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in systemd.workers("a.service")
        child.kill()
    machine.unit("a.service", MainPID=0)
    assert systemd.workers("a.service") == set()


def links(blog) -> tuple[str | None, str | None]:
    return tuple(os.readlink(path) if path.is_symlink() else None for path in (blog.root / "live.sock", blog.root / "current"))


@pytest.mark.parametrize("old", [None, OLD], ids=["first release", "next release"])
def test_visitors_meet_the_new_release(blog, make_release, serve, old):
    make_release(NEW)
    serve(NEW, 200)
    if old:
        switch.point(blog, old)
    switch.flip(blog, NEW, old)
    assert links(blog) == (str(blog.socket(NEW)), f"releases/{NEW}")
    assert blog.live == NEW


def test_the_first_to_change_is_what_decides(blog, monkeypatch):
    replaced = []
    monkeypatch.setattr(os, "replace", lambda _temporary, link: replaced.append(link.name))
    switch.point(blog, NEW)
    assert replaced == ["live.sock", "current"]


def test_a_link_is_never_missing(blog, monkeypatch):
    switch.point(blog, OLD)
    seen, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda temporary, link: (seen.append(os.readlink(link)), replace(temporary, link)))
    switch.point(blog, NEW)
    assert seen == [str(blog.socket(OLD)), f"releases/{OLD}"]


def test_a_link_half_made_by_a_killed_deploy_is_no_obstacle(blog):
    (blog.root / ".live.sock.new").symlink_to("nowhere")
    switch.point(blog, NEW)
    assert blog.live == NEW


def test_a_release_is_enabled_and_its_assets_are_there_before_visitors_meet_it(blog, machine, make_release, serve):
    make_release(NEW, static=("a.css",))
    switch.point(blog, OLD)
    serve(NEW, 200)
    before = []
    machine.answer("systemctl enable", lambda _line: before.append((blog.live, (blog.static_dir / "a.css").exists())) or "")
    switch.flip(blog, NEW, OLD)
    assert before == [(OLD, True)]


def test_a_flip_has_systemd_read_no_other_unit_anew(blog, machine, make_release, serve):
    make_release(NEW)
    serve(NEW, 200)
    switch.flip(blog, NEW, None)
    (line,) = machine.lines("systemctl enable")
    assert line == f"systemctl enable --quiet --no-reload {' '.join(blog.units(NEW))}"
    assert machine.lines("daemon-reload") == []


def test_a_release_that_cannot_be_enabled_meets_nobody(blog, machine, make_release):
    make_release(NEW)
    switch.point(blog, OLD)
    machine.answer("systemctl enable", "read-only", status=1)
    with pytest.raises(StepFailed, match="read-only"):
        switch.flip(blog, NEW, OLD)
    assert blog.live == OLD


def test_a_live_release_knows_since_when(blog, make_release, serve):
    make_release(NEW)
    serve(NEW, 200)
    switch.flip(blog, NEW, None)
    record = records.read(blog, NEW)
    assert record["live_since"] > 0
    assert record["source"] == "0" * 64


@pytest.mark.parametrize("answer", [500, "closed", "nonsense"])
def test_a_release_that_fails_its_visitors_gives_way_to_the_old_one(blog, make_release, serve, answer):
    make_release(NEW)
    switch.point(blog, OLD)
    before = links(blog)
    serve(NEW, answer)
    with pytest.raises(StepFailed, match=f"^went back to release {OLD}: "):
        switch.flip(blog, NEW, OLD)
    assert links(blog) == before


def test_a_first_release_that_fails_its_visitors_leaves_no_link(blog, make_release, serve):
    make_release(NEW)
    serve(NEW, 500)
    with pytest.raises(StepFailed, match=r"^went back to nothing: it does not serve /health/: status 500"):
        switch.flip(blog, NEW, None)
    assert links(blog) == (None, None)


@pytest.fixture
def worked(blog, make_release, clock) -> Callable[[], dict[str, str]]:
    """Two releases with other jobs, of which the old one is live. Gives what is installed of them."""

    def installed() -> dict[str, str]:
        return {file.name: file.read_text(encoding="utf-8") for file in switch.UNIT_DIR.glob("site-blog-*")}

    for name, timer in {NEW: "b", OLD: "a"}.items():
        make_release(name)
        blog.jobs_dir(name).mkdir()
        for job in (f"{timer}.timer", f"{timer}.service", "worker.service"):
            (blog.jobs_dir(name) / f"site-blog-{job}").write_text(name, encoding="utf-8")
    switch.point(blog, OLD)
    jobs.install(blog, OLD)
    return installed


def test_the_jobs_change_with_the_release(blog, machine, worked, serve):
    serve(NEW, 200)
    machine.started.clear()
    switch.flip(blog, NEW, OLD)
    assert worked() == dict.fromkeys(("site-blog-b.timer", "site-blog-b.service", "site-blog-worker.service"), NEW)
    positions = machine.positions("systemctl stop site-blog-a.timer", "restart site-blog-worker.service", "show site-blog-worker.service")
    assert positions == sorted(positions)


@pytest.mark.parametrize("broken", ["jobs.pause", "point", "visit", "jobs.install", "jobs.refuse_dead_daemons", "records.write"])
def test_whatever_fails_at_the_flip_all_of_the_old_one_comes_back(blog, machine, worked, serve, monkeypatch, broken):
    module, _, function = f"switch.{broken}".rpartition(".")
    module = {"switch": switch, "switch.jobs": jobs, "switch.records": records}[module]
    works, calls = getattr(module, function), []

    def fail_once(*arguments: object, **options: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise ValueError("what nobody foresaw")
        return works(*arguments, **options)

    before = links(blog), worked()
    serve(NEW, 200)
    monkeypatch.setattr(module, function, fail_once)
    with pytest.raises(StepFailed, match=f"^went back to release {OLD}: what nobody foresaw"):
        switch.flip(blog, NEW, OLD)
    assert (links(blog), worked()) == before
    assert set(machine.started[-1].split()) == {"systemctl", "start", "site-blog-a.timer", "site-blog-worker.service"}


def test_visitors_and_jobs_are_back_before_anybody_asks_why(blog, machine, worked, serve):
    """The question may take a minute."""
    before, meanwhile = (links(blog), worked()), []
    machine.started.clear()
    serve(NEW, 500)
    for part in ("/inside/reason.py", "journalctl --namespace=+blog"):
        machine.answer(part, lambda _line: meanwhile.append((links(blog), worked())) or "")
    with pytest.raises(StepFailed, match=f"^went back to release {OLD}: it does not serve /health/: status 500"):
        switch.flip(blog, NEW, OLD)
    assert meanwhile == [before, before]
    positions = machine.positions("systemctl start site-blog-", "/inside/reason.py")
    assert positions == sorted(positions)


def test_jobs_that_do_not_come_back_hide_no_reason(blog, machine, worked, serve):
    serve(NEW, 500)
    machine.answer("systemctl start site-blog-", "no", status=1)
    with pytest.raises(StepFailed, match=f"(?s)^went back to release {OLD}: .* status 500.*\nIts timers and daemons did not come back: systemctl start"):
        switch.flip(blog, NEW, OLD)
    assert blog.live == OLD


def test_a_daemon_that_dies_takes_its_release_back(blog, machine, worked, serve):
    serve(NEW, 200)
    machine.unit("site-blog-worker.service", SubState="auto-restart")
    with pytest.raises(StepFailed, match=f"^went back to release {OLD}: the daemon site-blog-worker.service ended"):
        switch.flip(blog, NEW, OLD)
    assert worked()["site-blog-worker.service"] == OLD


def test_a_first_release_that_fails_leaves_no_jobs(blog, worked, serve):
    switch.unpoint(blog)
    serve(NEW, 500)
    with pytest.raises(StepFailed, match=r"^went back to nothing: "):
        switch.flip(blog, NEW, None)
    assert worked() == {}


def test_a_flip_that_ends_half_way_goes_back(blog, make_release, monkeypatch):
    make_release(NEW)
    switch.point(blog, OLD)
    original, calls = os.replace, []

    def second_fails(temporary: Path, link: Path) -> None:
        calls.append(link)
        if len(calls) == 2:
            raise OSError("the disk is full")
        original(temporary, link)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(StepFailed, match="the disk is full"):
        switch.flip(blog, NEW, OLD)
    assert links(blog) == (str(blog.socket(OLD)), f"releases/{OLD}")


def test_a_release_is_stopped_only_when_nobody_waits(blog, machine, monkeypatch):
    waiting = iter([2, 1, 0])
    monkeypatch.setattr(switch.time, "sleep", lambda _seconds: machine.started.append("sleep"))
    monkeypatch.setattr(systemd, "queue", lambda socket: machine.started.append(socket) or next(waiting))
    switch.retire(blog, OLD)
    socket = str(blog.socket(OLD))
    assert machine.started[:5] == [socket, "sleep", socket, "sleep", socket]
    assert machine.started[5].startswith("systemctl stop ")


def test_a_queue_that_never_ends_is_given_up(blog, machine, monkeypatch):
    now = iter(range(0, 1000, 20))
    monkeypatch.setattr(switch.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(switch.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(systemd, "queue", lambda _socket: 1)
    switch.retire(blog, OLD)
    assert machine.started[0].startswith("systemctl stop ")


def test_the_queue_is_the_sum_of_what_waits(machine):
    machine.answer("ss -xlnH", "u_str LISTEN 3 2048 /run/a.sock 1 * 0\nu_str LISTEN 4 2048 /run/a.sock 2 * 0\n")
    assert systemd.queue("/run/a.sock") == 7
    assert machine.started == ["ss -xlnH src /run/a.sock"]


def test_a_release_is_stopped_disabled_and_forgiven_in_this_order(blog, machine, make_release):
    make_release(OLD)
    switch.stop(blog, OLD)
    units = f"gunicorn-blog@{OLD}.socket gunicorn-blog@{OLD}.service"
    assert machine.started == [f"systemctl stop {units}", f"systemctl disable --quiet {units}", f"systemctl reset-failed {units}"]


def test_a_release_that_does_not_stop_in_its_time_is_killed(blog, machine, monkeypatch):
    """A service may ask systemd for more time again and again."""
    units = f"gunicorn-blog@{OLD}.socket gunicorn-blog@{OLD}.service"
    bounds = []

    def run(words: list[str], *, seconds: float = 0, **_options: object) -> subprocess.CompletedProcess:
        done = machine(words)
        if words[1] == "stop" and not bounds:
            bounds.append(seconds)
            raise programs.Exceeded(words, "took longer", "")
        return done

    monkeypatch.setattr(programs, "run", run)
    switch.stop(dataclasses.replace(blog, timeout=45), OLD)
    assert bounds == [45 + switch.STOP_SPARE]
    assert machine.started[:3] == [f"systemctl stop {units}", f"systemctl kill --signal=SIGKILL {units}", f"systemctl stop {units}"]


def test_a_start_without_end_is_no_start(made, machine):
    def exceed(line: str) -> str:
        raise programs.Exceeded(line.split(), "took longer than 120 seconds", "")

    machine.answer("systemctl start", exceed)
    with pytest.raises(StepFailed, match="it does not serve /health/: it did not start"):
        prove(made)


def test_a_release_without_a_unit_is_not_disabled(blog, machine):
    switch.stop(blog, OLD)
    assert not any("disable" in line for line in machine.started)


def test_a_unit_that_systemd_has_forgotten_is_no_failure(blog, machine):
    machine.answer("reset-failed", "not loaded", status=1)
    switch.stop(blog, OLD)


def test_all_but_the_live_release_are_retired(blog, machine):
    running(machine, *(f"gunicorn-blog@{name}.{kind}" for name in (NEW, OLD, "0000000000cc") for kind in ("socket", "service")))
    switch.retire_all_but(blog, NEW)
    stopped = [line.split()[2] for line in machine.started if line.startswith("systemctl stop")]
    assert stopped == [f"gunicorn-blog@{OLD}.socket", "gunicorn-blog@0000000000cc.socket"]


def test_the_releases_of_this_site_alone_are_asked_for(machine):
    systemd.instances("gunicorn-blog")
    assert machine.started[0].endswith("gunicorn-blog@*.socket gunicorn-blog@*.service")


def test_a_sweep_stops_what_is_not_live(blog, machine, make_release):
    make_release(OLD, live_since=1)
    switch.point(blog, OLD)
    running(machine, f"gunicorn-blog@{OLD}.service", f"gunicorn-blog@{NEW}.socket", f"gunicorn-blog@{NEW}.service")
    switch.sweep(blog)
    assert [line for line in machine.started if "stop" in line] == [f"systemctl stop gunicorn-blog@{NEW}.socket gunicorn-blog@{NEW}.service"]


def test_a_sweep_finds_what_would_start_at_the_next_boot(blog, machine, make_release):
    make_release(OLD)
    switch.point(blog, OLD)
    (switch.UNIT_DIR / "sockets.target.wants").mkdir()
    for name in (NEW, OLD):
        (switch.UNIT_DIR / "sockets.target.wants" / f"gunicorn-blog@{name}.socket").symlink_to("nowhere")
    switch.sweep(blog)
    assert machine.lines(" stop ") == [f"systemctl stop gunicorn-blog@{NEW}.socket gunicorn-blog@{NEW}.service"]


@pytest.mark.parametrize("live", [OLD, None], ids=["a live one", "nothing live"])
def test_a_sweep_forgets_what_was_never_finished(blog, make_release, live):
    make_release(OLD, live_since=1)
    make_release(NEW, finished=False)
    if live:
        switch.point(blog, live)
    switch.sweep(blog)
    assert sorted(path.name for path in (blog.root / "releases").iterdir()) == [OLD, f"{OLD}.json"]
    assert not blog.release_environment(NEW).exists()
    assert not blog.service_file(NEW).exists()


def test_a_sweep_never_forgets_the_live_release(blog, make_release):
    make_release(OLD, finished=False)
    switch.point(blog, OLD)
    switch.sweep(blog)
    assert blog.release_dir(OLD).is_dir()


def test_a_sweep_of_a_server_without_releases_is_nothing(blog):
    (blog.root / "releases").rmdir()
    switch.sweep(blog)


def test_a_sweep_keeps_the_release_that_failed_last(blog, make_release):
    for name in (NEW, "0000000000cc"):
        make_release(name, finished=False)
    failed.keep(blog, NEW)
    switch.sweep(blog)
    assert sorted(path.name for path in (blog.root / "releases").iterdir()) == [NEW]
    assert blog.service_file(NEW).exists()


@pytest.mark.parametrize("live_since", [1.0, None], ids=["was live earlier", "was never live"])
def test_a_failed_release_is_stopped_and_stays(blog, machine, make_release, live_since):
    make_release(NEW, live_since=live_since)
    switch.abandon(blog, NEW)
    assert machine.started[0] == f"systemctl stop gunicorn-blog@{NEW}.socket gunicorn-blog@{NEW}.service"
    assert machine.started[-1] == "systemctl daemon-reload"
    assert records.read(blog, NEW)
    assert blog.service_file(NEW).exists()
