"""The archive of a source: the same bytes for the same content, and nothing that is not the source's."""

from __future__ import annotations

import gzip
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils import collect as module
from ansible_collections.shortstop.django.plugins.plugin_utils import git_source
from ansible_collections.shortstop.django.plugins.plugin_utils.collect import collect


@pytest.fixture
def tree(tmp_path) -> Path:
    root = tmp_path / "tree"
    (root / "shop" / "static").mkdir(parents=True)
    (root / "blog").mkdir()
    for name in ("blog/urls.py", "manage.py", "requirements.txt", "shop/urls.py", "shop/static/a.css", "shop/static/b.css"):
        (root / name).write_text(name, encoding="utf-8")
    (root / "manage.py").chmod(0o755)
    return root


def made(tree: Path) -> tuple[str, bytes]:
    archive = tree.parent / "archive.tar.gz"
    return collect(tree, archive).digest, archive.read_bytes()


def members(tree: Path) -> dict[str, tarfile.TarInfo]:
    made(tree)
    with tarfile.open(tree.parent / "archive.tar.gz") as tar:
        return {member.name: member for member in tar}


def test_it_works(tree):
    names = "blog blog/urls.py manage.py requirements.txt shop shop/static shop/static/a.css shop/static/b.css shop/urls.py"
    assert list(members(tree)) == names.split()


def test_the_hash_is_that_of_the_tar_inside(tree):
    digest, archive = made(tree)
    assert digest == hashlib.sha256(gzip.decompress(archive)).hexdigest()


def test_the_content_arrives(tree, tmp_path):
    made(tree)
    shutil.unpack_archive(tmp_path / "archive.tar.gz", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/shop/static/a.css").read_text(encoding="utf-8") == "shop/static/a.css"


def of_somebody_else(_tree, monkeypatch):
    original = tarfile.TarFile.gettarinfo

    def gettarinfo(self, *arguments, **options):
        member = original(self, *arguments, **options)
        member.uid = member.gid = 1234
        member.uname = member.gname = "somebody"
        return member

    monkeypatch.setattr(tarfile.TarFile, "gettarinfo", gettarinfo)


def listed_backwards(_tree, monkeypatch):
    original = os.walk

    def walk(*arguments, **options):
        for directory, subdirectories, names in original(*arguments, **options):
            subdirectories.reverse()
            yield directory, subdirectories, names[::-1]

    monkeypatch.setattr(os, "walk", walk)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree, _: [os.utime(path, (1, 1.5)) for path in tree.rglob("*")],
        lambda tree, _: [path.chmod(path.stat().st_mode & 0o700) for path in tree.rglob("*")],
        lambda tree, _: (tree / "manage.py").chmod(0o700),
        of_somebody_else,
        listed_backwards,
        lambda _tree, monkeypatch: monkeypatch.setattr("time.time", lambda: 1),
    ],
    ids=["times", "umask", "executable by its owner alone", "owners", "order of the listing", "clock"],
)
def test_the_same_content_makes_the_same_bytes(tree, monkeypatch, change):
    before = made(tree)
    change(tree, monkeypatch)
    assert made(tree) == before


def test_another_place_makes_the_same_bytes(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "elsewhere" / "another")
    assert made(tmp_path / "elsewhere" / "another") == made(tree)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "shop/urls.py").write_text("other", encoding="utf-8"),
        lambda tree: (tree / "shop/urls.py").rename(tree / "shop/views.py"),
        lambda tree: (tree / "shop/urls.py").chmod(0o755),
        lambda tree: (tree / "manage.py").chmod(0o644),
        lambda tree: (tree / "shop/urls.py").unlink(),
        lambda tree: (tree / "empty").mkdir(),
    ],
    ids=["content", "name", "executable", "no longer executable", "removed", "directory"],
)
def test_another_content_makes_another_hash(tree, change):
    before, _archive = made(tree)
    change(tree)
    assert made(tree)[0] != before


@pytest.mark.parametrize(
    "name",
    [
        *[
            ".git/config",
            "venv/bin/python",
            ".venv/lib",
            "__pycache__/a",
            "staticfiles/admin/a.css",
            "staticfiles/staticfiles.json",
            "htmlcov/index.html",
            "node_modules/a/b",
        ],
        *["shop/__pycache__/urls.pyc", "shop/urls.pyc", "shop/static/node_modules/a", "db.sqlite3", "shop/.DS_Store"],
        *[".env", "shop/.env", ".env.local", ".envrc"],
    ],
)
def test_what_is_not_the_source_stays_behind(tree, name):
    before = made(tree)
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("content", encoding="utf-8")
    assert made(tree) == before


@pytest.mark.parametrize("names", [["staticfiles/a.css"], ["staticfiles/__init__.py", "staticfiles/admin/__init__.py"], ["shop/staticfiles/shop/a.css"]])
def test_a_directory_of_that_name_that_collectstatic_has_not_filled_travels(tree, names):
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("content", encoding="utf-8")
    done = collect(tree, tree.parent / "archive.tar.gz")
    with tarfile.open(tree.parent / "archive.tar.gz") as tar:
        assert set(names) <= set(tar.getnames())
    assert done.left_out == []


