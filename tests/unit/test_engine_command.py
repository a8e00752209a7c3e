"""The command line: what its words mean, what it prints, and with which status it ends."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import audit
import capacity
import deploy
import failed
import hold
import lock
import pytest
import records
import release
import settle
import switch
from report import Report, StepFailed
from site_config import Site

LIVE, OLD, FAILED, SOURCE = "0000000000aa", "0000000000bb", "0000000000ff", "a" * 64
LOCK = "shortstop-deploy-blog.service"


@pytest.fixture
def command(blog, machine, monkeypatch):
    """Runs `shortstop` with these words, and returns its status."""
    spec = importlib.util.spec_from_file_location("shortstop", Path(deploy.__file__).with_name("__main__.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    machine.unit(LOCK, ActiveState="inactive")

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["shortstop", *words])
        return module.main()

    return run


@pytest.fixture
def live(blog, make_release) -> None:
    make_release(LIVE, live_since=2, previous=OLD, revision="v2")
    make_release(OLD, live_since=1)
    switch.point(blog, LIVE)


def test_it_works(command, live, capsys):
    assert command("status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "SITE  RELEASE       SINCE                    BY  STATE",
        f"blog  {LIVE}  1970-01-01 00:00:02 UTC  -   serving",
    ]


@pytest.mark.parametrize(
    "words", [("releases", "shop"), ("rollback", "shop"), ("manage", "shop"), ("failure", "shop"), ("start", "deploy", "shop", "--by=ada")]
)
def test_an_unknown_site_is_told_with_the_known_ones(command, words):
    with pytest.raises(SystemExit, match=r'^shortstop: there is no site "shop" on this server; the sites are: blog$'):
        command(*words)


def test_what_only_ansible_and_systemd_call_is_not_listed(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        command("--help")
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ") and not line.startswith("     ")}
    assert listed == {"status", "releases", "rollback", "manage", "settings", "settle", "failure"}


@pytest.mark.parametrize(
    ("state", "status"),
    [({"ActiveState": "active"}, 0), ({"ActiveState": "failed"}, 1), ({"ActiveState": "activating"}, 1)],
)
def test_a_site_that_does_not_serve_is_a_status(command, machine, live, state, status):
    machine.unit("gunicorn-blog@", **state)
    assert command("status") == status


def test_a_site_in_trouble_leaves_the_others_their_lines(command, machine, live, shop, capsys):
    def fail(_line: str) -> str:
        raise StepFailed("systemctl show: no\x1b[2J")

    machine.answer(f"systemctl show gunicorn-blog@{LIVE}", fail)
    switch.unpoint(Site.load("shop"))
    command("status")
    _head, blog, shop = capsys.readouterr().out.splitlines()
    assert blog.endswith(r"cannot be told: StepFailed: systemctl show: no\x1b[2J")
    assert shop.endswith("nothing is live yet")


def test_a_site_whose_state_cannot_be_told_is_a_status(command, machine, live):
    machine.answer("systemctl show gunicorn-blog@", status=1)
    assert command("status") == 1


def test_a_site_that_was_never_live_is_no_failure(command, capsys):
    assert command("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "nothing is live yet"


@pytest.mark.parametrize(("word", "said"), [("status", "there is no site on this server yet"), ("releases", "blog has no release yet")])
def test_where_there_is_nothing_it_says_so(command, blog, capsys, word, said):
    words = (word, "blog") if word == "releases" else (word,)
    if word == "status":
        (blog.configuration_dir / "site.json").unlink()
    assert command(*words) == 0
    assert capsys.readouterr().out == f"{said}\n"


def test_releases_are_listed(command, live, capsys):
    assert command("releases", "blog", "--json") == 0
    assert [(row["release"], row["state"]) for row in json.loads(capsys.readouterr().out)] == [(LIVE, "live"), (OLD, "previous")]
    assert command("releases", "blog") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{LIVE}  v2 ")


def test_the_settings_that_were_changed_are_listed(command, blog, live, capsys):
    records.write(blog, LIVE, settings=["DEBUG: True, here False", "LOGGING: {}, here more"])
    assert command("settings", "blog") == 0
    assert capsys.readouterr().out == "DEBUG: True, here False\nLOGGING: {}, here more\n"
    assert command("settings", "blog", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0] == "DEBUG: True, here False"
    records.write(blog, LIVE, settings=[])
    assert command("settings", "blog") == 0
    assert capsys.readouterr().out == "the settings of blog are the project's own\n"


def test_a_release_of_an_older_shortstop_has_its_own_settings(command, live):
    with pytest.raises(SystemExit, match=rf"^shortstop: release {LIVE} was made by an older Shortstop, which left its settings alone"):
        command("settings", "blog")


def test_nothing_live_has_no_settings(command, blog):
    with pytest.raises(SystemExit, match=r"^shortstop: nothing of blog is live yet$"):
        command("settings", "blog")


@pytest.mark.parametrize("held", [False, True])
def test_a_plan_says_what_a_deploy_would_do(command, blog, live, capsys, held):
    new = release.identify(blog, SOURCE)
    if held:
        hold.hold(blog, new)
    assert command("plan", f"blog={SOURCE}") == 0
    assert answers(capsys)[0] == {"site": "blog", "release": new, "live": LIVE, "held": held}


def answers(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_plan_for_a_site_that_was_never_live(command, capsys):
    command("plan", f"blog={SOURCE}")
    assert answers(capsys)[0]["live"] == ""


def test_a_site_whose_record_is_broken_leaves_the_others_their_plans(command, blog, live, shop, capsys):
    (blog.configuration_dir.with_name("shop") / "site.json").write_text('{"name": "shop"', encoding="utf-8")
    assert command("plan", f"shop={SOURCE}", f"blog={SOURCE}") == 0
    broken, good, _last = answers(capsys)
    assert broken["site"] == "shop"
    assert broken["error"].startswith("JSONDecodeError: ")
    assert (good["site"], good["live"]) == ("blog", LIVE)


def test_a_site_that_is_not_there_leaves_the_others_their_plans(command, live, capsys):
    assert command("plan", f"shop={SOURCE}", f"blog={SOURCE}") == 0
    unknown, good, _last = answers(capsys)
    assert unknown == {"site": "shop", "error": 'there is no site "shop" on this server; the sites are: blog'}
    assert (good["site"], good["live"]) == ("blog", LIVE)


def test_a_site_whose_release_cannot_be_told_is_an_answer(command, blog, capsys):
    blog.environment_file.unlink()
    assert command("plan", f"blog={SOURCE}") == 0
    assert answers(capsys)[0]["error"].startswith("FileNotFoundError: ")


@pytest.mark.parametrize(
    ("cores", "available", "at_once"),
    [(2, 8 << 20, 2), (16, 8 << 20, 16), (16, 1 << 20, 2), (4, (1 << 20) - 1, 1), (4, 0, 1), (4, None, 1)],
)
def test_a_plan_ends_with_how_many_sites_may_deploy_at_once(command, monkeypatch, tmp_path, capsys, cores, available, at_once):
    monkeypatch.setattr(capacity.os, "sched_getaffinity", lambda _process: set(range(cores)))
    monkeypatch.setattr(capacity, "MEMORY_INFO", tmp_path / "meminfo")
    line = "" if available is None else f"MemAvailable:   {available} kB\n"
    capacity.MEMORY_INFO.write_text(f"MemTotal:  9999999 kB\nMemFree:  1 kB\n{line}SwapFree:  9999999 kB\n", encoding="ascii")
    command("plan", f"blog={SOURCE}")
    assert answers(capsys)[-1] == {"at_once": at_once}


@pytest.mark.parametrize(
    ("words", "passed"),
    [
        (("deploy", "--source=abc", "--revision=v 1"), "--source=abc --revision=v 1"),
        (("deploy", "--source=abc", "--no-migrate"), "--source=abc --revision= --no-migrate"),
        (("rollback", "--to=abc", "--migrations=keep"), "--to=abc --migrations=keep"),
        (("rollback",), "--to= --migrations="),
    ],
)
def test_a_run_is_started_with_its_words(command, machine, capsys, words, passed):
    action, *others = words
    assert command("start", action, "blog", "--by=ada@laptop", *others) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert machine.started[-1].endswith(f" run {action} blog --by=ada@laptop --report={lock.report_file(run)} {passed}")


@pytest.mark.parametrize(("followed", "abandoned"), [(True, False), (False, True)])
def test_a_site_that_is_busy_is_an_answer(command, monkeypatch, capsys, followed, abandoned):
    given = {}

    def busy(*_arguments: object, **options: object) -> str:
        given.update(options)
        raise lock.Busy("deploy of blog by bob", 7.5, followed=followed)

    monkeypatch.setattr(lock, "start", busy)
    assert command("start", "rollback", "blog", "--by=ada@laptop", "--since=7.5", "--seconds=0") == 0
    assert json.loads(capsys.readouterr().out) == {"busy": "deploy of blog by bob", "followed": followed, "abandoned": abandoned, "since": 7.5}
    assert (given["since"], given["seconds"]) == (7.5, 0.0)


@pytest.mark.parametrize(
    ("words", "passed"),
    [((), {"revision": "", "migrates": True}), (("--revision=v1", "--no-migrate"), {"revision": "v1", "migrates": False})],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_deploy_runs_and_removes_its_archive(command, tmp_path, monkeypatch, words, passed, fails):
    given = []

    def run(site, source: str, archive: Path, report: Report, **options: object) -> int:
        given.append((site.name, source, archive.exists(), options))
        report.end("live", LIVE, "the key is not a secret!")
        if fails:
            raise OSError("the disk is full")
        return 7

    monkeypatch.setattr(deploy, "deploy", run)
    (tmp_path / "archive").write_text("", encoding="utf-8")
    options = (f"--archive={tmp_path}/archive", f"--report={tmp_path}/report", f"--source={SOURCE}", *words)
    if fails:
        with pytest.raises(OSError, match="the disk is full"):
            command("run", "deploy", "blog", "--by=ada", *options)
    else:
        assert command("run", "deploy", "blog", "--by=ada", *options) == 7
    assert given == [("blog", SOURCE, True, {"by": "ada", **passed})]
    assert not (tmp_path / "archive").exists()
    assert "not a secret" not in (tmp_path / "report").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "to", "migrations"), [((), None, ""), (("--to=abc", "--migrations=reverse"), "abc", "reverse")], ids=["the one before", "another"]
)
def test_a_rollback_runs(command, tmp_path, monkeypatch, words, to, migrations):
    given = []
    monkeypatch.setattr(deploy, "rollback", lambda site, to, _report, **options: given.append((site.name, to, options)) or 0)
    assert command("run", "rollback", "blog", "--by=ada", f"--report={tmp_path}/report", *words) == 0
    assert given == [("blog", to, {"by": "ada", "migrations": migrations})]


def test_only_keep_and_reverse_are_words_for_migrations(command, capsys):
    with pytest.raises(SystemExit, match="2"):
        command("rollback", "blog", "--migrations=drop")
    assert "invalid choice: 'drop'" in capsys.readouterr().err


def test_runs_are_followed_line_by_line(command, monkeypatch, capsys):
    given = []
    monkeypatch.setattr(lock, "follow", lambda *arguments: given.append(arguments) or iter([("blog-1", {"step": "prove"}), ("shop-2", {"step": "end"})]))
    assert command("follow", "blog-1=3", "shop-2=0", "--seconds=0.5") == 0
    assert given == [({"blog-1": 3, "shop-2": 0}, 0.5)]
    assert capsys.readouterr().out == '{"run": "blog-1", "step": "prove"}\n{"run": "shop-2", "step": "end"}\n'


def ends(monkeypatch, *looks: list[dict]) -> list[int]:
    """What each look at a run's report shows; gives how many lines were known at each."""
    known, shown = [], iter(looks)
    monkeypatch.setattr(lock, "start", lambda *_arguments, **_options: "blog-1")
    monkeypatch.setattr(lock, "follow", lambda runs, _seconds: known.append(runs["blog-1"]) or ((run, line) for run in runs for line in next(shown)))
    return known


