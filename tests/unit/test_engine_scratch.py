"""Scratch: its user gets it complete, and root takes over what is there without following anything."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import scratch
from hypothesis import given, settings
from hypothesis import strategies as st
from report import StepFailed


def test_it_works(blog):
    with scratch.scratch(blog) as directory:
        (directory / "file").write_text("content", encoding="utf-8")
        assert directory.name.startswith("blog-")
    assert not directory.exists()


def test_nobody_lists_what_is_in_scratch(blog):
    with scratch.scratch(blog) as directory:
        assert scratch.SCRATCH_DIR.stat().st_mode & 0o777 == 0o711
        assert directory.stat().st_mode & 0o777 == 0o700


def test_scratch_is_gone_after_a_failure(blog):
    with pytest.raises(StepFailed), scratch.scratch(blog) as directory:
        raise StepFailed
    assert not directory.exists()


def test_scratch_is_gone_where_it_could_not_be_filled(blog):
    def fill(_directory: Path) -> None:
        raise StepFailed

    with pytest.raises(StepFailed), scratch.scratch(blog, fill):
        pass
    assert list(scratch.SCRATCH_DIR.iterdir()) == []


@pytest.mark.parametrize("error", [RecursionError, OSError])
def test_what_is_too_deep_for_python_goes_otherwise(blog, machine, monkeypatch, tmp_path, error):
    def too_deep(_directory: Path) -> None:
        raise error

    with monkeypatch.context() as context:
        context.setattr(shutil, "rmtree", too_deep)
        scratch.remove(tmp_path)
    assert machine.started == [f"rm -rf -- {tmp_path}"]


def test_what_its_user_gets_is_the_user_s_before_it_is_within_reach(blog, monkeypatch):
    given = []

    def fill(directory: Path) -> None:
        assert given == []
        (directory / "source" / "shop").mkdir(parents=True)
        (directory / "source" / "shop" / "urls.py").write_text("urls", encoding="utf-8")
        (directory / "source" / "link").symlink_to("shop")

    monkeypatch.setattr(os, "chown", lambda path, *_, follow_symlinks=True: given.append((Path(path), follow_symlinks)))
    with scratch.scratch(blog, fill) as directory:
        assert (directory / "source/shop/urls.py").read_text(encoding="utf-8") == "urls"
        assert (directory / "source/link").is_symlink()
    assert given[-1] == (directory, True)
    assert {path for path, _follow in given[:-1]} == {directory / "source" / name for name in (".", "shop", "shop/urls.py", "link")}
    assert not any(follow for _path, follow in given[:-1])


@pytest.fixture
def written(tmp_path, blog) -> Path:
    """What a site's user may have written."""
    directory = tmp_path / "own" / "written"
    (directory / "css" / "deep").mkdir(parents=True)
    (directory / "site.css").write_text("site", encoding="utf-8")
    (directory / "css" / "deep" / "a.css").write_text("deep", encoding="utf-8")
    (directory / "css" / "deep" / "b.css").write_text("deep", encoding="utf-8")
    return directory


@pytest.fixture
def foreign(tmp_path) -> Path:
    """What the site's user may not read."""
    directory = tmp_path / "foreign"
    directory.mkdir(mode=0o751)
    (directory / "b.css").write_text("secret", encoding="utf-8")
    return directory


@pytest.fixture
def give_away(monkeypatch) -> Callable[[Path], None]:
    """Lets a file be somebody else's."""
    real, given = os.fstat, set()

    def fstat(descriptor: int) -> os.stat_result | SimpleNamespace:
        status = real(descriptor)
        return SimpleNamespace(st_mode=status.st_mode, st_uid=status.st_uid + 1) if status.st_ino in given else status

    monkeypatch.setattr(os, "fstat", fstat)
    return lambda path: given.add(path.stat().st_ino)


@pytest.fixture
def put_socket(written, monkeypatch) -> Callable[[Path], None]:
    """Puts a socket there. Its path may be longer than a socket's can be, so it is named from where it lies."""

    def put(path: Path) -> None:
        monkeypatch.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)

    return put


