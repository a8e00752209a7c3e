"""Timers and daemons: their units' texts, and how they change places with the release."""

from __future__ import annotations

import dataclasses
import re
import shlex

import jobs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report import StepFailed

NEW, OLD = "0000000000aa", "0000000000bb"
SERVICE = "[Service]\nWorkingDirectory=/srv/blog/releases/%i/source\n# Sandbox: what it may do.\nUser=blog\nReadWritePaths=-/srv/blog/media\n\n[Install]\n"
TIMER, TIMER_S_SERVICE, DAEMON = "site-blog-poll.timer", "site-blog-poll.service", "site-blog-worker.service"


@pytest.fixture
def site(blog):
    timers = {"poll": {"command": "manage.py poll", "every": "1min", "timeout": 300}}
    return dataclasses.replace(blog, timers=timers, daemons={"worker": {"command": "celery -A shop worker"}})


def sections(text: str) -> dict[str, dict[str, str]]:
    """A unit's text, as far as it has one line for each name."""
    blocks = [block.partition("]\n") for block in text.split("\n[")[1:]]
    return {name: dict(line.split("=", 1) for line in lines.splitlines() if line and not line.startswith("#")) for name, _, lines in blocks}


def arguments(exec_start: str) -> list[str]:
    """Read a command line as systemd does, whose words are all in double quotes."""
    meant = {"\\\\": "\\", '\\"': '"', "$$": "$", "%%": "%"}
    words = re.findall(r'"((?:\\\\|\\"|\$\$|%%|[^\\"$%])*)"', exec_start)
    assert " ".join(f'"{word}"' for word in words) == exec_start
    return [re.sub(r'\\\\|\\"|\$\$|%%', lambda match: meant[match[0]], word) for word in words]


def test_it_works(site):
    assert set(jobs.texts(site, NEW, SERVICE)) == {TIMER, TIMER_S_SERVICE, DAEMON}


def test_a_timer_begins_soon_and_again_and_again(site):
    timer = sections(jobs.texts(site, NEW, SERVICE)[TIMER])
    assert timer["Timer"] == {"OnActiveSec": "5s", "OnUnitActiveSec": "1min", "AccuracySec": "1s"}
    assert timer["Install"] == {"WantedBy": "timers.target"}


def test_a_timer_by_the_calendar_makes_up_for_what_it_missed(site):
    site = dataclasses.replace(site, timers={"poll": {"command": "manage.py poll", "calendar": "Mon 50%", "timeout": 300}})
    timer = sections(jobs.texts(site, NEW, SERVICE)[TIMER])
    assert timer["Timer"] == {"OnCalendar": "Mon 50%%", "Persistent": "yes", "AccuracySec": "1s"}


@pytest.mark.parametrize(
    ("name", "service", "program"),
    [
        (TIMER_S_SERVICE, {"Type": "oneshot", "TimeoutStartSec": "300"}, "python"),
        (DAEMON, {"Type": "exec", "Restart": "always", "RestartSec": "5", "TimeoutStopSec": "60"}, "celery"),
    ],
)
def test_a_job_runs_the_release_in_the_site_s_sandbox(site, name, service, program):
    unit = sections(jobs.texts(site, NEW, SERVICE)[name])
    directory = site.release_dir(NEW)
    command = unit["Service"].pop("ExecStart")
    assert command.startswith(f'"{directory}/venv/bin/{program}" ')
    assert unit["Service"] == {
        **service,
        "WorkingDirectory": f"/srv/blog/releases/{NEW}/source",
        "EnvironmentFile": str(site.release_environment(NEW)),
        "User": "blog",
        "ReadWritePaths": "-/srv/blog/media",
    }
    assert "shortstop-settle.service" in unit["Unit"]["After"].split()


def test_a_job_of_an_older_release_runs_where_its_unit_says(site):
    unit = sections(jobs.texts(site, NEW, SERVICE.replace("/source", ""))[DAEMON])
    assert unit["Service"]["WorkingDirectory"] == f"/srv/blog/releases/{NEW}"