def line(step: str, result: str, message: str = "", **more: object) -> dict:
    return {"step": step, "result": result, "message": message, "seconds": 1.26, **more}


def test_an_operator_s_rollback_tells_what_happens(command, machine, monkeypatch, capsys):
    machine.unit(LOCK, Description="rollback of blog")
    known = ends(monkeypatch, [line("choose", "begun"), line("choose", "done")], [], [line("prove", "done"), line("end", "live", release=OLD)])
    assert command("rollback", "blog") == 0
    assert known == [0, 2, 2]
    assert capsys.readouterr().out.splitlines() == [
        "choose      1.3 s  done",
        "prove       1.3 s  done",
        f"blog: release {OLD} is live",
    ]


@pytest.mark.parametrize("result", ["failed", "interrupted", "live, but not done"])
def test_an_operator_s_rollback_that_does_not_end_well_is_a_sentence(command, monkeypatch, result):
    ends(monkeypatch, [line("end", result, "prove: it is dumb", release=OLD)])
    with pytest.raises(SystemExit, match=r"^shortstop: prove: it is dumb$"):
        command("rollback", "blog")


def test_an_operator_does_not_interrupt_a_run(command, monkeypatch):
    def busy(*_arguments: object, **_options: object) -> str:
        raise lock.Busy("deploy of blog by bob", 0.0, followed=True)

    monkeypatch.setattr(lock, "start", busy)
    with pytest.raises(SystemExit, match=r"^shortstop: another run is under way \(deploy of blog by bob\); wait for its end$"):
        command("rollback", "blog")


