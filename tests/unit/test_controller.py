"""The controller's side of a run: how it is asked for, followed and told, and what ends it."""

from __future__ import annotations

import json
import shlex
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.shortstop.django.plugins.action import outcome
from ansible_collections.shortstop.django.plugins.plugin_utils import engine

RUN = {"run": "blog-0123"}
OTHER = {"run": "shop-4567"}
END = {"step": "end", "result": "live", "message": "", "seconds": 9.0, "release": "0000000000aa"}
BUSY = {"busy": "deploy by bob", "followed": False, "abandoned": True, "since": 5.5}


def step(name: str, result: str = "done", message: str = "") -> dict:
    return {"step": name, "result": result, "message": message, "seconds": 1.26}


class Action:
    """Stands in for an action plugin: each command gets the next answer, which is objects, what a shell says, or an error."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answers: list[list[dict] | dict | Exception] = []

    def _low_level_execute_command(self, command: str, sudoable: bool = False) -> dict:
        assert sudoable
        self.asked.append(shlex.split(command))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        said = {"stdout": "".join(f"{json.dumps(line)}\n" for line in answer)} if isinstance(answer, list) else answer
        return {"rc": 0, "stdout": "", "stderr": "", **said}


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """What the terminal shows."""
    lines = []
    monkeypatch.setattr(engine, "Display", lambda: SimpleNamespace(display=lines.append))
    return lines


def of(run: dict, *lines: dict) -> list[dict]:
    """Lines of a run's report as the host prints them."""
    return [{**run, **line} for line in lines]


def deploy_of(site: str) -> engine.Run:
    return engine.Run(site, "deploy", lambda: ("--source=abc", "--revision=v 1"))


@pytest.fixture
def go_all(shown):
    """Has runs of these sites end as these answers say; gives their results and the questions."""

    def going(sites: list[str], at_once: int, *answers: list[dict] | dict | Exception) -> tuple[list[dict], list[list[str]]]:
        action, runs = Action(), [deploy_of(site) for site in sites]
        action.answers = list(answers)
        engine.Runs(action).go(runs, at_once)
        assert not action.answers
        return [run.result for run in runs], action.asked

    return going


@pytest.fixture
def go(go_all):
    """The same for the blog alone."""

    def going(*answers: list[dict] | dict | Exception) -> tuple[dict, list[list[str]]]:
        answers = [of(RUN, *answer) if isinstance(answer, list) and all("step" in line for line in answer) else answer for answer in answers]
        (result,), asked = go_all(["blog"], 1, *answers)
        return result, asked

    return going


def asked(*answers: list[dict] | dict) -> list[dict]:
    action = Action()
    action.answers = list(answers)
    return engine.ask(action, "plan", "blog")


def test_it_works(go):
    result, _questions = go([RUN], [step("prepare"), END])
    steps = [{"step": "prepare", "result": "done", "seconds": 1.26}]
    assert result == {"changed": True, "release": "0000000000aa", "seconds": 9.0, "result": "live", "steps": steps, "warnings": []}


def test_the_program_is_asked_by_its_words(go, monkeypatch):
    monkeypatch.setattr(engine.getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(engine.socket, "gethostname", lambda: "laptop")
    _result, (start, follow) = go([RUN], [END])
    assert start == [engine.COMMAND, "start", "deploy", "blog", "--by=ada@laptop", "--source=abc", "--revision=v 1", "--since=0.0", "--seconds=2.0"]
    assert follow == [engine.COMMAND, "follow", "blog-0123=0", "--seconds=2.0"]


def test_what_is_no_object_is_no_answer():
    assert asked({"stdout": 'sudo: unable to resolve host\n{"live": ""}\nlast login\n'}) == [{"live": ""}]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"rc": 1, "stderr": "shortstop: there is no site\n"}, "there is no site"),
        ({"rc": 1, "stdout": "out of memory\n"}, "out of memory"),
        ({"rc": 127, "stderr": "not found"}, "/usr/local/sbin/shortstop is not set up on this host; run role django as a whole"),
        ({"rc": 126, "stderr": "no permission"}, "/usr/local/sbin/shortstop is not set up on this host; run role django as a whole"),
    ],
)
def test_a_program_that_refuses_is_a_sentence(go, said, sentence):
    with pytest.raises(AnsibleActionFail, match=f"^{sentence}$"):
        asked(said)
    for answers in ([said], [[RUN], said]):
        result, _questions = go(*answers)
        assert (result["failed"], result["result"], result["msg"]) == (True, "failed", f'site "blog": {sentence}')