FILES = {"css/deep/a.css": "deep", "css/deep/b.css": "deep", "site.css": "site"}


def contents(directory: Path) -> dict[str, str]:
    """The regular files and the links in a directory, by what they hold or where they lead."""
    found = {}
    for parent, directories, names in os.walk(directory):
        for path in (Path(parent, name) for name in [*directories, *names]):
            if path.is_symlink():
                found[str(path.relative_to(directory))] = f"-> {os.readlink(path)}"
            elif not path.is_dir():
                found[str(path.relative_to(directory))] = path.read_text(encoding="utf-8")
    return found


def refused(blog, written: Path, target: Path, path: str, kind: str, **options: object) -> None:
    """Root takes nothing more from the moment on in which it meets this."""
    said = f'^"written", which the site wrote, holds "{re.escape(path)}", {re.escape(kind)}, and root takes files'
    with pytest.raises(StepFailed, match=said):
        scratch.take(blog, written, target, **options)
    assert not os.path.lexists(target / path)


def test_files_and_directories_are_taken(blog, written, tmp_path):
    (written / "empty").mkdir()
    scratch.take(blog, written, tmp_path / "copy")
    assert contents(tmp_path / "copy") == FILES
    assert (tmp_path / "copy/empty").is_dir()


def test_what_is_larger_than_a_block_is_taken_whole(blog, written, tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(scratch, "BLOCK", 7)
    monkeypatch.setattr(os, "write", lambda descriptor, block: write(descriptor, block[:3]))
    (written / "large.css").write_text("0123456789" * 3, encoding="utf-8")
    scratch.take(blog, written, tmp_path / "copy")
    assert (tmp_path / "copy/large.css").read_text(encoding="utf-8") == "0123456789" * 3


@pytest.mark.parametrize("name", ["-rf", "a b", "a\nb", "a\\b", "...", "*", b"caf\xe9", "ö" * 127], ids=ascii)
def test_a_file_is_taken_whatever_its_name(blog, written, tmp_path, name):
    name = os.fsencode(name)
    Path(os.fsdecode(os.fsencode(written) + b"/" + name)).touch()
    scratch.take(blog, written, tmp_path / "copy")
    assert name in os.listdir(os.fsencode(tmp_path / "copy"))


def test_the_times_of_files_are_kept(blog, written, tmp_path):
    for name, time in {"site.css": 1_000_000_000_123_456_789, "css/deep/a.css": -5_500_000_000}.items():
        os.utime(written / name, ns=(0, time))
    scratch.take(blog, written, tmp_path / "copy")
    assert (tmp_path / "copy/site.css").stat().st_mtime_ns == 1_000_000_000_123_456_789
    assert (tmp_path / "copy/css/deep/a.css").stat().st_mtime_ns == -5_500_000_000


@pytest.mark.parametrize(("mode", "taken"), [(0o777, 0o750), (0o744, 0o750), (0o666, 0o640), (0o600, 0o640), (0o611, 0o640), (0o1644, 0o640)])
def test_of_a_mode_only_whether_a_file_can_be_run_is_kept(blog, written, tmp_path, mode, taken):
    (written / "site.css").chmod(mode)
    scratch.take(blog, written, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy/site.css").stat().st_mode) == taken


@pytest.mark.parametrize("mode", [0o777, 0o700, 0o2777, 0o1777])
def test_a_directory_is_for_the_site_to_read(blog, written, tmp_path, mode):
    (written / "css").chmod(mode)
    scratch.take(blog, written, tmp_path / "copy")
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("copy", "copy/css", "copy/css/deep")} == {0o750}


def test_all_that_is_taken_is_root_s_and_the_site_s_group_s(blog, written, tmp_path, monkeypatch):
    owners = {}
    for name in ("chown", "fchown"):
        monkeypatch.setattr(os, name, lambda descriptor, user, group: owners.update({os.stat(descriptor).st_ino: (user, group)}))
    scratch.take(blog, written, tmp_path / "copy")
    taken = [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]
    assert {path.name: owners[path.stat().st_ino] for path in taken} == {path.name: (0, os.getgid()) for path in taken}


def test_a_target_is_within_nobody_s_reach_until_it_is_complete(blog, written, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fchmod", lambda *_arguments: seen.append((tmp_path / "copy").stat().st_mode & 0o777))
    scratch.take(blog, written, tmp_path / "copy")
    assert seen == [0o700] * len(FILES)


@pytest.mark.parametrize("links", [False, True], ids=["no links", "links"])
@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("bait", "/etc/passwd"),
        ("bait", "//etc/passwd"),
        ("bait", ".."),
        ("bait", "../foreign/b.css"),
        ("bait", "./../foreign"),
        ("bait", "../written/site.css"),
        ("css/bait", "../.."),
        ("css/bait", "../../written"),
        ("css/deep/bait", "../../../foreign"),
        ("css/deep/bait", ".././.././/.."),
        ("css/deep/bait", "up/.."),
        ("css/deep/bait", "../deep/up/../foreign/b.css"),
        ("bait", "css/deep/up/../foreign"),
        ("bait", "css/.."),
        ("bait", "nowhere/../site.css"),
    ],
)
def test_a_link_that_may_lead_out_is_refused(blog, written, foreign, tmp_path, path, leads, links):
    if links:
        (written / "css/deep/up").symlink_to("../..")
    (written / path).symlink_to(leads)
    refused(blog, written, tmp_path / "copy", path, "a link that leads out of it, or has .. after a name" if links else "a link", links=links)
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o751