def test_a_daemon_gives_up_in_the_end_and_starts_at_boot(site):
    texts = {name: sections(text) for name, text in jobs.texts(site, NEW, SERVICE).items()}
    assert (texts[DAEMON]["Unit"]["StartLimitIntervalSec"], texts[DAEMON]["Unit"]["StartLimitBurst"]) == ("360", "60")
    assert texts[DAEMON]["Install"] == {"WantedBy": "multi-user.target"}
    assert "Install" not in texts[TIMER_S_SERVICE]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("manage.py poll --fast", ["VENV/python", "manage.py", "poll", "--fast"]),
        ("celery -A shop", ["VENV/celery", "-A", "shop"]),
        ("/usr/bin/curl https://example.com", ["/usr/bin/curl", "https://example.com"]),
        (
            """manage.py say "two words" 'a"b' it\\'s 5% $HOME 'a\\b' ';' ''""",
            [*("VENV/python", "manage.py", "say"), *("two words", 'a"b', "it's", "5%", "$HOME", "a\\b", ";", "")],
        ),
    ],
    ids=["manage.py", "a program of the environment", "a path", "quotes and what systemd would read otherwise"],
)
def test_a_command_arrives_word_for_word(site, command, words):
    site = dataclasses.replace(site, timers={}, daemons={"worker": {"command": command}})
    programs = f"{site.release_dir(NEW)}/venv/bin"
    read = arguments(sections(jobs.texts(site, NEW, SERVICE)[DAEMON])["Service"]["ExecStart"])
    assert read == [word.replace("VENV", programs) for word in words]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text("ab \"'\\$%;#=\t", max_size=8), max_size=4))
def test_no_word_is_read_otherwise(blog, words):
    site = dataclasses.replace(blog, daemons={"worker": {"command": shlex.join(["/bin/echo", *words])}})
    assert arguments(sections(jobs.texts(site, NEW, SERVICE)[DAEMON])["Service"]["ExecStart"]) == ["/bin/echo", *words]


@pytest.fixture
def written(site, make_release, tmp_path):
    """Has a release's jobs written, whose programs are there."""

    def write(name: str, changed=site) -> None:
        make_release(name)
        programs = site.release_dir(name) / "venv" / "bin"
        programs.mkdir(exist_ok=True)
        for program in ("python", "celery"):
            (programs / program).write_text("", encoding="utf-8")
        jobs.write(changed, name)

    return write


def installed() -> set[str]:
    return {file.name for file in jobs.UNIT_DIR.glob("site-*")}


def test_the_units_are_kept_with_the_release(site, written):
    written(NEW)
    assert {file.name: file.read_text(encoding="utf-8") for file in site.jobs_dir(NEW).iterdir()} == jobs.texts(
        site, NEW, site.service_file(NEW).read_text(encoding="utf-8")
    )
    assert site.jobs_dir(NEW).stat().st_mode & 0o777 == 0o700
    assert installed() == set()


def test_a_program_that_is_not_there_is_refused(site, written):
    broken = dataclasses.replace(site, daemons={"worker": {"command": "daphne shop.asgi"}})
    with pytest.raises(StepFailed, match=r'^"worker": there is no program .*/daphne; '):
        written(NEW, broken)


def test_a_calendar_that_systemd_cannot_read_is_refused(site, machine, written):
    machine.answer("systemd-analyze calendar some day", "Failed to parse calendar specification", status=1)
    broken = dataclasses.replace(site, timers={"poll": {"command": "manage.py poll", "calendar": "some day", "timeout": 300}})
    with pytest.raises(StepFailed, match=r'(?s)^timer "poll": calendar "some day" .*Failed to parse'):
        written(NEW, broken)


def test_only_calendars_are_asked_about(site, machine, written):
    written(NEW)
    assert machine.started == []


def test_the_first_jobs_are_installed_and_started(site, machine, written):
    written(NEW)
    jobs.install(site, NEW)
    assert installed() == {TIMER, TIMER_S_SERVICE, DAEMON}
    reload, enable, _reset, restart, start = machine.started
    assert reload == "systemctl daemon-reload"
    assert enable.startswith("systemctl enable --quiet ")
    assert set(enable.split()[3:]) == {TIMER, DAEMON}
    assert restart == f"systemctl restart {DAEMON}"
    assert start.startswith("systemctl start ")
    assert set(start.split()[2:]) == {TIMER, DAEMON}


def test_at_boot_nothing_is_waited_for(site, machine, written):
    written(NEW)
    jobs.install(site, NEW, wait=False)
    assert [line.split()[2] for line in machine.started if line.split()[1] in ("start", "restart")] == ["--no-block"] * 2


def test_the_same_jobs_again_are_only_started(site, machine, written):
    written(NEW)
    jobs.install(site, NEW)
    machine.started.clear()
    jobs.install(site, NEW)
    assert [line.split()[1] for line in machine.started] == ["enable", "start"]


def test_another_release_s_daemons_are_restarted(site, machine, written):
    written(OLD)
    jobs.install(site, OLD)
    written(NEW)
    machine.started.clear()
    jobs.install(site, NEW)
    assert machine.lines("restart") == [f"systemctl restart {DAEMON}"]
    assert machine.positions("daemon-reload")[0] < machine.positions("restart")[0]
    assert f"/releases/{NEW}/" in (jobs.UNIT_DIR / DAEMON).read_text(encoding="utf-8")


