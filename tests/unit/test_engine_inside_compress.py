"""The script that compresses static files as a site's user, with a program in brotli's place."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

LONG = "a { colour: red }\n" * 20
# Notes its words, and gives its variants the time of what it is given.
BROTLI = """#!/bin/sh
echo "$*" >> {notes}
while [ "$1" != -- ]; do shift; done
shift
for file; do echo brotli > "$file.br"; touch -r "$file" "$file.br"; done
"""


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def manifest(**paths: str) -> str:
    return json.dumps({"paths": {name.replace("_", "."): hashed for name, hashed in paths.items()}, "version": "1.1"})


@pytest.fixture
def static(tmp_path) -> Path:
    return tmp_path / "static"


@pytest.fixture
def store(tmp_path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def script(inside_script, tmp_path, monkeypatch) -> ModuleType:
    """The script, on a server without brotli."""
    module = inside_script("compress")
    monkeypatch.setattr(module, "BROTLI", tmp_path / "brotli")
    return module


@pytest.fixture
def run(script, static, store, monkeypatch) -> Callable[[], None]:
    def run() -> None:
        monkeypatch.setattr(sys, "argv", ["compress.py", str(static), str(store)])
        script.main()

    return run


@pytest.fixture
def brotli(script, tmp_path) -> Callable[[], list[str]]:
    """The program. Gives the words of its calls."""
    notes = tmp_path / "notes"
    notes.touch()
    script.BROTLI.write_text(BROTLI.format(notes=notes), encoding="utf-8")
    script.BROTLI.chmod(0o755)
    return lambda: notes.read_text(encoding="utf-8").splitlines()


def test_it_works(static, run, brotli):
    write(static, {"css/a.12.css": LONG, "staticfiles.json": manifest(a_css="css/a.12.css")})
    run()
    assert names(static) == {"css/a.12.css", "css/a.12.css.gz", "css/a.12.css.br", "staticfiles.json"}
    assert gzip.decompress((static / "css/a.12.css.gz").read_bytes()) == LONG.encode()


def test_a_project_without_static_files_leaves_an_empty_directory(static, run):
    run()
    assert list(static.iterdir()) == []


def test_nothing_is_compressed_through_a_link_in_place_of_the_directory(static, run, tmp_path):
    write(tmp_path / "elsewhere", {"a.css": LONG})
    static.symlink_to("elsewhere")
    run()
    assert names(tmp_path / "elsewhere") == {"a.css"}


@pytest.mark.parametrize(
    ("files", "compressed"),
    [
        ({"a.css": LONG, "a.12.css": LONG, "staticfiles.json": manifest(a_css="a.12.css")}, {"a.12.css"}),
        ({"a.css": LONG, "b.js": LONG}, {"a.css", "b.js"}),
        ({"a.css": LONG, "staticfiles.json": "{"}, {"a.css"}),
        ({"a.css": LONG, "staticfiles.json": '{"paths": []}'}, {"a.css"}),
        ({"a.css": LONG, "staticfiles.json": '{"paths": {"a.css": 1}}'}, {"a.css"}),
        ({"a.css": LONG, "staticfiles.json": "[]"}, {"a.css"}),
        ({"a.css": "b" * 255, "b.css": "b" * 256, "c.png": LONG, "d.css.map": LONG}, {"b.css", "d.css.map"}),
    ],
    ids=["hashed alone", "no manifest", "half a manifest", "another manifest", "numbers for names", "a list", "long texts alone"],
)
def test_what_pages_name_is_compressed(static, run, brotli, files, compressed):
    write(static, files)
    run()
    assert names(static) - files.keys() == {name + suffix for name in compressed for suffix in (".gz", ".br")}


@pytest.mark.parametrize("stored", [True, False], ids=["from the store", "made"])
def test_a_compressed_file_is_of_its_original_s_time(static, store, run, brotli, stored):
    """nginx sends that time, and a visitor's browser asks with it."""
    write(static, {"a.css": LONG})
    if stored:
        write(store, {"a.css": LONG, "a.css.gz": "kept", "a.css.br": "kept"})
    for file in (static / "a.css", *store.iterdir()):
        os.utime(file, (1000, 1000))
    run()
    assert {path.name: path.stat().st_mtime for path in static.iterdir()} == dict.fromkeys(("a.css", "a.css.gz", "a.css.br"), 1000)


def test_where_there_is_no_brotli_gzip_is_enough(static, run):
    write(static, {"a.css": LONG})
    run()
    assert names(static) == {"a.css", "a.css.gz"}


def test_brotli_is_started_once(static, run, brotli):
    write(static, {"a.css": LONG, "b.css": LONG})
    run()
    assert brotli() == [f"--keep --force -- {static}/a.css {static}/b.css"]


def test_brotli_is_given_only_so_many_files_at_once(static, run, brotli, script, monkeypatch):
    monkeypatch.setattr(script, "AT_ONCE", 2)
    write(static, {f"{name}.css": LONG for name in "abc"})
    run()
    assert brotli() == [f"--keep --force -- {static}/a.css {static}/b.css", f"--keep --force -- {static}/c.css"]


def test_a_brotli_that_fails_ends_it(static, run, brotli, script):
    script.BROTLI.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    write(static, {"a.css": LONG})
    with pytest.raises(subprocess.CalledProcessError, match="exit status 1"):
        run()


@pytest.mark.parametrize(
    ("stored", "reused"),
    [
        ({"a.css": LONG, "a.css.gz": "kept", "a.css.br": "kept"}, True),
        ({"a.css": f"{LONG}\n", "a.css.gz": "kept", "a.css.br": "kept"}, False),
        ({"a.css": LONG[::-1], "a.css.gz": "kept", "a.css.br": "kept"}, False),
        ({"a.css": LONG, "a.css.gz": "kept"}, False),
        ({}, False),
    ],
    ids=["the same", "another content", "another of the same length", "a variant is missing", "nothing"],
)
def test_what_the_store_has_is_not_compressed_again(static, store, run, brotli, stored, reused):
    write(store, stored)
    write(static, {"a.css": LONG})
    for file in (*store.iterdir(), static / "a.css"):
        os.utime(file, (1000, 1000))  # a time tells nothing of a content
    run()
    assert (brotli() == []) is reused
    assert ((static / "a.css.gz").read_bytes() == b"kept") is reused


def test_the_same_content_is_the_same_when_compressed(static, run, monkeypatch):
    compressed = []
    for time in (1_000_000_000, 1_000_000_060):
        monkeypatch.setattr(gzip, "time", SimpleNamespace(time=lambda time=time: time))
        write(static, {"a.css": LONG})
        run()
        compressed.append((static / "a.css.gz").read_bytes())
    assert compressed[0] == compressed[1]
