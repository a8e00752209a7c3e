# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources in git: on the controller, a mirror of each repository, and beside it a checkout of each commit that was wanted lately."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ansible_collections.shortstop.django.plugins.plugin_utils.site_source import local_path

# Of a repository's checkouts, so many stay, and besides those that were used within a day: another run may be reading them.
CHECKOUTS_KEPT = 5
SECONDS_KEPT = 86400

COMMIT = re.compile(r"[0-9a-f]{40}")
ABBREVIATED = re.compile(r"[0-9a-f]{4,40}")
WITH_CREDENTIALS = re.compile(r"(https?://)([^/]*)@(.+)", re.IGNORECASE | re.DOTALL)
ELSEWHERE = re.compile(r"[^/]+:")  # https://…, ssh://…, file://… and git@host:…
CREDENTIALS = re.compile(r"(?<=://)\S*@")

# The bytes of a commit do not depend on whose controller this is, and git leaves nothing running that could hold a pipe open.
SETTINGS = ("core.autocrlf=false", "core.fsmonitor=false", "gc.autoDetach=false", "maintenance.autoDetach=false")
# Reads the credentials from its environment, since everybody on the controller can read a command line.
HELPER = '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$SHORTSTOP_GIT_USERNAME" "$SHORTSTOP_GIT_PASSWORD"; }; f'
# What git tells its hooks, and what would lead it to another repository.
LEFT_OUT = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)


class GitError(Exception):
    """What is wrong with a source in git: the end of a sentence that begins with the site, without credentials."""


@dataclass(frozen=True)
class Checkout:
    """A directory that holds one commit, and the commit's full hash."""

    path: str
    revision: str


def checkout(url: str, version: str, run_dir: Path, inventory_dir: str = "") -> Checkout:
    """The checkout of a branch, a tag or a commit, or of the default branch for "".

    What `run_dir` remembers is not fetched again, be it a commit or an error: `run_dir` is the run's own, so all hosts get one commit.
    """
    repository = Repository(url if ELSEWHERE.match(url) else local_path(url, inventory_dir))
    try:
        with repository.locked():
            known = run_dir / f"shortstop-checkout-{_digest(f'{repository.url} {version}')}.json"
            if not known.exists():
                known.write_text(json.dumps(repository.resolved(version)), encoding="utf-8")
            found = json.loads(known.read_text(encoding="utf-8"))
            if "error" in found:
                raise GitError(found["error"])
            return Checkout(str(repository.checkout(found["revision"])), found["revision"])
    except OSError as error:
        raise GitError(f"{cache_dir()} cannot be used ({error.strerror}); repair that, or set XDG_CACHE_HOME to another directory") from error


class _WorkTree:
    """Asks git of a directory, without running anything that the directory brings: a source may come with a repository, or look like one."""

    def __init__(self, directory: str) -> None:
        self.git = ["git", "-C", directory]
        # Nothing is written, and nothing is fetched.
        self.environment = _environment() | {"GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none"}
        self.settings = {"core.fsmonitor": "false", "core.quotePath": "false", "safe.bareRepository": "explicit", "status.submoduleSummary": "false"}

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        # By the environment, since a name may hold anything.
        given = {"GIT_CONFIG_COUNT": str(len(self.settings))}
        for number, (name, value) in enumerate(self.settings.items()):
            given |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return _run([*self.git, *words], self.environment | given)

    def is_one(self) -> bool:
        """Whether the directory is part of a work tree. An older git takes any directory with the right names in it for a repository."""
        done = self.ask("rev-parse", "--absolute-git-dir")
        return done.returncode == 0 and ".git" in Path(done.stdout.rstrip("\n")).parts

    def turn_filters_off(self) -> None:
        """Let no program run that converts files."""
        done = self.ask("config", "--name-only", "-z", "--get-regexp", r"^filter\..*\.(clean|smudge|process|required)$")
        for name in filter(None, done.stdout.split("\0")):
            self.settings[name] = "false" if name.endswith(".required") else ""