INSIDE = [("link", "site.css"), ("link", "css"), ("link", "./css//deep/"), ("link", "nowhere"), ("link", "link"), ("css/link", "../site.css")]
INSIDE += [("css/deep/link", "../.."), ("css/deep/link", ".././../site.css"), ("css/deep/link", "."), ("link", "css/..."), ("link", "..css")]


@pytest.mark.parametrize(("path", "leads"), INSIDE)
def test_a_link_that_stays_inside_is_taken_where_links_may_be(blog, written, tmp_path, path, leads):
    (written / path).symlink_to(leads)
    scratch.take(blog, written, tmp_path / "copy", links=True)
    assert contents(tmp_path / "copy") == {**FILES, path: f"-> {leads}"}


@pytest.mark.parametrize(("path", "leads"), INSIDE)
def test_elsewhere_no_link_is_taken(blog, written, tmp_path, path, leads):
    (written / path).symlink_to(leads)
    refused(blog, written, tmp_path / "copy", path, "a link")


NAMES = st.sampled_from(["a", "b", "c"])
PLACES = st.lists(NAMES, max_size=3)
LEADS = st.tuples(st.sampled_from(["", "", "", "/"]), st.lists(NAMES | st.sampled_from(["..", "..", ".", ""]), min_size=1, max_size=5))


@settings(max_examples=400)
@given(directories=st.lists(PLACES, min_size=1, max_size=4), links=st.lists(st.tuples(PLACES, NAMES, LEADS), min_size=1, max_size=6))
def test_no_link_that_stays_inside_leads_out_by_others(directories, links):
    with tempfile.TemporaryDirectory() as temporary:
        top = os.path.realpath(os.path.join(temporary, "top"))
        for place in [[], *directories]:
            os.makedirs(os.path.join(top, *place), exist_ok=True)
        accepted = []
        for place, name, (root, parts) in links:
            leads, path = root + "/".join(parts), os.path.join(top, *place, name)
            # A link lies in directories alone: root reaches it by no other link.
            parents = [os.path.join(top, *place[:depth]) for depth in range(len(place) + 1)]
            if not leads or os.path.lexists(path) or not all(os.path.isdir(parent) and not os.path.islink(parent) for parent in parents):
                continue
            if scratch.stays_inside(leads, len(place)):
                os.symlink(leads, path)
                accepted.append(path)
        assert all(os.path.commonpath([top, os.path.realpath(path)]) == top for path in accepted)