def test_what_stays_behind_and_may_be_missed_is_told(tree):
    for name in ("shop/.env", "venv/bin/python", "venv/lib/a", "db.sqlite3", "shop/__pycache__/urls.pyc", ".git/config"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("content", encoding="utf-8")
    assert collect(tree, tree.parent / "archive.tar.gz").left_out == ["db.sqlite3", "shop/.env", "venv"]


def test_of_a_whole_directory_everything_travels(tree):
    """It is a checkout, which holds what is in the commit and nothing else."""
    for name in ("shop/.env", "venv/bin/python", "staticfiles/__init__.py", "db.sqlite3"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("content", encoding="utf-8")
    done = collect(tree, tree.parent / "archive.tar.gz", whole=True)
    assert done.left_out == []
    with tarfile.open(tree.parent / "archive.tar.gz") as tar:
        assert {"shop/.env", "venv/bin/python", "staticfiles/__init__.py", "db.sqlite3"} <= set(tar.getnames())


# A git work tree


def git(directory: Path, *words: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", directory, *identity, *words], check=True, capture_output=True)


def repository(directory: Path, files: dict[str, str], ignored: str = "") -> Path:
    """Make a repository of these files, which are committed."""
    for name, text in {**files, **({".gitignore": ignored} if ignored else {})}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    git(directory, "init", "--quiet")
    git(directory, "add", "--all", "--force")
    git(directory, "commit", "--quiet", "--message", "first")
    return directory


def sent(source: Path) -> tuple[set[str], list[str]]:
    """The files that travel, and what is told to have stayed."""
    done = collect(source, source.parent / "archive.tar.gz")
    with tarfile.open(source.parent / "archive.tar.gz") as tar:
        return {member.name for member in tar if not member.isdir()}, done.left_out


def test_all_that_git_tracks_travels(tmp_path):
    files = dict.fromkeys(["manage.py", "staticfiles/__init__.py", "data/seed.sqlite3", ".env", "venv/a", "café/ü.txt", "a/b/c"], "text")
    source = repository(tmp_path / "source", files, ignored="*.sqlite3\n.env\n")
    assert sent(source) == ({*files, ".gitignore"}, [])


def test_what_git_ignores_stays(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": ""}, ignored=".env\nbuild/\n")
    for name in (".env", "build/a", "shop/.env"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("SECRET=1", encoding="utf-8")
    assert sent(source) == ({"manage.py", ".gitignore"}, [])


def test_what_is_new_travels_unless_it_looks_like_the_developer_s_own(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": ""})
    for name in ("shop/new.py", "shop/new.pyc", ".env", "venv/bin/python", "db.sqlite3"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("new", encoding="utf-8")
    (source / "manage.py").write_text("changed", encoding="utf-8")
    assert sent(source) == ({"manage.py", "shop/new.py"}, [".env", "db.sqlite3", "venv"])


def test_what_is_gone_from_the_work_tree_stays_away(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": "", "old.py": ""})
    (source / "old.py").unlink()
    assert sent(source)[0] == {"manage.py"}


def test_a_directory_of_a_repository_is_a_source_of_its_own(tmp_path):
    repository(tmp_path / "whole", {"README": "", "backend/manage.py": "", "backend/.env": ""}, ignored="*.log\n")
    (tmp_path / "whole/backend/new.log").write_text("", encoding="utf-8")
    assert sent(tmp_path / "whole/backend")[0] == {"manage.py", ".env"}


def test_a_directory_that_its_repository_ignores_is_like_any_other(tmp_path):
    repository(tmp_path / "whole", {"README": ""}, ignored="copies/\n")
    (tmp_path / "whole/copies/blog").mkdir(parents=True)
    (tmp_path / "whole/copies/blog/manage.py").write_text("", encoding="utf-8")
    assert sent(tmp_path / "whole/copies/blog")[0] == {"manage.py"}


def test_submodules_and_repositories_within_travel(tmp_path):
    repository(tmp_path / "theme", {"theme.css": "", ".env": "tracked"})
    source = repository(tmp_path / "source", {"manage.py": ""})
    git(source, "submodule", "add", "--quiet", str(tmp_path / "theme"), "theme")
    repository(source / "other", {"other.py": ""}, ignored="*.log\n")
    (source / "other/a.log").write_text("", encoding="utf-8")
    assert sent(source)[0] == {"manage.py", ".gitmodules", "theme/theme.css", "theme/.env", "other/other.py", "other/.gitignore"}


def test_a_link_that_git_tracks_is_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "source/link").symlink_to(tmp_path / "elsewhere")
    source = repository(tmp_path / "source", {"manage.py": ""})
    assert sent(source)[0] == {"manage.py", "link"}


def test_a_name_that_is_no_utf_8_travels(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": ""})
    name = os.fsdecode(b"caf\xe9.txt")
    (source / name).write_text("", encoding="utf-8")
    git(source, "add", "--all")
    assert sent(source)[0] == {"manage.py", name}


def test_a_repository_s_own_programs_do_not_run(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": ""})
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    hook.chmod(0o755)
    git(source, "config", "core.fsmonitor", str(hook))
    assert sent(source)[0] == {"manage.py"}
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_somebody_else_s_repository_is_read_all_the_same(tmp_path):
    source = repository(tmp_path / "source", {"manage.py": ""}, ignored=".env\n")
    (source / ".env").write_text("SECRET=1", encoding="utf-8")
    for path in (source, source / ".git"):
        os.chown(path, 12345, 12345)
    assert sent(source)[0] == {"manage.py", ".gitignore"}


def looks_like_a_repository(source: Path, program: str) -> None:
    """Give a directory what git takes for a repository without a work tree, whose configuration runs a program."""
    for name in ("objects/x", "refs/x", "HEAD"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("ref: refs/heads/main\n", encoding="utf-8")
    (source / "config").write_text(f'[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\nfsmonitor = "{program}"\n', encoding="utf-8")


@pytest.mark.parametrize("inside", [True, False], ids=["in a repository", "alone"])
def test_a_source_that_looks_like_a_repository_runs_nothing(tmp_path, monkeypatch, inside):
    """Whether git knows how to refuse it or not."""
    source = tmp_path / "whole/site"
    source.mkdir(parents=True)
    (source / "manage.py").write_text("", encoding="utf-8")
    looks_like_a_repository(source, f"touch {tmp_path}/ran; false")
    if inside:
        repository(tmp_path / "whole", {"README": ""})
    assert "manage.py" in sent(source)[0]
    assert git_source.git_revision(str(source)) == ""
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["clean", "process"])
def test_a_repository_s_filters_do_not_run(tmp_path, kind):
    source = repository(tmp_path / "source", {"manage.py": "", ".gitattributes": "* filter=own\n"})
    git(source, "config", f"filter.own.{kind}", f"touch {tmp_path}/ran; cat")
    git(source, "config", "filter.own.required", "true")
    (source / "manage.py").write_text("changed", encoding="utf-8")
    assert git_source.git_revision(str(source)).endswith("-dirty")
    assert sent(source)[0] == {"manage.py", ".gitattributes"}
    assert not (tmp_path / "ran").exists()


def test_without_git_a_work_tree_is_like_any_other(tmp_path, monkeypatch):
    source = repository(tmp_path / "source", {"manage.py": "", ".env": ""})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sent(source) == ({"manage.py"}, [".env"])


@pytest.mark.parametrize("name", ["git.py", "venvs/a", "my_venv/a", "staticfiles.py", "pyc.py"])
def test_a_name_that_looks_alike_is_the_source_s(tree, name):
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("content", encoding="utf-8")
    assert name in members(tree)


@pytest.mark.parametrize("target", ["urls.py", "static", "nowhere", "/etc/passwd"])
def test_a_link_is_kept_as_a_link(tree, target):
    (tree / "shop/link").symlink_to(target)
    found = members(tree)
    assert found["shop/link"].issym()
    assert found["shop/link"].linkname == target
    assert not any(name.startswith("shop/link/") for name in found)


def test_a_second_name_of_a_file_is_a_file(tree):
    os.link(tree / "shop/urls.py", tree / "shop/views.py")
    found = members(tree)
    assert (found["shop/views.py"].isreg(), found["shop/views.py"].size) == (True, len("shop/urls.py"))


def test_a_second_name_is_as_good_as_a_copy(tree):
    shutil.copy(tree / "shop/urls.py", tree / "shop/views.py")
    copied = made(tree)
    (tree / "shop/views.py").unlink()
    os.link(tree / "shop/urls.py", tree / "shop/views.py")
    assert made(tree) == copied


def listening(path: Path) -> None:
    """A socket, bound by a short name: the path of one ends at 107 bytes."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(before)


@pytest.mark.parametrize("make", [os.mkfifo, listening], ids=["fifo", "socket"])
def test_what_is_no_file_is_skipped(tree, make):
    before = made(tree)
    make(tree / "special")
    assert made(tree) == before


def refusing(monkeypatch, owner: object, function: str, path: Path) -> None:
    """Refuse to open this path, as the system does to all but root."""
    original = getattr(owner, function)

    def refuse(given, *arguments, **options):
        if Path(given) == path:
            raise PermissionError(13, "Permission denied", str(given))
        return original(given, *arguments, **options)

    monkeypatch.setattr(owner, function, refuse)


def test_an_unreadable_file_is_named(tree, monkeypatch):
    refusing(monkeypatch, pathlib.Path, "open", tree / "shop/urls.py")
    with pytest.raises(PermissionError, match=r"shop/urls\.py"):
        made(tree)


def test_an_unreadable_directory_is_named(tree, monkeypatch):
    refusing(monkeypatch, os, "scandir", tree / "shop/static")
    with pytest.raises(PermissionError, match="shop/static"):
        made(tree)


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        made(tmp_path / "nowhere")


def test_every_file_is_younger_than_the_first_zip(tree):
    assert {member.mtime for member in members(tree).values()} == {module.MOMENT}
    assert module.MOMENT > 315532800  # 1980-01-01
