"""The actions release and rollback: what they ask the host, what they send, and what they leave."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError

from ansible_collections.shortstop.django.plugins.action import release, rollback
from ansible_collections.shortstop.django.plugins.plugin_utils import engine

NEW, LIVE = "0000000000aa", "0000000000bb"
PLAN = {"release": NEW, "live": LIVE, "held": False}
END = {"step": "end", "result": "live", "message": "", "seconds": 9.0, "release": NEW}
NOT_SET_UP = {"rc": 127, "stderr": "sh: /usr/local/sbin/shortstop: not found"}


class Host:
    """What an action meets: plans, starts and ends of runs by site, and what it is sent."""

    def __init__(self, monkeypatch, tmp_path: Path) -> None:
        self.plans: dict[str, dict] = {}
        self.starts: dict[str, dict] = {}  # where a run does not begin
        self.ends: dict[str, dict] = {}
        self.capacity = 1
        self.refuses: dict | None = None  # whatever it is asked
        self.asked: list[list[str]] = []
        self.sent: list[tuple[bytes, str]] = []
        self.shown: list[str] = []
        self.lost = False  # the connection, at the very end
        for module in (release, rollback):
            for name in ("_low_level_execute_command", "_make_tmp_path", "_transfer_file", "_fixup_perms2", "_remove_tmp_path"):
                monkeypatch.setattr(module.ActionModule, name, getattr(self, name))
        monkeypatch.setattr(engine, "Display", lambda: SimpleNamespace(display=self.shown.append))
        monkeypatch.setattr(release.tempfile, "tempdir", str(tmp_path))

    def act(self, module, *, check_mode: bool = False, **arguments: object) -> dict:
        task = SimpleNamespace(args=arguments, check_mode=check_mode, async_val=0, action="release")
        shell = SimpleNamespace(tmpdir=None, join_path=os.path.join)
        self.shell = shell
        action = module.ActionModule(task, SimpleNamespace(_shell=shell), None, None, None)
        try:
            return action.run(task_vars={})
        finally:
            action.cleanup()  # as Ansible does

    @property
    def words(self) -> list[str]:
        """What the program was asked for."""
        return [words[0] for words in self.asked]

    def start_of(self, site: str) -> list[str]:
        return next(words for words in self.asked if words[0] == "start" and words[2] == site)

    def _low_level_execute_command(self, command: str, sudoable: bool = False) -> dict:
        assert sudoable
        _program, *words = shlex.split(command)
        self.asked.append(words)
        if self.refuses:
            return {"rc": 0, "stdout": "", "stderr": "", **self.refuses}
        return {"rc": 0, "stdout": "".join(f"{json.dumps(line)}\n" for line in getattr(self, f"_{words[0]}")(*words[1:])), "stderr": ""}

    def _plan(self, *sites: str) -> list[dict]:
        names = [word.partition("=")[0] for word in sites]
        return [*({"site": name, **self.plans.get(name, PLAN)} for name in names), {"at_once": self.capacity}]

    def _start(self, _action: str, site: str, *_words: str) -> list[dict]:
        return [self.starts.get(site, {"run": f"{site}-0123"})]

    def _follow(self, *words: str) -> list[dict]:
        runs = [word.partition("=")[0] for word in words if not word.startswith("--")]
        return [{"run": run, **END, **self.ends.get(run.partition("-")[0], {})} for run in runs]

    def _make_tmp_path(self) -> str:
        assert not self.shell.tmpdir
        self.shell.tmpdir = "/remote"
        return "/remote"

    def _transfer_file(self, local: str, remote: str) -> None:
        self.sent.append((Path(local).read_bytes(), remote))

    def _fixup_perms2(self, paths: tuple[str, ...], execute: bool = True) -> None:
        assert (paths, execute) == (("/remote", self.sent[-1][1]), False)

    def _remove_tmp_path(self, path: str | None) -> None:
        assert path == self.shell.tmpdir
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
def deploy_all(host, archives):
    """Releases sites to the host, by name and keys. Whatever happens, no archive is left here."""

    def act(options: dict | None = None, /, **sites: dict) -> dict:
        try:
            return host.act(release, sites=[{"name": name, **keys} for name, keys in sites.items()], **(options or {}))
        finally:
            assert list(archives.iterdir()) == []

    return act


@pytest.fixture
def deploy(deploy_all, source):
    """Releases the source as one site."""

    def act(options: dict | None = None, /, **keys: object) -> dict:
        result = deploy_all(options, blog={"source": str(source), **keys})
        (site,) = result["results"]
        assert (site["site_name"], result["warnings"]) == ("blog", site["warnings"])
        assert (result["changed"], result["failed"]) == (site["changed"], site.get("failed", False))
        return site

    return act


def test_it_works(host, deploy):
    result = deploy(revision="v1")
    assert (result["changed"], result["release"], result["result"]) == (True, NEW, "live")
    assert host.words == ["plan", "start", "follow"]
    ((archive, remote),) = host.sent
    assert archive.startswith(b"\x1f\x8b")
    start = host.asked[1]
    assert start[:3] == ["start", "deploy", "blog"]
    (planned,) = host.asked[0][1:]
    assert planned.startswith("blog=")
    assert {f"--archive={remote}", "--revision=v1", f"--source={planned.removeprefix('blog=')}"} < set(start)
    assert "--no-migrate" not in start


def test_another_host_may_migrate(host, deploy):
    deploy(migrates=False)
    assert "--no-migrate" in host.asked[1]


def test_what_stays_here_is_told_once_something_is_sent(host, deploy, source):
    for number in range(12):
        (source / f"{number:02}.sqlite3").write_text("", encoding="utf-8")
    (source / ".env").write_text("", encoding="utf-8")
    names = ".env, 00.sqlite3, 01.sqlite3, 02.sqlite3, 03.sqlite3, 04.sqlite3, 05.sqlite3, 06.sqlite3, 07.sqlite3, 08.sqlite3, …"
    told = f'site "blog": not sent, since it looks like this machine\'s own: {names}; what git tracks is always sent'
    assert deploy()["warnings"] == [told]
    assert deploy(whole=True)["warnings"] == []
    host.plans["blog"] = {**PLAN, "live": NEW}
    assert deploy()["warnings"] == []


def test_what_was_found_in_the_source_is_told_with_a_new_release(host, deploy):
    deploy(told=["manage.py is in backend"])
    assert host.shown[0] == "  blog: manage.py is in backend"
    host.plans["blog"] = {**PLAN, "live": NEW}
    host.shown.clear()
    deploy(told=["manage.py is in backend"])
    assert host.shown == []


def test_what_is_live_is_not_sent(host, deploy):
    host.plans["blog"] = {**PLAN, "live": NEW, "held": True}
    assert deploy() == {"site_name": "blog", "changed": False, "release": NEW, "result": "unchanged", "warnings": []}
    assert (host.words, host.sent) == (["plan"], [])


def test_a_held_release_is_left_and_told(host, deploy):
    host.plans["blog"] = {**PLAN, "held": True}
    result = deploy()
    assert (result["changed"], result["release"], result["result"]) == (False, LIVE, "held")
    assert result["warnings"] == [f'site "blog": release {NEW} was rolled back from, so {LIVE} stays live; deploy it with -e only=blog, or change the source']
    assert (host.words, host.sent) == (["plan"], [])


def test_a_held_release_goes_live_for_those_who_ask(host, deploy):
    host.plans["blog"] = {**PLAN, "held": True}
    assert deploy({"asked_for": True})["result"] == "live"


@pytest.mark.parametrize(("refuses", "said"), [(None, NEW), (NOT_SET_UP, "")], ids=["set up", "new"])
def test_check_mode_starts_nothing(host, deploy, refuses, said):
    host.refuses = refuses
    assert deploy({"check_mode": True}) == {"site_name": "blog", "changed": True, "release": said, "result": "new", "warnings": []}
    assert (host.words, host.sent) == (["plan"], [])


def test_a_site_that_only_a_whole_run_will_set_up_is_new_in_check_mode(host, deploy):
    host.plans["blog"] = {"error": 'there is no site "blog" on this server'}
    assert deploy({"check_mode": True})["result"] == "new"


def test_a_host_that_is_not_set_up_is_told(host, deploy):
    host.refuses = NOT_SET_UP
    result = deploy()
    assert (result["failed"], result["result"]) == (True, "failed")
    assert result["msg"].startswith('site "blog": /usr/local/sbin/shortstop is not set up on this host')


def test_a_connection_lost_at_the_end_hides_no_result(host, deploy):
    host.lost = True
    assert deploy()["result"] == "live"


def test_a_source_that_is_gone_is_told(host, deploy):
    result = deploy(source="/nowhere")
    assert (result["result"], result["msg"]) == ("failed", 'site "blog": key "source": there is no directory /nowhere')
    assert host.asked == []


def test_no_site_is_no_question(host, deploy_all):
    assert deploy_all() == {"changed": False, "skipped": True, "results": []}
    assert host.asked == []


@pytest.fixture
def three(source, tmp_path) -> dict[str, dict]:
    """Three sites, two of which have a source in common."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "manage.py").write_text("# another\n", encoding="utf-8")
    return {"blog": {"source": str(source)}, "shop": {"source": str(other)}, "wiki": {"source": str(source)}}


