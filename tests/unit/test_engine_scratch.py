"""Scratch: its user gets it complete, and root takes over what is there without following anything."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import scratch
from report import StepFailed


def test_it_works(blog):
    with scratch.scratch(blog) as directory:
        (directory / "file").write_text("content", encoding="utf-8")
        assert directory.name.startswith("blog-")
    assert not directory.exists()


def test_scratch_is_gone_after_a_failure(blog):
    with pytest.raises(StepFailed), scratch.scratch(blog) as directory:
        raise StepFailed
    assert not directory.exists()


def test_what_is_too_deep_for_python_goes_otherwise(blog, machine, monkeypatch, tmp_path):
    def too_deep(_directory: Path) -> None:
        raise RecursionError

    with monkeypatch.context() as context:
        context.setattr(shutil, "rmtree", too_deep)
        scratch.remove(tmp_path)
    assert machine.started == [f"rm -rf -- {tmp_path}"]


def test_a_copy_is_its_user_s_before_it_is_within_reach(blog, monkeypatch, tmp_path):
    (tmp_path / "source" / "shop").mkdir(parents=True)
    (tmp_path / "source" / "shop" / "urls.py").write_text("urls", encoding="utf-8")
    (tmp_path / "source" / "link").symlink_to("shop")
    given = []
    monkeypatch.setattr(os, "chown", lambda path, *_, follow_symlinks: given.append((Path(path), follow_symlinks)))
    monkeypatch.setattr(shutil, "chown", lambda path, *_: given.append((path, None)))
    with scratch.scratch(blog, source=tmp_path / "source") as directory:
        assert (directory / "source/shop/urls.py").read_text(encoding="utf-8") == "urls"
        assert (directory / "source/link").is_symlink()
    assert given[-1] == (directory, None)
    assert {path for path, _follow in given[:-1]} == {directory / "source" / name for name in (".", "shop", "shop/urls.py", "link")}
    assert not any(follow for _path, follow in given)


@pytest.fixture
def written(tmp_path, blog):
    """What a site's user may have written."""
    directory = tmp_path / "own" / "written"
    (directory / "css" / "deep").mkdir(parents=True)
    (directory / "site.css").write_text("site", encoding="utf-8")
    (directory / "css" / "deep" / "a.css").write_text("deep", encoding="utf-8")
    (directory / "css" / "deep" / "b.css").write_text("deep", encoding="utf-8")
    return directory


@pytest.fixture
def foreign(tmp_path):
    """What the site's user may not read."""
    directory = tmp_path / "foreign"
    directory.mkdir(mode=0o751)
    (directory / "b.css").write_text("secret", encoding="utf-8")
    return directory


@pytest.fixture
def give_away(monkeypatch):
    """Lets a file be somebody else's."""
    real, given = os.fstat, set()

    def fstat(descriptor: int) -> os.stat_result | SimpleNamespace:
        status = real(descriptor)
        return SimpleNamespace(st_mode=status.st_mode, st_uid=status.st_uid + 1) if status.st_ino in given else status

    monkeypatch.setattr(os, "fstat", fstat)
    return lambda path: given.add(path.stat().st_ino)


FILES = ["css/deep/a.css", "css/deep/b.css", "site.css"]


def copied(blog, source: Path, target: Path) -> tuple[list[str], list[str]]:
    return tuple([str(path) for path in paths] for paths in scratch.copy_regular_files(blog, source, target))


def test_regular_files_are_copied(blog, written, tmp_path):
    assert copied(blog, written, tmp_path / "copy") == (FILES, [])
    assert (tmp_path / "copy/css/deep/a.css").read_text(encoding="utf-8") == "deep"


def test_nothing_is_copied_where_nothing_was_written(blog, written, tmp_path):
    assert copied(blog, written.with_name("nothing"), tmp_path / "copy") == ([], [])
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("../../foreign/b.css"),
        lambda path: path.symlink_to("../../foreign"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: os.mkfifo(path),
    ],
    ids=["link to a file", "link to a directory", "dangling link", "fifo"],
)
def test_nothing_but_regular_files_is_copied(blog, written, foreign, tmp_path, make):
    make(written / "bait")
    assert copied(blog, written, tmp_path / "copy") == (FILES, ["bait"])
    assert not os.path.lexists(tmp_path / "copy/bait")


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "directory"])
def test_nothing_of_somebody_else_s_is_copied(blog, written, tmp_path, give_away, make):
    """As a second name of a file is, which others own."""
    make(written / "bait")
    give_away(written / "bait")
    assert copied(blog, written, tmp_path / "copy") == (FILES, ["bait"])
    assert not os.path.lexists(tmp_path / "copy/bait")