@pytest.mark.parametrize(("user", "who"), [("ada", "ada@"), (None, "root@")])
def test_an_operator_s_rollback_is_theirs(command, monkeypatch, user, who):
    ends(monkeypatch, [line("end", "live", release=OLD)])
    given = []
    monkeypatch.setattr(lock, "start", lambda site, *words: given.append((site.name, *words)) or "blog-1")
    monkeypatch.setenv("SUDO_USER", user) if user else monkeypatch.delenv("SUDO_USER", raising=False)
    command("rollback", "blog", f"--to={OLD}", "--migrations=keep")
    ((site, by, *words),) = given
    assert by.startswith(who)
    assert (site, words) == ("blog", ["rollback", f"--to={OLD}", "--migrations=keep"])


def test_a_management_command_runs_as_the_live_release(command, blog, machine, live, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    machine.answer("manage.py migrate", status=3)
    assert command("manage", "blog", "migrate", "--plan", "--database", "other") == 3
    (started,) = machine.lines("manage.py migrate --plan")
    directory = blog.release_dir(LIVE)
    assert started.endswith(f" -- /usr/bin/env TERM=xterm {directory}/venv/bin/python manage.py migrate --plan --database other")
    assert " --unit=shortstop-manage-blog-" in started
    assert " --description=Site blog: manage.py migrate " in started
    for wanted in (f"WorkingDirectory={directory}/source", f"EnvironmentFile={blog.release_environment(LIVE)}", "User=blog"):
        assert f" --property={wanted} " in started


@pytest.mark.parametrize(("terminals", "ends"), [((True, True), "--pty"), ((True, False), "--pipe"), ((False, True), "--pipe"), ((False, False), "--pipe")])
def test_a_management_command_has_a_terminal_where_there_is_one(command, machine, live, monkeypatch, terminals, ends):
    for stream, terminal in zip((sys.stdin, sys.stdout), terminals, strict=True):
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
    command("manage", "blog", "shell")
    assert f" {ends} " in machine.started[-1]


@pytest.fixture
def broken(blog, make_release) -> str:
    """A release that failed, and came so far that a command can run in it."""
    make_release(FAILED, finished=False, venv="venv2")
    failed.keep(blog, FAILED)
    python = blog.release_dir(FAILED) / "venv/bin/python"
    python.parent.mkdir()
    python.touch()
    return FAILED


@pytest.mark.parametrize("option", [["--release", "ID"], ["--release=ID"]])
@pytest.mark.parametrize("is_live", [True, False])
def test_a_management_command_runs_as_another_release(command, blog, machine, make_release, broken, option, is_live):
    if is_live:
        make_release(LIVE, live_since=2)
        switch.point(blog, LIVE)
    assert command("manage", "blog", *(word.replace("ID", broken) for word in option), "shell", "--release", "x") == 0
    (started,) = machine.lines("manage.py shell")
    assert started.endswith(f" {blog.release_dir(broken)}/venv/bin/python manage.py shell --release x")
    assert f" --property=WorkingDirectory={blog.release_dir(broken)}/source " in started
    assert f" --property=EnvironmentFile={blog.release_environment(broken)} " in started


def test_an_option_after_the_command_is_the_command_s(command, blog, machine, live):
    command("manage", "blog", "migrate", "--release=x")
    assert machine.started[-1].endswith(f"{blog.release_dir(LIVE)}/venv/bin/python manage.py migrate --release=x")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--release", "0000000000cc", "shell"], "0000000000cc"),
        (["--release=../../etc", "shell"], "../../etc"),
        (["--release", "live.sock"], "live.sock"),
        (["--release="], ""),
        (["--release"], ""),
    ],
)
def test_only_a_release_that_is_there_is_managed(command, machine, live, words, named):
    with pytest.raises(SystemExit) as error:
        command("manage", "blog", *words)
    assert str(error.value) == f"shortstop: blog has no release {named!r}; its releases are: {LIVE}, {OLD}"
    assert machine.started == []