def test_all_sites_are_planned_at_once(host, deploy_all, three):
    for name in three:
        host.plans[name] = {**PLAN, "live": NEW}
    result = deploy_all(**three)
    ((word, *planned),) = host.asked
    assert (word, [site.partition("=")[0] for site in planned]) == ("plan", ["blog", "shop", "wiki"])
    assert planned[0].removeprefix("blog=") == planned[2].removeprefix("wiki=") != planned[1].removeprefix("shop=")
    assert [site["result"] for site in result["results"]] == ["unchanged"] * 3
    assert not result["changed"]


def test_an_archive_that_sites_have_in_common_is_sent_once(host, deploy_all, three):
    deploy_all(**three)
    assert len(host.sent) == 2
    blog, shop, wiki = ([word for word in host.start_of(name) if word.startswith("--archive=")] for name in three)
    assert blog == wiki != shop


def test_only_what_is_news_is_sent(host, deploy_all, three):
    host.plans["blog"] = host.plans["wiki"] = {**PLAN, "live": NEW}
    result = deploy_all(**three)
    assert host.words == ["plan", "start", "follow"]
    assert host.asked[1][2] == "shop"
    assert [site["changed"] for site in result["results"]] == [False, True, False]
    assert result["changed"]


def test_the_failure_of_one_site_is_none_of_the_others(host, deploy_all, three):
    host.plans["blog"] = {"error": "JSONDecodeError: no"}
    host.ends["wiki"] = {"result": "failed", "message": "prove: it is dumb"}
    result = deploy_all(**three, gone={"source": "/nowhere"})
    assert [(site["site_name"], site["result"], site.get("msg")) for site in result["results"]] == [
        ("blog", "failed", 'site "blog": JSONDecodeError: no'),
        ("shop", "live", None),
        ("wiki", "failed", 'site "wiki": prove: it is dumb'),
        ("gone", "failed", 'site "gone": key "source": there is no directory /nowhere'),
    ]
    assert (result["changed"], result["failed"]) == (True, True)