@pytest.mark.parametrize("links", [False, True], ids=["no links", "links"])
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda path, _socket: os.mkfifo(path), "a device or a pipe"),
        (lambda path, put_socket: put_socket(path), "a socket, or gone already"),
        (lambda path, _socket: (path.touch(), path.chmod(0o4755)), "a program that would run as somebody else"),
        (lambda path, _socket: (path.touch(), path.chmod(0o2755)), "a program that would run as somebody else"),
        (lambda path, _socket: (path.touch(), path.chmod(0o4644)), "a program that would run as somebody else"),
    ],
    ids=["fifo", "socket", "setuid", "setgid", "setuid that cannot be run"],
)
def test_nothing_but_files_and_directories_is_taken(blog, written, tmp_path, put_socket, make, kind, links):
    make(written / "css/bait", put_socket)
    refused(blog, written, tmp_path / "copy", "css/bait", kind, links=links)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "directory"])
def test_nothing_of_somebody_else_s_is_taken(blog, written, tmp_path, give_away, make):
    """As a second name of a file is, which others own."""
    make(written / "bait")
    (written / "bait").chmod(0o755)
    give_away(written / "bait")
    refused(blog, written, tmp_path / "copy", "bait", "somebody else's")
    assert (written / "bait").stat().st_mode & 0o777 == 0o755


def test_a_name_that_could_change_the_terminal_is_shown_escaped(blog, written, tmp_path):
    (written / "a\x1b[2J\u202e\n").symlink_to("/")
    with pytest.raises(StepFailed, match=re.escape(r'holds "a\u001b[2J\u202e\n", a link, ')):
        scratch.take(blog, written, tmp_path / "copy")


@pytest.mark.parametrize(
    "make",
    [
        lambda path, foreign, _socket: path.symlink_to(foreign),
        lambda path, foreign, _socket: path.symlink_to(foreign / "b.css"),
        lambda path, _foreign, _socket: path.symlink_to("written"),
        lambda path, _foreign, _socket: path.symlink_to("nowhere"),
        lambda path, _foreign, _socket: path.touch(),
        lambda path, _foreign, _socket: os.mkfifo(path),
        lambda path, _foreign, put_socket: put_socket(path),
        lambda _path, _foreign, _socket: None,
    ],
    ids=["link to a directory", "link to a file", "link to the directory beside it", "dangling link", "file", "fifo", "socket", "nothing"],
)
def test_nothing_is_taken_from_what_is_no_directory(blog, written, foreign, tmp_path, put_socket, make):
    make(written.with_name("bait"), foreign, put_socket)
    with pytest.raises(StepFailed, match=r'^where the site was to write its directory "bait" it left something else, such as a link, and root takes nothing'):
        scratch.take(blog, written.with_name("bait"), tmp_path / "copy", links=True)
    assert not (tmp_path / "copy").exists()
    assert foreign.stat().st_mode & 0o777 == 0o751


def test_nothing_is_taken_from_a_directory_of_somebody_else_s(blog, written, tmp_path, give_away):
    give_away(written)
    mode = written.stat().st_mode
    with pytest.raises(StepFailed, match="it left something else"):
        scratch.take(blog, written, tmp_path / "copy")
    assert written.stat().st_mode == mode


def test_each_directory_is_shut_before_it_is_read(blog, written, tmp_path, monkeypatch):
    events = []
    inodes = [path.stat().st_ino for path in (written.parent, written, written / "css", written / "css/deep")]
    scandir = os.scandir

    def shut(directory: int, user: int, group: int) -> None:
        if os.stat(directory).st_ino in inodes:
            events.append(("root", os.stat(directory).st_ino, user, group))

    def names(directory: int) -> object:
        events.append(("read", os.fstat(directory).st_ino, os.fstat(directory).st_mode & 0o777))
        return scandir(directory)

    monkeypatch.setattr(os, "chown", shut)
    monkeypatch.setattr(os, "scandir", names)
    scratch.take(blog, written, tmp_path / "copy")
    assert events == [("root", inodes[0], 0, 0), *(event for inode in inodes[1:] for event in (("root", inode, 0, 0), ("read", inode, 0o700)))]
    assert written.parent.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def when_opened(monkeypatch) -> Callable[[str, Callable[[], None]], None]:
    """Lets something happen once, before or after root opens a name."""
    real, happens = os.open, {}

    def opened(path: str | Path, *arguments: int, **options: int) -> int:
        before, after = happens.pop(Path(path).name, (None, None))
        if before:
            before()
        descriptor = real(path, *arguments, **options)
        if after:
            after()
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    return lambda name, before=None, after=None: happens.update({name: (before, after)})