def test_a_run_is_followed_in_looks(go, shown):
    result, questions = go([RUN], [step("prepare", "begun")], [], [step("prepare"), step("prove", "warning", "slow")], [END])
    assert [words[2] for words in questions[1:]] == ["blog-0123=0", "blog-0123=1", "blog-0123=1", "blog-0123=3"]
    assert [line["result"] for line in result["steps"]] == ["done", "warning"]
    assert result["warnings"] == ['site "blog": prove: slow']
    assert shown == ["  blog: prepare 1.3 s"]


@pytest.mark.parametrize(
    ("became", "changed", "failed"),
    [("live", True, False), ("unchanged", False, False), ("failed", True, True), ("interrupted", True, True), ("live, but not done", True, True)],
)
def test_what_became_of_a_run_is_the_task_s_result(go, became, changed, failed):
    result, _questions = go([RUN], [{**END, "result": became, "message": "prove: it is dumb"}])
    assert (result["changed"], result.get("failed", False), result["result"]) == (changed, failed, became)
    assert result.get("msg") == ('site "blog": prove: it is dumb' if failed else None)


def test_what_failed_is_told_once(go, shown):
    """Ansible shows a failed result as a whole, so that only "msg" says why."""
    result, _questions = go([RUN], [step("prove", "failed", "it is dumb"), {**END, "result": "failed", "message": "prove: it is dumb"}])
    assert shown == ["  blog: prove 1.3 s failed"]
    assert json.dumps(result).count("it is dumb") == 1


def test_a_busy_site_is_told_at_once(go):
    result, questions = go([{**BUSY, "followed": True, "abandoned": False}])
    assert (result["failed"], result["msg"]) == (True, 'site "blog": another run is under way (deploy by bob); wait for its end')
    assert len(questions) == 1


def test_an_abandoned_run_is_waited_for_and_told_once(go, shown):
    other = {**BUSY, "busy": "deploy by eve"}
    result, questions = go([{**BUSY, "abandoned": False}], [BUSY], [BUSY], [other], [RUN], [END])
    assert result["result"] == "live"
    assert [words[1] for words in questions] == ["start"] * 5 + ["follow"]
    assert [words[-2] for words in questions[:3]] == ["--since=0.0", "--since=5.5", "--since=5.5"]
    assert shown == [f"  blog: waits for a run that nobody follows any more (deploy by {name})" for name in ("bob", "eve")]


@pytest.mark.parametrize(
    ("answers", "changed", "where"),
    [
        ([], False, "start"),
        ([[RUN]], False, "start"),
        ([[RUN], [step("prepare"), step("migrate", "begun")]], True, "migrate"),
    ],
    ids=["before the start", "before the first line", "in the middle"],
)
def test_a_connection_that_is_lost_is_told(go, answers, changed, where):
    result, _questions = go(*answers, AnsibleConnectionFailure("closed by remote host"))
    assert (result["failed"], result["changed"], result["result"]) == (True, changed, "failed")
    assert result["msg"] == (
        f'site "blog": {where}: the connection was lost (closed by remote host). What was begun ends, or goes back, by itself; the next deploy waits for that'
    )
    assert [line["step"] for line in result["steps"]] == (["prepare"] if changed else [])


@pytest.mark.parametrize("answers", [[[RUN], []], [[BUSY]]], ids=["following", "waiting"])
def test_without_ansible_nobody_waits_for_the_run(go, monkeypatch, answers):
    parents = iter([7, 7])
    monkeypatch.setattr(engine.os, "getppid", lambda: next(parents, 1))
    with pytest.raises(AnsibleActionFail, match=r"^Ansible itself is gone$"):
        go(*answers)


def test_without_ansible_no_further_run_is_started(go_all, monkeypatch):
    parents = iter([7, 7])
    monkeypatch.setattr(engine.os, "getppid", lambda: next(parents, 1))
    with pytest.raises(AnsibleActionFail, match=r"^Ansible itself is gone$"):
        go_all(["blog", "shop"], 2, [RUN])


def test_runs_go_side_by_side(go_all, shown):
    results, questions = go_all(
        ["blog", "shop"],
        2,
        [RUN],
        [OTHER],
        [*of(OTHER, step("prepare")), *of(RUN, step("prepare", "begun"), step("prepare"))],
        [*of(OTHER, step("prove", "warning", "slow"), {**END, "result": "failed", "message": "prove: it is dumb"})],
        of(RUN, END),
    )
    assert [words[1:4] for words in questions[2:]] == [
        ["follow", "blog-0123=0", "shop-4567=0"],
        ["follow", "blog-0123=2", "shop-4567=1"],
        ["follow", "blog-0123=2", "--seconds=2.0"],
    ]
    assert shown == ["  shop: prepare 1.3 s", "  blog: prepare 1.3 s"]
    assert [result["result"] for result in results] == ["live", "failed"]
    assert results[1]["warnings"] == ['site "shop": prove: slow']