def test_where_there_is_no_release_none_is_named(command):
    with pytest.raises(SystemExit, match=rf"^shortstop: blog has no release '{LIVE}'; its releases are: none$"):
        command("manage", "blog", f"--release={LIVE}", "shell")


def test_in_a_release_that_failed_while_it_was_built_nothing_runs(command, blog, broken):
    blog.service_file(broken).unlink()
    with pytest.raises(SystemExit) as error:
        command("manage", "blog", "--release", broken, "shell")
    assert str(error.value) == f"shortstop: nothing can run in release {broken} of blog: it failed while it was built; see shortstop failure blog"


def test_where_nothing_is_live_the_release_that_failed_is_named(command, broken):
    with pytest.raises(SystemExit) as error:
        command("manage", "blog", "shell")
    assert str(error.value) == (
        f"shortstop: nothing of blog is live yet; its release {broken}, which failed, takes: shortstop manage blog --release {broken} \u2026"
    )


def test_the_last_failure_is_shown(command, blog, capsys):
    assert command("failure", "blog") == 0
    assert capsys.readouterr().out == "no deploy of blog has failed\n"
    assert command("failure", "blog", "--json") == 0
    assert json.loads(capsys.readouterr().out) is None
    audit.begin(blog, "deploy", "ada@laptop", FAILED, "v1")
    audit.end(blog, "failed", "prove: it is dumb\n\x1b[2J more of it")
    at = audit.last_failure(blog)["at"]
    assert command("failure", "blog") == 0
    assert capsys.readouterr().out == f"deploy of release {FAILED} by ada, {at}: prove: it is dumb\n\\x1b[2J more of it\n"
    assert command("failure", "blog", "--json") == 0
    assert json.loads(capsys.readouterr().out)["message"] == "prove: it is dumb\n\x1b[2J more of it"