def swap(path: Path, leads: Path) -> None:
    path.rename(path.with_name("gone"))
    path.symlink_to(leads)


def test_a_directory_that_is_swapped_once_it_is_open_leads_nowhere(blog, written, foreign, tmp_path, when_opened):
    when_opened("a.css", after=lambda: swap(written / "css/deep", foreign))
    scratch.take(blog, written, tmp_path / "copy")
    assert (written / "css/deep").is_symlink()
    assert contents(tmp_path / "copy") == FILES


@pytest.mark.parametrize("name", ["css", "deep", "a.css"])
def test_what_is_swapped_for_a_link_before_it_is_open_is_refused(blog, written, foreign, tmp_path, when_opened, name):
    (path,) = written.rglob(name)
    when_opened(name, before=lambda: swap(path, foreign / "b.css" if path.is_file() else foreign))
    refused(blog, written, tmp_path / "copy", str(path.relative_to(written)), "a link that leads out of it, or has .. after a name", links=True)
    assert foreign.stat().st_mode & 0o777 == 0o751


def test_a_top_that_is_swapped_before_it_is_open_is_refused(blog, written, foreign, tmp_path, when_opened):
    when_opened("written", before=lambda: swap(written, foreign))
    with pytest.raises(StepFailed, match="it left something else"):
        scratch.take(blog, written, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_is_gone_before_it_is_open_is_refused(blog, written, tmp_path, when_opened):
    when_opened("a.css", before=(written / "css/deep/a.css").unlink)
    refused(blog, written, tmp_path / "copy", "css/deep/a.css", "a socket, or gone already")


def test_a_file_that_becomes_a_fifo_holds_root_up_no_longer(blog, written, tmp_path, when_opened):
    def to_fifo() -> None:
        (written / "site.css").unlink()
        os.mkfifo(written / "site.css")

    when_opened("site.css", before=to_fifo)
    refused(blog, written, tmp_path / "copy", "site.css", "a device or a pipe")


@pytest.mark.parametrize(
    "make", [Path.mkdir, lambda path: path.symlink_to("foreign"), lambda path: path.symlink_to("nowhere")], ids=["directory", "link", "dangling"]
)
def test_a_target_that_is_there_already_is_an_error(blog, written, foreign, tmp_path, make):
    make(tmp_path / "copy")
    with pytest.raises(FileExistsError):
        scratch.take(blog, written, tmp_path / "copy")
    assert contents(foreign) == {"b.css": "secret"}
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("name", "leads"),
    [("site.css", "foreign/b.css"), ("site.css", "nowhere"), ("css", "foreign"), ("css", "nowhere"), ("link", "foreign"), ("link", "foreign/b.css")],
)
def test_root_writes_through_no_link_in_the_target(blog, written, foreign, tmp_path, when_opened, name, leads):
    (written / "link").symlink_to("css")
    when_opened("copy", after=lambda: (tmp_path / "copy" / name).symlink_to(tmp_path / leads))
    with pytest.raises(StepFailed, match=r'^"written", which the site wrote, cannot be copied: File exists$'):
        scratch.take(blog, written, tmp_path / "copy", links=True)
    assert contents(foreign) == {"b.css": "secret"}
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("depth", "ends"), [(scratch.DEEPEST, False), (scratch.DEEPEST + 1, True)])
def test_root_goes_only_so_deep(blog, written, tmp_path, depth, ends):
    written.joinpath(*["d"] * depth).mkdir(parents=True)
    if ends:
        with pytest.raises(StepFailed, match=r'^"written", which the site wrote, has more than 100 directories in one another, and root goes no deeper$'):
            scratch.take(blog, written, tmp_path / "copy")
    else:
        scratch.take(blog, written, tmp_path / "copy")
        assert tmp_path.joinpath("copy", *["d"] * depth).is_dir()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