def test_the_next_run_starts_where_one_has_ended(go_all):
    results, questions = go_all(["blog", "wiki", "shop"], 2, [RUN], {"rc": 1, "stderr": "no"}, [OTHER], of(RUN, END), of(OTHER, END))
    assert [(words[1], words[3] if words[1] == "start" else words[2]) for words in questions] == [
        ("start", "blog"),
        ("start", "wiki"),
        ("start", "shop"),
        ("follow", "blog-0123=0"),
        ("follow", "shop-4567=0"),
    ]
    assert [result["result"] for result in results] == ["live", "failed", "live"]


def test_no_more_runs_than_that_go_at_once(go_all):
    _results, questions = go_all(["blog", "shop"], 1, [RUN], [], of(RUN, END), [OTHER], of(OTHER, END))
    assert [words[1] for words in questions] == ["start", "follow", "follow", "start", "follow"]


def test_a_run_that_waits_holds_no_other_up(go_all):
    """While others go on, an attempt ends at once, and they are looked after."""
    results, questions = go_all(["blog", "shop"], 1, [BUSY], [OTHER], of(OTHER, END), [RUN], of(RUN, END))
    starts = [(words[3], words[-1]) for words in questions if words[1] == "start"]
    assert starts == [("blog", "--seconds=2.0"), ("shop", "--seconds=2.0"), ("blog", "--seconds=2.0")]
    assert [result["result"] for result in results] == ["live", "live"]


def test_an_attempt_beside_a_run_ends_at_once(go_all):
    _results, questions = go_all(["shop", "blog"], 2, [OTHER], [BUSY], of(OTHER, END), [RUN], of(RUN, END))
    assert [words[-1] for words in questions if words[3] == "blog"] == ["--seconds=0.0", "--seconds=2.0"]


def test_a_connection_that_is_lost_ends_all_runs_that_go(go_all):
    lost = AnsibleConnectionFailure("closed by remote host")
    results, _questions = go_all(["blog", "shop", "wiki"], 2, [RUN], [OTHER], of(RUN, step("prepare")), lost, [{"run": "wiki-89"}], of({"run": "wiki-89"}, END))
    assert [result["result"] for result in results] == ["failed", "failed", "live"]
    assert [result["changed"] for result in results] == [True, False, True]
    assert results[0]["msg"].startswith('site "blog": prepare: the connection was lost')


def test_a_host_that_is_not_reached_for_a_start_gets_no_other(go_all):
    lost = AnsibleConnectionFailure("timed out")
    results, questions = go_all(["blog", "shop", "wiki"], 3, [RUN], lost, of(RUN, END))
    assert [words[1] for words in questions] == ["start", "start", "follow"]
    assert [(result["result"], result.get("msg", "")[:60]) for result in results] == [
        ("live", ""),
        ("failed", 'site "shop": start: the connection was lost (timed out). Wha'),
        ("failed", 'site "wiki": start: the connection was lost (timed out). Wha'),
    ]


def test_a_start_that_failed_before_the_host_was_lost_says_why(go_all):
    results, _questions = go_all(["blog", "shop"], 2, {"rc": 1, "stderr": "no"}, AnsibleConnectionFailure("timed out"))
    assert [result["msg"][:40] for result in results] == ['site "blog": no', 'site "shop": start: the connection was l']


def test_arguments_that_cannot_be_had_fail_their_run_alone(shown):
    def refuse() -> tuple[str, ...]:
        raise OSError("the disk is full")

    action = Action()
    action.answers = [[OTHER], of(OTHER, END)]
    runs = [engine.Run("blog", "deploy", refuse), deploy_of("shop")]
    engine.Runs(action).go(runs, 2)
    assert [run.result.get("msg") for run in runs] == ['site "blog": OSError: the disk is full', None]


def test_what_is_sent_is_sent_once(shown):
    sent = []
    action = Action()
    action.answers = [[BUSY], [BUSY], [RUN], of(RUN, END)]
    engine.Runs(action).go([engine.Run("blog", "deploy", lambda: sent.append(1) or ("--archive=a",))])
    assert sent == [1]