def test_what_a_run_learns_to_be_secret_is_not_told(command, tmp_path, monkeypatch):
    def run(site, _to: str, report: Report, **_options: object) -> int:
        site.hidden.add("open sesame")
        report.end("failed", LIVE, "not a secret: open sesame")
        return 1

    monkeypatch.setattr(deploy, "rollback", run)
    command("run", "rollback", "blog", "--by=ada", f"--report={tmp_path}/report")
    assert json.loads((tmp_path / "report").read_text(encoding="utf-8"))["message"] == "********: ********"


def test_nothing_can_be_managed_before_it_is_live(command):
    with pytest.raises(SystemExit, match=r"^shortstop: nothing of blog is live yet$"):
        command("manage", "blog", "shell")


@pytest.fixture
def shop(blog) -> None:
    """A second site."""
    directory = blog.configuration_dir.with_name("shop")
    directory.mkdir()
    text = (blog.configuration_dir / "site.json").read_text(encoding="utf-8")
    (directory / "site.json").write_text(text.replace('"name": "blog"', '"name": "shop"').replace("/srv/blog", "/srv/shop"), encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "settled"),
    [(("--locked",), ["blog", "shop"]), (("blog", "--locked"), ["blog"]), (("blog", "--report=/run/blog.jsonl"), [("blog", Path("/run/blog.jsonl"))])],
)
def test_sites_are_settled(command, shop, monkeypatch, words, settled):
    given = []
    monkeypatch.setattr(settle, "settle", lambda site: given.append(site.name))
    monkeypatch.setattr(settle, "after_run", lambda site, report: given.append((site.name, report)))
    assert command("settle", *words) == 0
    assert given == settled