@pytest.mark.parametrize(("length", "ends"), [(scratch.LONGEST, False), (scratch.LONGEST + 1, True)])
def test_a_path_has_only_so_many_bytes(blog, written, tmp_path, length, ends, kind):
    path = "/".join(["é" * 125] * 4)  # 1,003 bytes
    path += f"/{'x' * (length - 1004)}"
    (written / path).parent.mkdir(parents=True)
    make = {"file": Path.touch, "directory": Path.mkdir, "link": lambda link: link.symlink_to(".")}
    make[kind](written / path)
    if ends:
        with pytest.raises(StepFailed, match="a path of more than 1024 bytes"):
            scratch.take(blog, written, tmp_path / "copy", links=True)
    else:
        scratch.take(blog, written, tmp_path / "copy", links=True)
        assert os.path.lexists(tmp_path / "copy" / path)


@pytest.mark.parametrize(("most", "ends"), [(5, False), (4, True)])
def test_root_takes_only_so_many_entries(blog, written, tmp_path, monkeypatch, most, ends):
    """The tree has five: three files and two directories."""
    monkeypatch.setattr(scratch, "MOST_ENTRIES", most)
    if ends:
        with pytest.raises(StepFailed, match=r'^"written", which the site wrote, has more than 4 files and directories, and root takes no more$'):
            scratch.take(blog, written, tmp_path / "copy")
    else:
        scratch.take(blog, written, tmp_path / "copy")


def test_too_many_entries_in_one_directory_are_not_even_listed(blog, written, tmp_path, monkeypatch):
    for number in range(50):
        (written / f"{number}.css").touch()
    monkeypatch.setattr(scratch, "MOST_ENTRIES", 10)
    with pytest.raises(StepFailed, match="more than 10 files"):
        scratch.take(blog, written, tmp_path / "copy")
    assert contents(tmp_path / "copy") == {}


def test_what_stays_behind_counts_too(blog, written, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "MOST_ENTRIES", 4)
    with pytest.raises(StepFailed, match="more than 4 files"):
        scratch.take(blog, written, tmp_path / "copy", leave=("site.css",))


SIZE = sum(map(len, FILES.values()))


@pytest.mark.parametrize(("most", "ends"), [(SIZE, False), (SIZE - 1, True)])
def test_root_takes_only_so_many_bytes(blog, written, tmp_path, monkeypatch, most, ends):
    monkeypatch.setattr(scratch, "MOST_BYTES", most)
    if ends:
        with pytest.raises(StepFailed, match=r'^"written", which the site wrote, is larger than 0 GB'):
            scratch.take(blog, written, tmp_path / "copy")
    else:
        scratch.take(blog, written, tmp_path / "copy")