@pytest.mark.parametrize(
    "make",
    [
        lambda path, foreign: path.symlink_to(foreign),
        lambda path, foreign: path.symlink_to(foreign / "b.css"),
        lambda path, _foreign: path.symlink_to("nowhere"),
        lambda path, _foreign: path.touch(),
        lambda path, _foreign: os.mkfifo(path),
    ],
    ids=["link to a directory", "link to a file", "dangling link", "file", "fifo"],
)
def test_nothing_is_taken_from_what_is_no_directory(blog, written, foreign, tmp_path, make):
    make(written.with_name("bait"), foreign)
    with pytest.raises(StepFailed, match=r'^where the site was to write its directory "bait" it left something else, such as a link, and root takes nothing'):
        scratch.copy_regular_files(blog, written.with_name("bait"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert foreign.stat().st_mode & 0o777 == 0o751


def test_nothing_is_taken_from_a_directory_of_somebody_else_s(blog, written, tmp_path, give_away):
    give_away(written)
    mode = written.stat().st_mode
    with pytest.raises(StepFailed, match="it left something else"):
        scratch.copy_regular_files(blog, written, tmp_path / "copy")
    assert written.stat().st_mode == mode


def test_each_directory_is_shut_before_it_is_read(blog, written, tmp_path, monkeypatch):
    events = []
    real = os.listdir

    def names(directory: int) -> list[str]:
        events.append(("read", os.fstat(directory).st_ino, os.fstat(directory).st_mode & 0o777))
        return real(directory)

    monkeypatch.setattr(os, "chown", lambda directory, user, group: events.append(("root", os.stat(directory).st_ino, user, group)))
    monkeypatch.setattr(os, "listdir", names)
    scratch.copy_regular_files(blog, written, tmp_path / "copy")
    inodes = [path.stat().st_ino for path in (written.parent, written, written / "css", written / "css/deep")]
    assert events == [("root", inodes[0], 0, 0), *(event for inode in inodes[1:] for event in (("root", inode, 0, 0), ("read", inode, 0o700)))]
    assert written.parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_is_swapped_meanwhile_leads_nowhere(blog, written, foreign, tmp_path, monkeypatch):
    real = os.open

    def swap(path: str | Path, *arguments: int, **options: int) -> int:
        opened = real(path, *arguments, **options)
        if Path(path).name == "a.css":
            (written / "css/deep").rename(written / "css/gone")
            (written / "css/deep").symlink_to(foreign)
        return opened

    monkeypatch.setattr(os, "open", swap)
    assert copied(blog, written, tmp_path / "copy") == (FILES, [])
    assert (written / "css/deep").is_symlink()
    assert (tmp_path / "copy/css/deep/b.css").read_text(encoding="utf-8") == "deep"


def test_root_writes_through_no_link(blog, written, foreign, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/site.css").symlink_to(foreign / "b.css")
    assert copied(blog, written, tmp_path / "copy") == (FILES, [])
    assert (tmp_path / "copy/site.css").read_text(encoding="utf-8") == "site"
    assert (foreign / "b.css").read_text(encoding="utf-8") == "secret"


@pytest.mark.parametrize(("depth", "ends"), [(scratch.DEEPEST, False), (scratch.DEEPEST + 1, True)])
def test_root_goes_only_so_deep(blog, written, tmp_path, depth, ends):
    written.joinpath(*["d"] * depth).mkdir(parents=True)
    if ends:
        with pytest.raises(StepFailed, match="the site wrote more than 100 directories into one another"):
            scratch.copy_regular_files(blog, written, tmp_path / "copy")
    else:
        assert copied(blog, written, tmp_path / "copy") == (FILES, [])


def test_no_descriptor_stays_open(blog, written, tmp_path):
    (written / "link").symlink_to("nowhere")
    before = len(os.listdir("/proc/self/fd"))
    scratch.copy_regular_files(blog, written, tmp_path / "copy")
    with pytest.raises(StepFailed):
        scratch.copy_regular_files(blog, written / "link", tmp_path / "copy")
    assert len(os.listdir("/proc/self/fd")) == before
