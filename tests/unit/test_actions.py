"""The actions release and rollback: what they ask the host, what they send, and what they leave."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure

from ansible_collections.shortstop.django.plugins.action import release, rollback
from ansible_collections.shortstop.django.plugins.plugin_utils import engine

NEW, LIVE = "0000000000aa", "0000000000bb"
PLAN = {"release": NEW, "live": LIVE, "held": False}
END = {"step": "end", "result": "live", "message": "", "seconds": 9.0, "release": NEW}
NOT_SET_UP = {"rc": 127, "stderr": "sh: /usr/local/sbin/shortstop: not found"}


class Host:
    """What an action meets: answers by the program's first word, and what it is sent."""

    def __init__(self, monkeypatch, tmp_path: Path) -> None:
        self.answers = {"plan": PLAN, "start": {"run": "blog-0123"}, "follow": END}
        self.asked: list[list[str]] = []
        self.sent: list[tuple[bytes, str]] = []
        self.lost = False  # the connection, at the very end
        for module in (release, rollback):
            for name in ("_low_level_execute_command", "_make_tmp_path", "_transfer_file", "_fixup_perms2", "_remove_tmp_path"):
                monkeypatch.setattr(module.ActionModule, name, getattr(self, name))
        monkeypatch.setattr(engine, "Display", lambda: SimpleNamespace(display=lambda _line: None))
        monkeypatch.setattr(release.tempfile, "tempdir", str(tmp_path))

    def act(self, module, *, check_mode: bool = False, **arguments: object) -> dict:
        task = SimpleNamespace(args=arguments, check_mode=check_mode, async_val=0, action="release")
        shell = SimpleNamespace(tmpdir="/remote", join_path=os.path.join)
        action = module.ActionModule(task, SimpleNamespace(_shell=shell), None, None, None)
        try:
            return action.run(task_vars={})
        finally:
            action.cleanup()  # as Ansible does

    @property
    def words(self) -> list[str]:
        """What the program was asked for."""
        return [words[0] for words in self.asked]

    def _low_level_execute_command(self, command: str, sudoable: bool = False) -> dict:
        assert sudoable
        _program, *words = shlex.split(command)
        self.asked.append(words)
        answer = self.answers[words[0]]
        return {"rc": 0, "stdout": json.dumps(answer), "stderr": "", **(answer if "rc" in answer else {})}

    def _make_tmp_path(self) -> str:
        return "/remote"

    def _transfer_file(self, local: str, remote: str) -> None:
        self.sent.append((Path(local).read_bytes(), remote))

    def _fixup_perms2(self, _paths: tuple[str, ...]) -> None:
        assert self.sent

    def _remove_tmp_path(self, path: str) -> None:
        assert path == "/remote"
        if self.lost:
            raise AnsibleConnectionFailure("it is gone")


@pytest.fixture
def archives(tmp_path) -> Path:
    directory = tmp_path / "archives"
    directory.mkdir()
    return directory


@pytest.fixture
def host(monkeypatch, archives) -> Host:
    return Host(monkeypatch, archives)


@pytest.fixture
def deploy(host, source, archives):
    """Releases the source to the host. Whatever happens, no archive is left here."""

    def act(**arguments: object) -> dict:
        try:
            return host.act(release, site="blog", source=str(source), **arguments)
        finally:
            assert list(archives.iterdir()) == []

    return act


def test_it_works(host, deploy):
    result = deploy(revision="v1")
    assert (result["changed"], result["release"], result["result"]) == (True, NEW, "live")
    assert host.words == ["plan", "start", "follow"]
    ((archive, remote),) = host.sent
    assert archive.startswith(b"\x1f\x8b")
    start = host.asked[1]
    assert start[:3] == ["start", "deploy", "blog"]
    assert {f"--archive={remote}", "--revision=v1", host.asked[0][2]} < set(start)
    assert host.asked[0][2].startswith("--source=")
    assert "--no-migrate" not in start


def test_another_host_may_migrate(host, deploy):
    deploy(migrates=False)
    assert host.asked[1][-1] == "--no-migrate"


