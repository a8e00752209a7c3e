"""Static files: compressed beside their originals, published by content, gone when no kept release names them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import scratch
import static_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report import StepFailed

NEW = "0000000000aa"
LONG = "a { colour: red }\n" * 20


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def published(blog) -> dict[str, str]:
    return {name: (blog.static_dir / name).read_text(encoding="utf-8") for name in names(blog.static_dir)}


def manifest(**paths: str) -> str:
    return json.dumps({"paths": {name.replace("_", "."): hashed for name, hashed in paths.items()}, "version": "1.1"})


@pytest.fixture
def brotli(blog, machine) -> None:
    """The program, which writes its variants beside what it is given."""
    static_files.BROTLI.write_text("", encoding="utf-8")

    def compress(line: str) -> str:
        for name in line.partition(" -- ")[2].split():
            Path(f"{name}.br").write_text("brotli", encoding="utf-8")
        return ""

    machine.answer("/brotli --keep", compress)


def collected(blog, make_release, machine, **files: str) -> list[str]:
    """Have collectstatic write these files; gives the warnings."""
    make_release(NEW)
    machine.answer("collectstatic", lambda line: write(Path(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1]), files) or "")
    return list(static_files.collect(blog, NEW))


def test_it_works(blog, make_release, machine, brotli):
    assert collected(blog, make_release, machine, **{"css/a.12.css": LONG, "staticfiles.json": manifest(a_css="css/a.12.css")}) == []
    assert names(blog.release_dir(NEW) / "static") == {"css/a.12.css", "css/a.12.css.gz", "css/a.12.css.br", "staticfiles.json"}
    assert f" --property=ReadWritePaths={scratch.SCRATCH_DIR}/blog-" in machine.lines("collectstatic")[0]
    assert gzip.decompress((blog.release_dir(NEW) / "static/css/a.12.css.gz").read_bytes()) == LONG.encode()


def test_files_without_hashes_are_a_warning(blog, make_release, machine):
    (warning,) = collected(blog, make_release, machine, **{"a.css": LONG})
    assert warning.startswith("the static files carry no hashes")


def test_a_site_without_static_files_is_none(blog, make_release, machine):
    assert collected(blog, make_release, machine) == []


def test_a_link_in_place_of_the_static_files_is_refused(blog, make_release, machine, tmp_path):
    (tmp_path / "foreign").mkdir(mode=0o751)
    (tmp_path / "foreign" / "environment").write_text("secret", encoding="utf-8")
    make_release(NEW)
    machine.answer("collectstatic", lambda line: Path(re.search(r"DJANGO_STATIC_ROOT=(\S+)", line)[1]).symlink_to(tmp_path / "foreign") or "")
    with pytest.raises(StepFailed, match=r'directory "static" it left something else, such as a link'):
        list(static_files.collect(blog, NEW))
    assert names(blog.release_dir(NEW) / "static") == set()
    assert (tmp_path / "foreign").stat().st_mode & 0o777 == 0o751


def test_what_was_collected_is_read_by_the_site_alone(blog, make_release, machine):
    collected(blog, make_release, machine, **{"css/a.css": LONG})
    modes = {path.name: path.stat().st_mode & 0o777 for path in (blog.release_dir(NEW) / "static").rglob("*")}
    assert modes == {"css": 0o750, "a.css": 0o640, "a.css.gz": 0o640}


@pytest.mark.parametrize(
    ("files", "compressed"),
    [
        ({"a.css": LONG, "a.12.css": LONG, "staticfiles.json": manifest(a_css="a.12.css")}, {"a.12.css"}),
        ({"a.css": LONG, "b.js": LONG}, {"a.css", "b.js"}),
        ({"a.css": LONG, "staticfiles.json": "{"}, {"a.css"}),
        ({"a.css": LONG, "staticfiles.json": '{"paths": []}'}, {"a.css"}),
        ({"a.css": LONG, "staticfiles.json": "[]"}, {"a.css"}),
        ({"a.css": "b" * 255, "b.css": "b" * 256, "c.png": LONG, "d.css.map": LONG}, {"b.css", "d.css.map"}),
    ],
    ids=["hashed alone", "no manifest", "half a manifest", "another manifest", "a list", "long texts alone"],
)
def test_what_pages_name_is_compressed(blog, machine, tmp_path, brotli, files, compressed):
    write(tmp_path / "static", files)
    static_files.compress(blog, tmp_path / "static")
    assert names(tmp_path / "static") - files.keys() == {name + suffix for name in compressed for suffix in (".gz", ".br")}


@pytest.mark.parametrize("stored", [True, False], ids=["from the store", "made"])
def test_a_compressed_file_and_a_published_one_are_of_their_original_s_time(blog, make_release, stored):
    """nginx sends that time, and a visitor's browser asks with it."""
    make_release(NEW, static=("a.css",))
    static = blog.release_dir(NEW) / "static"
    for directory in (static, *([blog.static_dir] if stored else [])):
        write(directory, {"a.css": LONG})
    if stored:
        static_files.compress(blog, blog.static_dir)
    for file in (static / "a.css", *blog.static_dir.iterdir()):
        os.utime(file, (1000, 1000))
    static_files.compress(blog, static)
    static_files.publish(blog, NEW)
    assert {path.stat().st_mtime for directory in (static, blog.static_dir) for path in directory.iterdir()} == {1000}


def test_where_there_is_no_brotli_gzip_is_enough(blog, machine, tmp_path):
    write(tmp_path / "static", {"a.css": LONG})
    static_files.compress(blog, tmp_path / "static")
    assert names(tmp_path / "static") == {"a.css", "a.css.gz"}
    assert machine.started == []