def test_a_site_that_cannot_be_settled_holds_up_no_other(command, shop, monkeypatch, capsys):
    given = []

    def settle_one(site) -> None:
        given.append(site.name)
        if site.name == "blog":
            raise StepFailed("systemctl stop: no")

    monkeypatch.setattr(settle, "settle", settle_one)
    assert command("settle", "--locked") == 1
    assert given == ["blog", "shop"]
    assert capsys.readouterr().err == "systemctl stop: no\n"


def test_a_site_is_settled_under_its_lock(command, shop, machine, monkeypatch):
    monkeypatch.setattr(settle, "settle", lambda _site: pytest.fail("without the lock"))
    assert command("settle") == 0
    started = [line.split(" --description=")[0] for line in machine.lines("systemd-run")]
    assert started == [
        f"systemd-run --quiet --collect --unit=shortstop-deploy-{site}.service --property=MemoryMax={lock.MEMORY} --wait --pipe" for site in ("blog", "shop")
    ]
    assert [line.partition(f" {lock.COMMAND} ")[2] for line in machine.lines("systemd-run")] == ["settle blog --locked", "settle shop --locked"]


def test_a_site_that_another_run_holds_is_not_settled(command, machine, capsys):
    machine.answer("systemd-run", "Failed to start transient service unit: Unit was already loaded", status=1)
    machine.unit("shortstop-deploy-blog.service", Description="deploy of blog by ada@laptop since 2026-11-29")
    assert command("settle", "blog") == 1
    assert capsys.readouterr().err == "shortstop: blog: deploy of blog by ada@laptop since 2026-11-29 is under way; wait for its end\n"


def test_what_ends_the_settling_under_the_lock_is_told(command, machine, capsys):
    machine.answer("systemd-run", "systemctl stop: no\n", status=1)
    assert command("settle", "blog") == 1
    assert capsys.readouterr().err == "shortstop: blog: systemctl stop: no\n"


def test_what_a_site_says_when_it_is_settled_changes_no_terminal(command, monkeypatch, capsys):
    def fail(_site) -> None:
        raise StepFailed("\x1b]0;title\x07")

    monkeypatch.setattr(settle, "settle", fail)
    command("settle", "--locked")
    assert capsys.readouterr().err == "\\x1b]0;title\\x07\n"
