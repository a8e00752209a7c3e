"""The action that waits until a command says yes, and shows what is left of the time."""

from __future__ import annotations

import shlex
from types import SimpleNamespace

import pytest
from conftest import Clock

from ansible_collections.shortstop.django.plugins.action import wait_until
from ansible_collections.shortstop.django.plugins.module_utils import waiting

WANTED = {"about": 'droplet "web1"', "until": "SSH lets this machine in", "argv": ["look", "at it"], "timeout": 20}
NOT_YET = (75, "a first line\nconnection refused\n")


class Host:
    """Answers what a test has told it, the last answer for ever, and takes a second for each."""

    def __init__(self, monkeypatch) -> None:
        self.clock, self.shown, self.asked = Clock(), [], []
        self.answers: list[tuple[int, str]] = []
        for module in (wait_until, waiting):
            monkeypatch.setattr(module, "time", self.clock)
        monkeypatch.setattr(wait_until, "Display", lambda: SimpleNamespace(display=self.shown.append))
        monkeypatch.setattr(wait_until.ActionModule, "_low_level_execute_command", self.answer)

    def answer(self, command: str, sudoable: bool = False) -> dict:
        assert sudoable
        self.asked.append(shlex.split(command))
        self.clock.now += 1
        status, said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {"rc": status, "stdout": said if status != 127 else "", "stderr": said if status == 127 else ""}

    def wait(self, *answers: tuple[int, str], check_mode: bool = False, **options: object) -> dict:
        self.answers = list(answers)
        task = SimpleNamespace(args={**WANTED, **options}, check_mode=check_mode, async_val=0, action="wait_until")
        return wait_until.ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None).run(task_vars={})


@pytest.fixture
def host(monkeypatch) -> Host:
    return Host(monkeypatch)


@pytest.mark.parametrize("check", [False, True])
def test_it_works(host, check):
    assert host.wait((0, "yes\n"), check_mode=check) == {"changed": False, "stdout": "yes\n", "seconds": 1}
    assert host.asked == [["look", "at it"]]
    assert (host.shown, host.clock.slept) == ([], [])


def test_a_wait_is_shown_with_what_is_left_of_it(host):
    assert host.wait(NOT_YET, NOT_YET, (0, ""))["seconds"] == 13
    assert host.shown == [
        '  droplet "web1": waiting until SSH lets this machine in; connection refused; 19 s left',
        '  droplet "web1": waiting until SSH lets this machine in; connection refused; 13 s left',
        '  droplet "web1": SSH lets this machine in, after 13 s',
    ]
    assert host.clock.slept == [5, 5]


def test_a_wait_that_is_too_long_says_what_was_waited_for(host):
    begun = host.clock.now
    result = host.wait(NOT_YET, advice="look at its console")
    assert (result["failed"], result["stdout"]) == (True, "")
    assert result["msg"] == 'droplet "web1": waited 20 s until SSH lets this machine in, but connection refused; look at its console'
    assert host.clock.slept == [5, 5, 5, 1]
    assert host.clock.now - begun == 21  # the last answer alone came after the end


def test_a_no_is_not_asked_again(host):
    result = host.wait(NOT_YET, (1, "its first boot failed\n"))
    assert (result["failed"], result["msg"]) == (True, 'droplet "web1": its first boot failed')
    assert len(host.asked) == 2


@pytest.mark.parametrize(("said", "told"), [((127, "sh: look: not found\n"), "sh: look: not found"), ((1, ""), "it does not say why")])
def test_a_command_that_cannot_answer_is_told(host, said, told):
    assert host.wait(said)["msg"] == f'droplet "web1": {told}'
