"""The archive of a source: the same bytes for the same content, and nothing that is not the source's."""

from __future__ import annotations

import gzip
import hashlib
import os
import pathlib
import shutil
import socket
import tarfile
from pathlib import Path

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils import collect as module
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
    return collect(tree, archive), archive.read_bytes()


def members(tree: Path) -> dict[str, tarfile.TarInfo]:
    made(tree)
    with tarfile.open(tree.parent / "archive.tar.gz") as tar:
        return {member.name: member for member in tar}


def test_it_works(tree):
    top, blog, shop = "blog manage.py requirements.txt shop", "blog/urls.py", "shop/static shop/urls.py shop/static/a.css shop/static/b.css"
    assert list(members(tree)) == f"{top} {blog} {shop}".split()


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
        *[".git/config", "venv/bin/python", ".venv/lib", "__pycache__/a", "staticfiles/a.css", "htmlcov/index.html", "node_modules/a/b"],
        *["shop/__pycache__/urls.pyc", "shop/urls.pyc", "shop/static/node_modules/a", "db.sqlite3", "shop/.DS_Store"],
    ],
)
def test_what_is_not_the_source_stays_behind(tree, name):
    before = made(tree)
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("content", encoding="utf-8")
    assert made(tree) == before


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