def test_what_stays_here_is_told_once_something_is_sent(host, deploy, source):
    for number in range(12):
        (source / f"{number:02}.sqlite3").write_text("", encoding="utf-8")
    (source / ".env").write_text("", encoding="utf-8")
    names = ".env, 00.sqlite3, 01.sqlite3, 02.sqlite3, 03.sqlite3, 04.sqlite3, 05.sqlite3, 06.sqlite3, 07.sqlite3, 08.sqlite3, …"
    told = f'site "blog": not sent, since it looks like this machine\'s own: {names}; what git tracks is always sent'
    assert deploy()["warnings"] == [told]
    assert deploy(whole=True)["warnings"] == []
    host.answers["plan"] = {**PLAN, "live": NEW}
    assert "warnings" not in deploy()


def test_what_was_found_in_the_source_is_told_with_a_new_release(host, deploy, monkeypatch):
    shown = []
    monkeypatch.setattr(engine, "Display", lambda: SimpleNamespace(display=shown.append))
    deploy(told=["manage.py is in backend"])
    assert shown[0] == "  blog: manage.py is in backend"
    host.answers["plan"] = {**PLAN, "live": NEW}
    shown.clear()
    deploy(told=["manage.py is in backend"])
    assert shown == []


def test_what_is_live_is_not_sent(host, deploy):
    host.answers["plan"] = {**PLAN, "live": NEW, "held": True}
    assert deploy() == {"changed": False, "release": NEW, "result": "unchanged"}
    assert (host.words, host.sent) == (["plan"], [])


def test_a_held_release_is_left_and_told(host, deploy):
    host.answers["plan"] = {**PLAN, "held": True}
    result = deploy()
    assert (result["changed"], result["release"], result["result"]) == (False, LIVE, "held")
    assert result["warnings"] == [f'site "blog": release {NEW} was rolled back from, so {LIVE} stays live; deploy it with -e only=blog, or change the source']
    assert (host.words, host.sent) == (["plan"], [])


def test_a_held_release_goes_live_for_those_who_ask(host, deploy):
    host.answers["plan"] = {**PLAN, "held": True}
    assert deploy(asked_for=True)["result"] == "live"


@pytest.mark.parametrize(("plan", "said"), [(PLAN, NEW), (NOT_SET_UP, "")], ids=["set up", "new"])
def test_check_mode_starts_nothing(host, deploy, plan, said):
    host.answers["plan"] = plan
    assert deploy(check_mode=True) == {"changed": True, "release": said, "result": "new"}
    assert (host.words, host.sent) == (["plan"], [])


def test_a_host_that_is_not_set_up_is_told(host, deploy):
    host.answers["plan"] = NOT_SET_UP
    result = deploy()
    assert (result["failed"], result["result"]) == (True, "failed")
    assert result["msg"].startswith('site "blog": /usr/local/sbin/shortstop is not set up on this host')


def test_a_connection_lost_at_the_end_hides_no_result(host, deploy):
    host.lost = True
    assert deploy()["result"] == "live"


def test_a_source_that_is_gone_is_told(host):
    result = host.act(release, site="blog", source="/nowhere")
    assert result == {"failed": True, "result": "failed", "msg": 'site "blog": key "source": there is no directory /nowhere'}
    assert host.asked == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({}, ["--to=", "--migrations="]), ({"to": LIVE, "migrations": "keep"}, [f"--to={LIVE}", "--migrations=keep"])],
    ids=["the one before", "that one"],
)
def test_a_rollback_is_asked_for_with_its_words(host, arguments, words):
    assert host.act(rollback, site="blog", **arguments)["release"] == NEW
    assert host.words == ["start", "follow"]
    assert host.asked[0][:3] == ["start", "rollback", "blog"]
    assert host.asked[0][-2:] == words


def test_check_mode_rolls_nothing_back(host):
    assert host.act(rollback, check_mode=True, site="blog", to=LIVE) == {"changed": True, "result": "new", "release": LIVE}
    assert host.asked == []


def test_migrations_are_kept_or_reversed_and_nothing_else(host):
    with pytest.raises(AnsibleActionFail, match="value of migrations must be one of: , keep, reverse, got: drop"):
        host.act(rollback, site="blog", migrations="drop")