def test_what_the_new_release_has_not_is_stopped_and_removed(site, machine, written):
    written(OLD)
    jobs.install(site, OLD)
    written(NEW, dataclasses.replace(site, daemons={}))
    machine.started.clear()
    jobs.install(site, NEW)
    assert machine.started[0] == f"systemctl disable --quiet --now {DAEMON}"
    assert installed() == {TIMER, TIMER_S_SERVICE}


@pytest.mark.parametrize("release", [None, "0123456789ab"], ids=["nothing is live", "a release without jobs"])
def test_without_jobs_all_are_removed(site, machine, written, release):
    written(OLD)
    jobs.install(site, OLD)
    machine.started.clear()
    jobs.install(site, release)
    # A failure that stayed behind could be mended by nobody.
    gone = f"{TIMER_S_SERVICE} {TIMER} {DAEMON}"
    assert machine.started == [f"systemctl disable --quiet --now {gone}", f"systemctl reset-failed {gone}", "systemctl daemon-reload"]
    assert installed() == set()


def test_a_site_without_jobs_says_nothing_to_systemd(blog, machine, make_release):
    make_release(NEW)
    jobs.write(blog, NEW)
    jobs.install(blog, NEW)
    assert machine.started == []


def test_the_jobs_of_other_sites_are_left_alone(site, written):
    for name in ("site-blogs-poll.timer", "site-shop-blog-worker.service"):
        (jobs.UNIT_DIR / name).write_text("", encoding="utf-8")
    jobs.install(site, None)
    assert len(installed()) == 2


def test_timers_pause_and_daemons_go_on(site, machine, written):
    written(OLD)
    jobs.install(site, OLD)
    machine.started.clear()
    jobs.pause(site)
    assert machine.started == [f"systemctl stop {TIMER}"]


@pytest.mark.parametrize("state", [{"ActiveState": "failed"}, {"SubState": "auto-restart"}, {"NRestarts": 1}])
def test_a_daemon_that_ended_is_refused(site, machine, written, state):
    written(NEW)
    machine.unit(DAEMON, **state)
    machine.answer("journalctl", "no broker")
    with pytest.raises(StepFailed, match=f"^the daemon {DAEMON} ended. The last lines of its log:\nno broker$"):
        jobs.refuse_dead_daemons(site, NEW)


def test_a_daemon_is_watched_for_a_while(site, machine, written, clock):
    written(NEW)
    begun = clock.now
    jobs.refuse_dead_daemons(site, NEW)
    assert jobs.WATCHED <= clock.now - begun < jobs.WATCHED + 2 * jobs.PAUSE
    states = iter(["active", "active", "failed"])
    machine.answer(f"systemctl show {DAEMON}", lambda _line: f"ActiveState={next(states)}\nSubState=running\nNRestarts=0\n")
    with pytest.raises(StepFailed, match="ended"):
        jobs.refuse_dead_daemons(site, NEW)


def test_a_release_without_daemons_is_not_watched(site, written, clock):
    written(NEW, dataclasses.replace(site, daemons={}))
    jobs.refuse_dead_daemons(site, NEW)
    assert clock.slept == []


def test_daemons_alone_are_expected_to_run(site, machine, written, clock):
    written(NEW)
    machine.unit("site-blog-poll", ActiveState="failed")
    jobs.refuse_dead_daemons(site, NEW)
    assert set(machine.lines("show")) == {f"systemctl show {DAEMON} --property=ActiveState,SubState,NRestarts"}


@pytest.mark.parametrize("becomes", ["timer", "daemon"])
def test_a_job_may_become_one_of_the_other_kind(blog, machine, make_release, becomes):
    job = {"command": "/bin/true"}
    kinds = {"daemon": {"daemons": {"poll": job}}, "timer": {"timers": {"poll": {**job, "every": "1min", "timeout": 9}}}}
    for name, kind in {OLD: "timer" if becomes == "daemon" else "daemon", NEW: becomes}.items():
        make_release(name)
        machine.started.clear()
        jobs.write(dataclasses.replace(blog, **kinds[kind]), name)
        jobs.install(blog, name)
    assert machine.started[0] == f"systemctl disable --quiet --now {TIMER if becomes == 'daemon' else TIMER_S_SERVICE}"
    assert installed() == {file.name for file in blog.jobs_dir(NEW).iterdir()}
    assert (jobs.UNIT_DIR / TIMER_S_SERVICE).read_text(encoding="utf-8") == (blog.jobs_dir(NEW) / TIMER_S_SERVICE).read_text(encoding="utf-8")