def git_revision(directory: str) -> str:
    """The commit of a directory in a git working copy, with "-dirty" if it holds anything else; "" where there is none to tell."""
    tree = _WorkTree(directory)
    try:
        if not tree.is_one():
            return ""
        tree.turn_filters_off()
        commit = tree.ask("rev-parse", "--verify", "--quiet", "HEAD")
        # A directory that the commit does not know, such as an ignored one, is no part of it.
        inside = tree.ask("rev-parse", "--verify", "--quiet", "HEAD:./")
        # A submodule has a configuration of its own.
        status = tree.ask("status", "--porcelain", "--ignore-submodules=all", "--", ".")
    except (GitError, OSError, ValueError):
        return ""
    if commit.returncode or inside.returncode or status.returncode:
        return ""
    return commit.stdout.strip() + ("-dirty" if status.stdout else "")


def work_tree_files(directory: str) -> tuple[list[str], list[str]] | None:
    """What git tracks in a directory of a work tree and what it would add, submodules included, as paths; None for what is no part of one."""
    tree = _WorkTree(directory)
    # Whose the repository is does not matter where nothing of it runs. git believes this of a command line alone.
    tree.git += ["-c", "safe.directory=*"]
    try:
        if not tree.is_one():
            return None
        ignored = tree.ask("check-ignore", "--quiet", ".")
        listed = [tree.ask("ls-files", "-z", *which) for which in (["--cached"], ["--others", "--exclude-standard"])]
    except GitError:  # there is no git
        return None
    # 1 says that the directory is not ignored, anything else that it is, or that this is no work tree.
    if ignored.returncode != 1 or any(one.returncode for one in listed):
        return None
    found: tuple[list[str], list[str]] = ([], [])
    for kind, one in zip(found, listed, strict=True):
        for name in filter(None, one.stdout.split("\0")):
            path = os.path.join(directory, name.rstrip("/"))
            # A directory is a submodule, or a repository within this one.
            within = work_tree_files(path) if os.path.isdir(path) and not os.path.islink(path) else None
            if within is None:
                kind.append(name.rstrip("/"))
            else:
                for part, names in zip(found, within, strict=True):
                    part += [os.path.join(name, inner) for inner in names]
    return found


def cache_dir() -> Path:
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "shortstop" / "sources"


