"""Sources in git: which commit a version is, where it comes to lie, and what is said when it does not."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

import pytest
import yaml

from ansible_collections.shortstop.django.plugins.plugin_utils import git_source
from ansible_collections.shortstop.django.plugins.plugin_utils.git_source import Checkout, GitError, git_revision

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    """Nothing of the user's own: neither settings of git nor the cache."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)


class Blog:
    """A repository with one branch, on which commits are made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = str(directory)
        directory.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=self.directory, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, text: str, *options: str) -> str:
        (self.directory / "page").write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", text, *options)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def blog(tmp_path) -> Blog:
    repository = Blog(tmp_path / "blog")
    repository.commit("first")
    return repository


@pytest.fixture
def run(tmp_path):
    """Checks out as a run with the number `run` would."""

    def checkout(url: str, version: str = "", run: int = 1, inventory_dir: str = "") -> Checkout:
        run_dir = tmp_path / f"run-{run}"
        run_dir.mkdir(exist_ok=True)
        return git_source.checkout(url, version, run_dir, inventory_dir)

    return checkout


@pytest.fixture
def refused(run):
    """The sentence instead of a checkout."""

    def error(*arguments, **options) -> str:
        with pytest.raises(GitError) as raised:
            run(*arguments, **options)
        return str(raised.value)

    return error


@pytest.fixture
def git_program(tmp_path, monkeypatch):
    """Puts a program before git that notes each command line, and may do something instead or besides."""
    log = tmp_path / "git.log"
    real = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()

    def put(script: str = "") -> Path:
        program = tmp_path / "bin" / "git"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n{script}\nexec {real} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return log

    return put


def repository_dir() -> Path:
    [directory] = git_source.cache_dir().iterdir()
    return directory


def test_it_works(blog, run):
    commit = blog.git("rev-parse", "HEAD")
    found = run(blog.url, "main")
    assert found.revision == commit
    assert Path(found.path).name == commit
    assert [(path.name, path.read_text()) for path in Path(found.path).iterdir()] == [("page", "first")]


# Which commit


def test_what_a_version_may_be(blog, run):
    tagged = blog.git("rev-parse", "HEAD")
    blog.git("tag", "--annotate", "--message", "one", "v1.0")
    blog.git("switch", "--quiet", "--create", "feature/x")
    feature = blog.commit("feature")
    blog.git("switch", "--quiet", "main")
    main = blog.commit("main")
    wanted = {"": main, "HEAD": main, "main": main, "feature/x": feature, "v1.0": tagged, feature: feature, tagged[:10]: tagged}
    assert {version: run(blog.url, version).revision for version in wanted} == wanted


def test_a_branch_moves_between_runs(blog, run):
    run(blog.url, "main")
    moved = blog.commit("another first", "--amend")
    assert run(blog.url, "main", run=2).revision == moved
    blog.git("branch", "--move", "main", "main/2")
    assert run(blog.url, "main/2", run=3).revision == moved


def test_a_default_branch_moves_between_runs(blog, run):
    run(blog.url)
    blog.git("switch", "--quiet", "--create", "trunk")
    assert run(blog.url, run=2).revision == run(blog.url, "main", run=2).revision
    moved = blog.commit("second")
    assert run(blog.url, run=3).revision == moved


def test_a_run_has_one_commit(blog, run):
    before = run(blog.url, "main")
    blog.commit("second")
    assert run(blog.url, "main") == before


def test_a_run_tries_once(blog, run, refused):
    sentence = refused(blog.url, "next")
    blog.git("branch", "next")
    assert refused(blog.url, "next") == sentence
    assert run(blog.url, "next", run=2).revision


def test_a_commit_that_is_here_needs_no_repository(blog, run):
    first = run(blog.url, "main")
    blog.directory.rename(blog.directory.with_name("moved"))
    assert run(blog.url, first.revision, run=2) == first


def test_a_repository_beside_the_inventory(blog, run):
    assert run("../blog", inventory_dir=str(blog.directory.parent / "inventory")) == run(blog.url)


def test_a_repository_of_a_git_that_runs_a_hook(blog, run, monkeypatch, tmp_path):
    other = Blog(tmp_path / "other")
    for name, value in {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index"}.items():
        monkeypatch.setenv(name, str(other.directory / value))
    found = run(blog.url, "main")
    assert Path(found.path, "page").read_text() == "first"
    assert list(other.directory.iterdir()) == [other.directory / ".git"]


# What lies there


def test_a_checkout_leaves_nothing_out(blog, run):
    (blog.directory / ".gitattributes").write_text("page export-ignore\n", encoding="utf-8")
    (blog.directory / "link").symlink_to("page")
    (blog.directory / "manage.py").write_text("", encoding="utf-8")
    (blog.directory / "manage.py").chmod(0o755)
    blog.commit("second")
    directory = Path(run(blog.url).path)
    assert {path.name for path in directory.iterdir()} == {".gitattributes", "link", "manage.py", "page"}
    assert os.readlink(directory / "link") == "page"
    assert os.access(directory / "manage.py", os.X_OK)


def test_the_cache_is_the_users_own(blog, run):
    run(blog.url)
    assert git_source.cache_dir().stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("given", "place"), [("/c", "/c"), ("", "/home/me/.cache"), ("relative", "/home/me/.cache")])
def test_the_place_of_the_cache(monkeypatch, given, place):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert git_source.cache_dir() == Path(place, "shortstop/sources")


def test_a_killed_run_leaves_nothing_half(blog, run, git_program, tmp_path):
    git_program('case "$*" in *read-tree*) kill -9 $PPID; exit 1;; esac')
    (tmp_path / "run-0").mkdir()
    program = f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path; from {git_source.__name__} import checkout;"
    program += f"checkout({blog.url!r}, 'main', Path({str(tmp_path / 'run-0')!r}))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert [path.name[:8] for path in repository_dir().iterdir() if path.name not in ("lock", "mirror.git")] == [".making-"]
    (repository_dir() / "mirror.git/refs/heads/main.lock").touch()
    blog.commit("second")

    git_program()
    found = run(blog.url, "main", run=2)
    assert Path(found.path, "page").read_text() == "second"
    assert {path.name for path in repository_dir().iterdir()} == {"lock", "mirror.git", found.revision}


def age(directory: str, days: int) -> str:
    then = Path(directory).stat().st_mtime - days * 86400
    os.utime(directory, (then, then))
    return directory


def test_old_checkouts_go(blog, run):
    old = [age(run(blog.url, run=number).path, 9 - number) for number in range(8) if blog.commit(str(number))]
    assert len({*old}) == 8
    blog.commit("last")
    last = run(blog.url, run=8).path
    assert {str(path) for path in repository_dir().iterdir() if len(path.name) == 40} == {*old[4:], last}


def test_an_old_checkout_that_is_used_again_stays(blog, run):
    first = run(blog.url)
    age(first.path, 9)
    for number in range(2, 6):
        blog.commit(str(number))
        age(run(blog.url, run=number).path, 5)
    run(blog.url, first.revision, run=6)
    blog.commit("last")
    run(blog.url, run=7)
    assert os.path.exists(first.path)


def test_checkouts_of_today_stay(blog, run):
    paths = [run(blog.url, run=number).path for number in range(8) if blog.commit(str(number))]
    assert all(os.path.exists(path) for path in paths)


# What is said


def test_a_version_that_is_unknown(blog, refused):
    assert refused(blog.url, "master") == '"version": the repository has no branch, tag or commit "master"; correct the name'
    assert refused(blog.url, "0" * 40).startswith('"version": the repository has no')


def test_a_repository_without_a_default_branch(tmp_path, refused):
    assert refused(Blog(tmp_path / "new").url) == 'the repository has no default branch; name a branch with "version"'


def test_a_repository_that_is_not_there(tmp_path, refused):
    url = f"{tmp_path}/none"
    said = f"fatal: '{url}' does not appear to be a git repository"
    assert refused(url) == f"the repository cannot be read ({said}); look at its address and at your access to it"


def test_no_git(blog, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(blog.url) == "there is no program git on this machine; install it"


def test_a_cache_that_cannot_be_used(blog, refused, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(blog.directory / "page"))
    place = blog.directory / "page/shortstop/sources"
    assert refused(blog.url) == f"{place} cannot be used (Not a directory); repair that, or set XDG_CACHE_HOME to another directory"


def test_a_mirror_that_is_broken(blog, run, refused):
    run(blog.url)
    (repository_dir() / "mirror.git/config").write_text("[", encoding="utf-8")
    assert refused(blog.url, run=2).endswith(f"; if this stays, remove {repository_dir()}")


def test_ssh_asks_nobody(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_SSH_COMMAND", f"echo kept >&2; echo >{tmp_path}/ssh.log ")
    assert "(kept)" in refused("ssh://git@git.example.com/blog")
    assert "-o BatchMode=yes" in (tmp_path / "ssh.log").read_text()


# Credentials


class Server(http.server.SimpleHTTPRequestHandler):
    """A repository behind a password, as files."""

    users = ("me:kX4/pass word", "kX4token:")

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.server.seen.append(base64.b64decode(given).decode())
        if self.server.elsewhere:
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere + self.path)
        elif self.server.seen[-1] in self.users:
            super().do_GET()
            return
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def serve(blog):
    """Serves the repository, or sends whoever comes elsewhere; gives the address without credentials."""
    servers = []

    def start(elsewhere: str = "") -> str:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *arguments: Server(*arguments, directory=blog.directory))
        server.elsewhere, server.seen = elsewhere, []
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        blog.git("update-server-info")
        return f"http://127.0.0.1:{server.server_port}"

    start.servers = servers
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def with_credentials(url: str, credentials: str) -> str:
    return url.replace("://", f"://{credentials}@") + "/.git"


@pytest.mark.parametrize("credentials", [f"me:{urllib.parse.quote('kX4/pass word', safe='')}", "kX4token", "kX4token:"])
def test_credentials_of_a_url_are_used_and_nowhere_seen(blog, run, serve, git_program, credentials, tmp_path):
    log = git_program()
    assert run(with_credentials(serve(), credentials), "main").revision == blog.git("rev-parse", "HEAD")
    assert "fetch" in log.read_text()
    assert "kX4" not in log.read_text()
    written = [path for path in [*(tmp_path / "cache").rglob("*"), *(tmp_path / "run-1").iterdir()] if path.is_file()]
    assert not [path for path in written if b"kX4" in path.read_bytes()]


@pytest.mark.parametrize("credentials", ["me:kX4wrong", "me:kX4%2Fwrong", "kX4wrong", "kX4wrong:x-oauth-basic", "me:kX4@wrong", "me:kX4/wrong"])
def test_wrong_credentials_are_not_said(serve, refused, credentials):
    sentence = refused(with_credentials(serve(), credentials))
    assert sentence.startswith("the repository cannot be read (fatal: ")
    assert "kX4" not in sentence
    assert "wrong" not in sentence


def test_what_a_server_repeats_is_not_said(refused, git_program):
    git_program('case "$*" in *fetch*) echo "fatal: kX4wrong is no token of kX4name, see http://me:kX4other@127.0.0.1/help" >&2; exit 1;; esac')
    sentence = refused("http://kX4name:kX4wrong@127.0.0.1/blog")
    assert "(fatal: *** is no token of ***, see http://***@127.0.0.1/help)" in sentence


def test_another_server_is_given_no_credentials(serve, refused):
    refused(with_credentials(serve(elsewhere=serve()), "kX4token"))
    assert {given for server in serve.servers for given in server.seen} == {""}


# As a task


@pytest.fixture
def play(tmp_path, git_program):
    """Runs the tasks on two hosts; returns what they registered as `result` by host, the output, and how often git fetched."""

    def run(*tasks: dict, options: tuple[str, ...] = ()) -> tuple[dict[str, dict], str, int]:
        log = git_program()
        log.write_text("", encoding="utf-8")
        # A failure is a result to look at, too.
        tasks = [{"register": "result", "ignore_errors": True, **task} for task in tasks]
        save = {"ansible.builtin.copy": {"content": "{{ result | to_json }}", "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json"}, "check_mode": False}
        hosts = {"hosts": "all", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([{**hosts, "tasks": [*tasks, save]}], sort_keys=False), encoding="utf-8")
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "web1,web2,", *options, tmp_path / "play.yml"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        results = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("web1", "web2")}
        return results, done.stdout + done.stderr, len(re.findall(r"\bfetch\b", log.read_text()))

    return run


def checkout_task(**sources: dict) -> dict:
    return {"shortstop.django.checkout": {"sites": sources}}


def test_all_hosts_get_one_commit(blog, play):
    first = blog.git("rev-parse", "HEAD")
    commit = {"ansible.builtin.command": {"cmd": "git commit --allow-empty --message second", "chdir": blog.url}, "run_once": True, "register": "committed"}
    task = checkout_task(blog={"git": blog.url, "version": "main"}, copy={"git": blog.url, "version": "main"})
    results, _output, fetches = play(task, commit, task)
    assert blog.git("rev-parse", "HEAD") != first
    assert {each["revision"] for result in results.values() for each in result["checkouts"].values()} == {first}
    assert fetches == 1


def test_a_check_checks_out_and_changes_nothing(blog, play):
    results, _output, _fetches = play(checkout_task(blog={"git": blog.url}), options=("--check",))
    found = results["web1"]["checkouts"]["blog"]
    assert Path(found["path"], "page").read_text() == "first"
    assert results["web1"]["changed"] is False


def test_all_mistakes_are_said_and_no_credentials(blog, play):
    closed = "http://me:kX4-shown@127.0.0.1:1/blog"
    task = checkout_task(blog={"git": blog.url, "version": "none"}, shop={"git": closed}, news={"path": "news"}, wiki={"git": blog.url, "version": 1.0})
    results, output, _fetches = play(task, options=("-vvv",))
    blog_says, shop_says, *others_say = results["web2"]["msg"].splitlines()
    assert blog_says == 'site "blog": key "source": "version": the repository has no branch, tag or commit "none"; correct the name'
    assert shop_says.startswith('site "shop": key "source": the repository cannot be read (fatal: unable to access \'http://127.0.0.1:1/blog/\'')
    assert others_say == [
        'site "news": key "source" must be {git: URL, version: NAME}',
        'site "wiki": key "source": "version" must be a branch, a tag or a commit, a text without spaces; put a number into quotes',
    ]
    assert "kX4" not in output


# The revision of a working copy


def test_the_revision_of_a_working_copy(blog):
    assert git_revision(blog.url) == blog.git("rev-parse", "HEAD")


@pytest.mark.parametrize("name", ["page", "new"])
def test_the_revision_of_a_working_copy_with_changes(blog, name):
    (blog.directory / name).write_text("changed", encoding="utf-8")
    assert git_revision(blog.url) == blog.git("rev-parse", "HEAD") + "-dirty"


def test_only_changes_below_the_directory_count(blog):
    for name in ("app", "docs"):
        (blog.directory / name).mkdir()
        (blog.directory / name / "page").write_text("first", encoding="utf-8")
    commit = blog.commit("second")
    (blog.directory / "docs/page").write_text("changed", encoding="utf-8")
    assert git_revision(str(blog.directory / "app")) == commit
    assert git_revision(str(blog.directory / "docs")) == f"{commit}-dirty"


def test_the_revision_of_a_directory_that_git_ignores(blog):
    (blog.directory / ".gitignore").write_text("build\n", encoding="utf-8")
    blog.commit("second")
    (blog.directory / "build").mkdir()
    assert git_revision(str(blog.directory / "build")) == ""


def test_the_revision_of_no_working_copy(tmp_path):
    assert git_revision(str(tmp_path)) == ""
    assert git_revision(str(tmp_path / "none")) == ""
    assert git_revision("a\0b") == ""
    assert git_revision(Blog(tmp_path / "new").url) == ""


def test_the_revision_without_git(blog, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_revision(blog.url) == ""