@pytest.mark.parametrize(
    ("result", "row"),
    [
        ({"release": "0000000000aa", "result": "live", "seconds": 9.04, "steps": [step("flip"), step("prune")]}, "0000000000aa  prune  live  9.0"),
        ({"release": "0000000000aa", "result": "unchanged"}, "0000000000aa  -  unchanged  -"),
        ({"release": "0000000000aa", "result": "held"}, "0000000000aa  -  held  -"),
        ({"release": "0000000000aa", "changed": True, "result": "new"}, "0000000000aa  -  new  -"),
        ({"release": "", "changed": True, "result": "new"}, "-  -  new  -"),
        ({"failed": True, "msg": "another run is under way", "result": "failed"}, "-  -  failed  -"),
        (
            {"release": "0000000000aa", "result": "failed", "seconds": 3, "failed": True, "steps": [step("prove", "failed"), step("clean up")]},
            "0000000000aa  prove  failed  3.0",
        ),
        ({"msg": "an exception of the plugin's", "steps": [step("prepare"), step("migrate", "warning")]}, "-  prepare  failed  -"),
    ],
    ids=["live", "unchanged", "held", "check mode", "check mode of a new host", "busy", "failed", "without a result"],
)
def test_a_site_is_a_row(result, row):
    assert ["  ".join(line.split()) for line in outcome.table([{"site_name": "blog", **result}])][1] == "  ".join(f"blog {row}".split())


def test_rows_are_aligned():
    results = [
        {"site_name": "blog", "release": "0000000000aa", "result": "live", "seconds": 12.34, "steps": [step("prune")]},
        {"site_name": "tatis", "result": "unchanged", "release": "0000000000bb"},
    ]
    assert outcome.table(results) == [
        "SITE   RELEASE       STEP   RESULT     SECONDS",
        "blog   0000000000aa  prune  live       12.3",
        "tatis  0000000000bb  -      unchanged  -",
    ]


LIVE = {"site_name": "blog", "release": "0000000000aa", "result": "live", "changed": True}
# As `failed_when: false` leaves it.
FAILED = {"site_name": "shop", "release": "", "result": "failed", "failed": False, "msg": 'site "shop": prove: it is dumb\nValueError', "changed": True}


@pytest.fixture
def show(monkeypatch):
    """Runs the action with these results of these sites; gives its result and what the terminal shows."""
    lines = []
    monkeypatch.setattr(outcome, "Display", lambda: SimpleNamespace(display=lambda text, **_color: lines.extend(text.split("\n"))))

    def showing(results: list[dict], sites: list[str]) -> tuple[dict, list[str]]:
        task = SimpleNamespace(async_val=0, args={"results": results, "sites": sites, "not_run": "it was left out"}, check_mode=False, diff=False)
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
        action = outcome.ActionModule(task, connection, SimpleNamespace(), None, None, None)
        return action.run(task_vars={"inventory_hostname": "web1"}), lines

    return showing


def test_a_failure_is_shown_once_below_the_table(show):
    result, lines = show([LIVE, FAILED], ["blog", "shop"])
    assert lines == [
        "web1:",
        "  SITE  RELEASE       STEP  RESULT  SECONDS",
        "  blog  0000000000aa  -     live    -",
        "  shop  -             -     failed  -",
        "",
        'site "shop": prove: it is dumb',
        "ValueError",
    ]
    assert (result["failed"], result["failed_sites"], result["msg"]) == (True, ["shop"], "1 of 2 sites failed: shop")


def test_where_all_ended_well_the_task_does_not_fail(show):
    result, lines = show([LIVE], ["blog"])
    assert result == {"changed": False, "failed_sites": []}
    assert len(lines) == 3


def test_where_nothing_changed_nothing_is_shown(show):
    _result, lines = show([{**LIVE, "result": "unchanged", "changed": False}], ["blog"])
    assert lines == []


def test_a_site_without_a_result_failed(show):
    result, lines = show([{"site_name": "blog", "skipped": True}], ["blog"])
    assert (result["failed"], lines[-1]) == (True, 'site "blog": it was left out')


@pytest.mark.parametrize("said", ["Unexpected failure: no", 'site "shop": no'])
def test_a_failure_names_its_site(show, said):
    """The message of an exception is Ansible's, and names none."""
    _result, lines = show([{"site_name": "blog", "failed": False, "msg": said}], ["blog"])
    assert lines[-1] == f'site "blog": {said}'


def test_a_result_that_says_nothing_is_a_failure(show):
    """Such as that of an exception, which `failed_when: false` lets pass."""
    result, lines = show([{"site_name": "blog"}], ["blog"])
    assert (result["failed"], lines[-1]) == (True, 'site "blog": the task ended without a word')