class Repository:
    """A repository's place in the cache: `mirror.git`, `lock`, and a directory per commit."""

    def __init__(self, url: str) -> None:
        self.url = url
        with_credentials = WITH_CREDENTIALS.fullmatch(url)
        self.address = with_credentials[1] + with_credentials[3] if with_credentials else url
        self.username, _colon, self.password = with_credentials[2].partition(":") if with_credentials else ("", "", "")
        name = re.sub(r"[^A-Za-z0-9_-]", "-", re.split(r"[/:]", self.address.rstrip("/"))[-1].removesuffix(".git"))
        self.directory = cache_dir() / f"{name[:60]}-{_digest(self.address)[:12]}"
        self.mirror = self.directory / "mirror.git"

    @contextmanager
    def locked(self) -> Iterator[None]:
        cache_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        with (self.directory / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def resolved(self, version: str) -> dict[str, str]:
        """{revision} or {error}, as a run remembers it."""
        version = "" if version == "HEAD" else version
        try:
            self._git("init", "--quiet", "--bare", "--template=")
            # A commit is what it is: the mirror that has it needs no news.
            revision = self._commit(version) if COMMIT.fullmatch(version) else ""
            if not revision:
                self._fetch(*([] if version else ["+HEAD:refs/shortstop/default"]))
                revision = self._find(version)
        except GitError as error:
            if "couldn't find remote ref HEAD" in str(error):
                return {"error": 'the repository has no default branch; name a branch with "version"'}
            return {"error": str(error)}
        return {"revision": revision} if revision else {"error": f'"version": the repository has no branch, tag or commit "{version}"; correct the name'}

    def checkout(self, revision: str) -> Path:
        directory = self.directory / revision
        if not directory.exists():
            making = Path(tempfile.mkdtemp(prefix=".making-", dir=self.directory))
            (making / "source").mkdir()
            # Unlike `git archive`, this leaves out nothing that .gitattributes excludes from archives.
            self._git(f"--work-tree={making / 'source'}", "read-tree", "--reset", "-u", revision, environment={"GIT_INDEX_FILE": str(making / "index")})
            (making / "source").rename(directory)
        os.utime(directory)
        self._prune()
        return directory

    def _prune(self) -> None:
        checkouts = [directory for directory in self.directory.iterdir() if COMMIT.fullmatch(directory.name)]
        for directory in sorted(checkouts, key=lambda directory: directory.stat().st_mtime, reverse=True)[CHECKOUTS_KEPT:]:
            if time.time() - directory.stat().st_mtime > SECONDS_KEPT:
                directory.rename(self.directory / f".making-{directory.name}")
        for leftover in self.directory.glob(".making-*"):
            shutil.rmtree(leftover)

    def _fetch(self, *besides: str) -> None:
        for stale in self.mirror.rglob("*.lock"):  # left by a git that was killed, for ours is the only one here
            stale.unlink()
        ssh = os.environ.get("GIT_SSH_COMMAND") or self._git("config", "--default=ssh", "--get", "core.sshCommand").strip()
        environment = {"GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes -o ConnectTimeout=30 -o LogLevel=ERROR"}
        refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", *besides]
        fetch = ["fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--", self.address, *refs]
        self._git(*fetch, environment=environment, advice="look at its address and at your access to it")

    def _find(self, version: str) -> str:
        if not version:
            return self._commit("refs/shortstop/default")
        found = self._commit(f"refs/heads/{version}") or self._commit(f"refs/tags/{version}")
        return found or (self._commit(version) if ABBREVIATED.fullmatch(version) else "")

    def _commit(self, name: str) -> str:
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
        except GitError:
            return ""

    def _git(self, *words: str, environment: dict[str, str] | None = None, advice: str = "") -> str:
        """What git prints; a GitError with the first line of what it says is wrong."""
        options = [option for setting in (*SETTINGS, *self._credential_settings()) for option in ("-c", setting)]
        secrets = {"SHORTSTOP_GIT_USERNAME": unquote(self.username), "SHORTSTOP_GIT_PASSWORD": unquote(self.password)}
        done = _run(["git", *options, f"--git-dir={self.mirror}", *words], _environment() | secrets | (environment or {}))
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.lower().startswith("warning:")]
            said = self._masked(lines[0]) if lines else "git does not say why"
            raise GitError(f"the repository cannot be read ({said}); {advice or f'if this stays, remove {self.directory}'}")
        return done.stdout

    def _credential_settings(self) -> list[str]:
        if not self.username and not self.password:
            return []
        # Nobody gets them whom the repository's server redirects to.
        helper = "credential." + re.match("https?://[^/]*", self.address, re.IGNORECASE)[0] + ".helper="
        # A name alone is a token, or has its password in a helper of the user's own, which is then asked first.
        return [helper] * bool(self.password) + [helper + HELPER]

    def _masked(self, text: str) -> str:
        for secret in (self.password, unquote(self.password)):
            text = text.replace(secret, "***") if secret else text
        for token in {self.username, unquote(self.username)} - {""}:
            text = re.sub(rf"(?<!\w){re.escape(token)}(?!\w)", "***", text)
        return CREDENTIALS.sub("***@", text)


def _run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run git. Names of files that are no UTF-8 come as Python has them elsewhere."""
    try:
        return subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="surrogateescape", check=False)
    except FileNotFoundError as error:
        raise GitError("there is no program git on this machine; install it") from error


def _environment() -> dict[str, str]:
    """For a git that speaks English and asks nobody but a program that the user named."""
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return {"GIT_ASKPASS": ""} | kept | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