def test_brotli_is_started_once(blog, machine, tmp_path, brotli):
    write(tmp_path / "static", {"a.css": LONG, "b.css": LONG})
    static_files.compress(blog, tmp_path / "static")
    assert machine.started == [f"{static_files.BROTLI} --keep --force -- {tmp_path}/static/a.css {tmp_path}/static/b.css"]


def test_a_brotli_that_fails_ends_the_deploy(blog, machine, tmp_path, brotli):
    write(tmp_path / "static", {"a.css": LONG})
    machine.answer("/brotli --keep", "no space left", status=1)
    with pytest.raises(StepFailed, match="no space left"):
        static_files.compress(blog, tmp_path / "static")


@pytest.mark.parametrize(
    ("stored", "reused"),
    [
        ({"a.css": LONG, "a.css.gz": "kept", "a.css.br": "kept"}, True),
        ({"a.css": f"{LONG}\n", "a.css.gz": "kept", "a.css.br": "kept"}, False),
        ({"a.css": LONG, "a.css.gz": "kept"}, False),
        ({}, False),
    ],
    ids=["the same", "another content", "a variant is missing", "nothing"],
)
def test_what_the_store_has_is_not_compressed_again(blog, machine, tmp_path, brotli, stored, reused):
    write(blog.static_dir, stored)
    write(tmp_path / "static", {"a.css": LONG})
    static_files.compress(blog, tmp_path / "static")
    assert (machine.started == []) is reused
    assert ((tmp_path / "static/a.css.gz").read_bytes() == b"kept") is reused


def test_the_same_content_is_the_same_when_compressed(blog, tmp_path, clock, monkeypatch):
    monkeypatch.setattr(gzip, "time", clock)
    for directory in ("one", "two"):
        clock.sleep(60)
        write(tmp_path / directory, {"a.css": LONG})
        static_files.compress(blog, tmp_path / directory)
    assert (tmp_path / "one/a.css.gz").read_bytes() == (tmp_path / "two/a.css.gz").read_bytes()


def test_static_files_are_published_without_their_manifest(blog, make_release):
    make_release(NEW, static=("css/a.css", "b.js", "staticfiles.json"))
    static_files.publish(blog, NEW)
    assert published(blog) == {"css/a.css": NEW, "b.js": NEW}


def test_what_older_pages_name_stays_published(blog, make_release):
    make_release("old", static=("old.css", "same.css"))
    make_release(NEW, static=("new.css", "same.css"))
    static_files.publish(blog, "old")
    static_files.publish(blog, NEW)
    assert published(blog) == {"old.css": "old", "new.css": NEW, "same.css": NEW}


@pytest.mark.parametrize(("stored", "replaced"), [(NEW, False), (NEW[::-1], True)], ids=["the same content", "another of the same length"])
def test_only_another_content_is_written(blog, make_release, stored, replaced):
    make_release(NEW, static=("a.css",))
    write(blog.static_dir, {"a.css": stored})
    before = (blog.static_dir / "a.css").stat().st_ino
    static_files.publish(blog, NEW)
    assert ((blog.static_dir / "a.css").stat().st_ino != before) is replaced
    assert published(blog) == {"a.css": NEW}


def test_no_older_content_is_sent_compressed(blog, make_release):
    make_release("old", static=("a.css", "a.css.gz", "a.css.br"))
    make_release(NEW, static=("a.css", "a.css.gz"))
    static_files.publish(blog, "old")
    static_files.publish(blog, NEW)
    assert published(blog) == {"a.css": NEW, "a.css.gz": NEW}


def test_a_published_file_is_replaced_at_once(blog, make_release):
    make_release(NEW, static=("a.css",))
    write(blog.static_dir, {"a.css": "old"})
    with (blog.static_dir / "a.css").open(encoding="utf-8") as visitor:
        static_files.publish(blog, NEW)
        assert visitor.read() == "old"


@pytest.mark.parametrize(("stored", "file"), [("a.css", "a.css/b.css"), ("a.css", "a.css/b/c.css"), ("a.css/b.css", "a.css")])
def test_a_file_may_become_a_directory_and_back(blog, make_release, stored, file):
    write(blog.static_dir, {stored: "old"})
    make_release(NEW, static=(file,))
    static_files.publish(blog, NEW)
    assert published(blog) == {file: NEW}


def test_everybody_reads_a_published_file(blog, make_release):
    make_release(NEW, static=("a.css",))
    (blog.release_dir(NEW) / "static/a.css").chmod(0o640)
    static_files.publish(blog, NEW)
    assert (blog.static_dir / "a.css").stat().st_mode & 0o777 == 0o644


FILES = st.sets(st.sampled_from(["a.css", "css/a.css", "css/deep/b.css", "b.js"]))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=FILES, two=FILES, others=FILES)
def test_what_any_kept_release_names_stays_and_nothing_else(blog, make_release, one, two, others):
    for name, files in {"one": one, "two": two, "gone": others}.items():
        shutil.rmtree(blog.release_dir(name), ignore_errors=True)
        make_release(name, static=tuple(files))
        static_files.publish(blog, name)
    write(blog.static_dir, {".a.css.new": "half written"})
    static_files.prune(blog, ["one", "two"])
    assert names(blog.static_dir) == one | two
    assert {path for path in blog.static_dir.rglob("*") if path.is_dir()} == {
        parent for name in one | two for parent in (blog.static_dir / name).parents if blog.static_dir in parent.parents
    }