def test_a_source_that_cannot_be_read_fails_its_site_alone(host, deploy_all, three, monkeypatch):
    collect = release.collect

    def refuse(source: Path, archive: Path, **options: object) -> object:
        if source.name == "other":
            raise PermissionError("no")
        return collect(source, archive, **options)

    monkeypatch.setattr(release, "collect", refuse)
    result = deploy_all(**three)
    assert [site["result"] for site in result["results"]] == ["live", "failed", "live"]
    assert result["results"][1]["msg"] == 'site "shop": PermissionError: no'


def test_an_upload_that_fails_fails_its_site_alone(host, deploy_all, three, monkeypatch):
    def refuse(_self, _local: str, remote: str) -> None:
        if len(host.sent) == 1:
            raise AnsibleError(f"failed to transfer file to {remote}")
        host.sent.append((b"", remote))

    monkeypatch.setattr(release.ActionModule, "_transfer_file", refuse)
    result = deploy_all(**three)
    assert [site["result"] for site in result["results"]] == ["live", "failed", "live"]
    assert result["results"][1]["msg"].startswith('site "shop": failed to transfer file to /remote/')


@pytest.mark.parametrize(("wanted", "looks"), [(0, [2, 1]), (1, [1, 1, 1]), (3, [3]), (-1, [2, 1])])
def test_as_many_deploy_side_by_side_as_the_host_or_the_user_says(host, deploy_all, three, wanted, looks):
    host.capacity = 2
    deploy_all({"at_once": wanted}, **three)
    assert [len(words) - 2 for words in host.asked if words[0] == "follow"] == looks


def test_the_warnings_of_all_sites_are_shown(host, deploy_all, three, source):
    (source / ".env").write_text("", encoding="utf-8")
    host.plans["shop"] = {**PLAN, "held": True}
    result = deploy_all(**three)
    assert [warning[:11] for warning in result["warnings"]] == ['site "blog"', 'site "shop"', 'site "wiki"']


def test_a_host_that_is_not_reached_for_a_plan_is_unreachable(host, deploy_all, three, monkeypatch):
    def lose(_self, _command: str, **_options: object) -> dict:
        raise AnsibleConnectionFailure("no route to host")

    monkeypatch.setattr(release.ActionModule, "_low_level_execute_command", lose)
    with pytest.raises(AnsibleConnectionFailure, match="no route to host"):
        deploy_all(**three)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({}, ["--to=", "--migrations="]), ({"to": LIVE, "migrations": "keep"}, [f"--to={LIVE}", "--migrations=keep"])],
    ids=["the one before", "that one"],
)
def test_a_rollback_is_asked_for_with_its_words(host, arguments, words):
    assert host.act(rollback, site="blog", **arguments)["release"] == NEW
    assert host.words == ["start", "follow"]
    assert host.asked[0][:3] == ["start", "rollback", "blog"]
    assert host.asked[0][4:6] == words


def test_check_mode_rolls_nothing_back(host):
    assert host.act(rollback, check_mode=True, site="blog", to=LIVE) == {"changed": True, "result": "new", "release": LIVE}
    assert host.asked == []


def test_migrations_are_kept_or_reversed_and_nothing_else(host):
    with pytest.raises(AnsibleActionFail, match="value of migrations must be one of: , keep, reverse, got: drop"):
        host.act(rollback, site="blog", migrations="drop")