@pytest.mark.parametrize(
    ("blocks", "all_blocks", "ends"),
    [(SIZE // 4, 0, False), (SIZE // 4 - 1, 0, True), (SIZE // 4, 20, True), (SIZE // 4 + (1 << 28), 10 << 30, False), ((1 << 28) + 1, 10 << 30, True)],
    ids=["just", "too little", "a twentieth stays", "a gigabyte stays", "into the gigabyte"],
)
def test_root_takes_no_more_than_the_disk_has_room_for(blog, written, tmp_path, monkeypatch, blocks, all_blocks, ends):
    monkeypatch.setattr(os, "statvfs", lambda _target: SimpleNamespace(f_bavail=blocks, f_bfree=1000, f_blocks=all_blocks, f_frsize=4, f_bsize=1000))
    if ends:
        with pytest.raises(StepFailed, match=r'"written", which the site wrote'):
            scratch.take(blog, written, tmp_path / "copy")
    else:
        scratch.take(blog, written, tmp_path / "copy")


@pytest.mark.parametrize("left", [249, 250])
def test_the_disk_is_looked_at_again(blog, written, tmp_path, monkeypatch, left):
    """Another deploy may fill it at the same time. Of these thousand blocks fifty are the reserve."""
    looks = iter([250, 250, left - 200])
    monkeypatch.setattr(os, "statvfs", lambda _target: SimpleNamespace(f_bavail=next(looks), f_blocks=1000, f_frsize=4))
    monkeypatch.setattr(scratch, "LOOK_AGAIN", 3)
    if left == 250:
        scratch.take(blog, written / "css", tmp_path / "copy")
    else:
        with pytest.raises(StepFailed, match=r'^the disk has no room for "css", which the site wrote; free some, or use a larger disk$'):
            scratch.take(blog, written / "css", tmp_path / "copy")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_sooner_is_a_sentence(blog, written, tmp_path, monkeypatch, number):
    """Others write to it meanwhile."""

    def write(_descriptor: int, _block: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "statvfs", lambda _target: SimpleNamespace(f_bavail=1000, f_blocks=1000, f_frsize=4096))
    with pytest.raises(StepFailed, match=r'^the disk has no room for "written", which the site wrote; free some, or use a larger disk$'):
        scratch.take(blog, written, tmp_path / "copy")


def test_a_file_that_grows_while_it_is_read_is_taken_no_further(blog, written, tmp_path, monkeypatch):
    real = os.read

    def read(descriptor: int, length: int) -> bytes:
        block = real(descriptor, length)
        if (written / "site.css").stat().st_size < 10_000:
            with (written / "site.css").open("a", encoding="utf-8") as file:
                file.write("more")
        return block

    monkeypatch.setattr(os, "read", read)
    monkeypatch.setattr(scratch, "MOST_BYTES", 1000)
    with pytest.raises(StepFailed, match="is larger than"):
        scratch.take(blog, written, tmp_path / "copy")


LEAVE = ("site.css", "css/deep")


@pytest.mark.parametrize("name", LEAVE)
@pytest.mark.parametrize(
    "make",
    [
        Path.touch,
        lambda path: (path / "more").mkdir(parents=True),
        lambda path: path.symlink_to("/etc"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: os.mkfifo(path),
        lambda path: (path.touch(), path.chmod(0o4755)),
        lambda _path: None,
    ],
    ids=["file", "directory", "link", "dangling link", "fifo", "setuid", "nothing"],
)
def test_what_is_to_stay_behind_does_whatever_it_is(blog, written, tmp_path, name, make):
    (written / name).rename(tmp_path / "away")
    make(written / name)
    scratch.take(blog, written, tmp_path / "copy", links=True, leave=LEAVE)
    assert not any(os.path.lexists(tmp_path / "copy" / left) for left in LEAVE)
    assert (tmp_path / "copy/css").is_dir()


def test_nothing_in_what_is_to_stay_behind_is_looked_at(blog, written, tmp_path):
    (written / "css/deep/bait").symlink_to("/etc")
    scratch.take(blog, written, tmp_path / "copy", leave=("css/deep",))
    assert contents(tmp_path / "copy") == {"site.css": "site"}


def test_elsewhere_the_same_name_is_taken(blog, written, tmp_path):
    scratch.take(blog, written, tmp_path / "copy", leave=("a.css", "deep", "css/a.css", "css/deep/site.css"))
    assert contents(tmp_path / "copy") == FILES


@pytest.mark.parametrize(
    "make",
    [
        lambda _directory: None,
        lambda directory: (directory / "bait").symlink_to("/etc"),
        lambda directory: os.mkfifo(directory / "bait"),
        lambda directory: (directory / "bait").joinpath(*["d"] * scratch.DEEPEST).mkdir(parents=True),
    ],
    ids=["taken", "link", "fifo", "too deep"],
)
def test_no_descriptor_stays_open(blog, written, tmp_path, make):
    make(written / "css/deep")
    before = os.listdir("/proc/self/fd")
    with suppress(StepFailed):
        scratch.take(blog, written, tmp_path / "copy")
    with pytest.raises(StepFailed):
        scratch.take(blog, written.with_name("nothing"), tmp_path / "other")
    assert os.listdir("/proc/self/fd") == before


def test_no_descriptor_of_somebody_else_s_stays_open(blog, written, tmp_path, give_away):
    before = os.listdir("/proc/self/fd")
    give_away(written)
    with pytest.raises(StepFailed):
        scratch.take(blog, written, tmp_path / "copy")
    assert os.listdir("/proc/self/fd") == before
