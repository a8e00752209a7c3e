"""What the engine knows of a release: written beside its directory, and believed only where it fits."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import records
import switch
from hypothesis import given, settings
from hypothesis import strategies as st

NEW, OLD, BETWEEN = "0000000000aa", "0000000000bb", "0000000000cc"
SOURCE = "a" * 64
WHOLE = {
    "source": SOURCE,
    "revision": "v1",
    "by": "ada@laptop",
    "prepared": 1_767_268_800.5,
    "live_since": 1_767_268_801,
    "previous": OLD,
    "migrations": {"shop.0001_initial": [], "shop.0003_squashed": ["shop.0002_price", "shop.0003_colour"]},
    "leaves": ["shop.0003_squashed"],
    "settings": ["DEBUG: True, here False"],
    "warnings": ["?: (security.W018) DEBUG is on"],
    "late": ["check"],
}


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def old_mark(blog, make_release) -> Path:
    """Where version 0.1.0 put what it knew of a release, which has no record."""
    make_release(NEW, finished=False)
    return blog.release_dir(NEW) / records.OLD_MARK


def test_it_works(blog, make_release):
    make_release(NEW, finished=False)
    records.write(blog, NEW, **WHOLE)
    assert records.read(blog, NEW) == WHOLE


def test_a_record_lies_beside_its_release(blog, make_release):
    make_release(NEW, finished=False)
    before = sorted(blog.release_dir(NEW).rglob("*"))
    records.write(blog, NEW, source=SOURCE)
    assert sorted(path.name for path in (blog.root / "releases").iterdir()) == [NEW, f"{NEW}.json"]
    assert sorted(blog.release_dir(NEW).rglob("*")) == before


def test_nobody_else_reads_a_record(blog, make_release):
    make_release(NEW)
    records.write(blog, NEW, by="ada")
    assert records.record_file(blog, NEW).stat().st_mode & 0o777 == 0o600


def test_a_record_keeps_what_it_says_already(blog, make_release):
    make_release(NEW, source=SOURCE, by="ada")
    records.write(blog, NEW, by="bob", live_since=1)
    assert records.read(blog, NEW) == {"source": SOURCE, "by": "bob", "live_since": 1}


def test_a_record_is_replaced_at_once(blog, make_release):
    make_release(NEW, by="ada")
    with records.record_file(blog, NEW).open(encoding="utf-8") as reader:
        records.write(blog, NEW, by="bob")
        assert json.load(reader)["by"] == "ada"


def test_a_record_half_written_by_a_killed_run_is_no_obstacle(blog, make_release):
    make_release(NEW)
    records.record_file(blog, NEW).with_suffix(".json.new").write_text("{", encoding="utf-8")
    records.write(blog, NEW, by="ada")
    assert records.read(blog, NEW)["by"] == "ada"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("v1\nv2", "v1?v2"), ("v\x1b[2J\u202e", "v?[2J?"), ("\udcff", "?"), ("v" * 501, "v" * 500)],
    ids=["lines", "terminal", "surrogate", "long"],
)
def test_what_anybody_called_a_revision_fits(blog, make_release, given, kept):
    make_release(NEW)
    records.write(blog, NEW, revision=given)
    assert records.read(blog, NEW)["revision"] == kept


@pytest.mark.parametrize("content", [None, "", '{"source"', "\0", '{"source": "a"} x'], ids=["missing", "empty", "half", "zeros", "more"])
def test_a_record_that_was_not_written_whole_is_none(blog, make_release, content):
    make_release(NEW, finished=False)
    if content is not None:
        records.record_file(blog, NEW).write_text(content, encoding="utf-8")
    assert records.read(blog, NEW) is None


def test_a_record_without_a_directory_counts_for_nothing(blog):
    records.record_file(blog, NEW).write_text("{}", encoding="utf-8")
    assert records.read(blog, NEW) is None
    assert records.finished(blog) == {}


def test_the_record_of_a_release_that_is_gone_tells_nothing_of_the_next(blog, make_release):
    records.record_file(blog, NEW).write_text('{"by": "ada"}', encoding="utf-8")
    records.write(blog, NEW, source=SOURCE)
    make_release(NEW, finished=False)
    assert records.read(blog, NEW) == {"source": SOURCE}


def test_a_release_of_version_0_1_0_is_read_from_its_directory(blog, old_mark):
    old_mark.write_text(json.dumps(WHOLE), encoding="utf-8")
    assert records.read(blog, NEW) == WHOLE


def test_a_record_counts_for_more_than_an_old_mark(blog, old_mark):
    old_mark.write_text('{"by": "ada", "live_since": 1}', encoding="utf-8")
    records.write(blog, NEW, by="bob")
    old_mark.write_text('{"by": "eve"}', encoding="utf-8")
    assert records.read(blog, NEW) == {"by": "bob", "live_since": 1}


@pytest.mark.parametrize(
    "make",
    [Path.touch, lambda path: path.write_text('{"by": 1}', encoding="utf-8"), lambda path: path.symlink_to("nowhere")],
    ids=["half", "not to be believed", "a link"],
)
def test_an_old_mark_takes_no_unreadable_record_s_place(blog, old_mark, make):
    old_mark.write_text('{"by": "eve"}', encoding="utf-8")
    make(records.record_file(blog, NEW))
    assert records.read(blog, NEW) is None


def test_an_old_mark_is_read_through_no_link(blog, old_mark, tmp_path):
    (tmp_path / "foreign.json").write_text('{"by": "eve"}', encoding="utf-8")
    old_mark.symlink_to(tmp_path / "foreign.json")
    assert records.read(blog, NEW) is None


def test_a_fifo_for_an_old_mark_holds_nobody_up(blog, old_mark):
    os.mkfifo(old_mark)
    assert records.read(blog, NEW) is None


@pytest.fixture
def writer(old_mark) -> Iterator[None]:
    """A process that has a fifo in the place of an old mark open, and writes nothing."""
    os.mkfifo(old_mark)
    descriptor = os.open(old_mark, os.O_RDWR)
    yield
    os.close(descriptor)


def test_a_fifo_that_somebody_holds_open_is_no_record(blog, writer):
    assert records.read(blog, NEW) is None


def test_a_directory_for_an_old_mark_is_no_record(blog, old_mark):
    old_mark.mkdir()
    with no_descriptor_left():
        assert records.read(blog, NEW) is None


@pytest.mark.parametrize("content", [json.dumps(WHOLE), "{"], ids=["read", "refused"])
def test_no_descriptor_stays_open(blog, old_mark, content):
    old_mark.write_text(content, encoding="utf-8")
    with no_descriptor_left():
        records.read(blog, NEW)


def test_no_more_of_an_old_mark_is_read_than_a_record_holds(blog, old_mark, monkeypatch):
    content = json.dumps(WHOLE)
    old_mark.write_text(content, encoding="utf-8")
    monkeypatch.setattr(records, "LARGEST", len(content))
    assert records.read(blog, NEW) == WHOLE
    monkeypatch.setattr(records, "LARGEST", len(content) - 1)
    assert records.read(blog, NEW) is None


def test_nothing_is_left_of_a_record_that_is_removed(blog, make_release):
    make_release(NEW)
    records.record_file(blog, NEW).with_suffix(".json.new").touch()
    records.remove(blog, NEW)
    records.remove(blog, NEW)
    assert [path.name for path in (blog.root / "releases").iterdir()] == [NEW]


def test_a_release_has_a_name_by_its_directory_or_by_its_record(blog, make_release):
    make_release(NEW)
    make_release(OLD, finished=False)
    for left in (f"{BETWEEN}.json", "0000000000dd.json.new"):
        (blog.root / "releases" / left).touch()
    assert records.names(blog) == {NEW, OLD, BETWEEN, "0000000000dd"}


def test_what_is_finished_is_told_the_one_that_was_live_last_first(blog, make_release):
    for name, since in {"old": 1, "never": None, "new": 2}.items():
        make_release(name, live_since=since)
    make_release("unfinished", finished=False)
    assert list(records.finished(blog)) == ["new", "old", "never"]


def test_a_server_without_releases_has_none(blog):
    (blog.root / "releases").rmdir()
    assert records.names(blog) == set()
    assert records.finished(blog) == {}
    assert records.previous(blog) is None


@pytest.mark.parametrize(
    ("live", "record", "previous"),
    [(NEW, {"previous": OLD}, OLD), (NEW, {"previous": "0000000000dd"}, None), (NEW, {"previous": None}, None), (NEW, {}, None), (None, {}, None)],
    ids=["still there", "gone", "the first", "no word of it", "nothing is live"],
)
def test_the_previous_release_is_the_one_that_the_live_one_took_the_place_of(blog, make_release, live, record, previous):
    make_release(OLD, live_since=1)
    make_release(BETWEEN, live_since=2)
    make_release(NEW, live_since=3, **record)
    if live:
        switch.point(blog, live)
    assert records.previous(blog) == previous


NO_RECORD = {
    "a list": "[]",
    "a text": '"source"',
    "a number": "1",
    "null": "null",
    "NaN": "NaN",
    "100,000 open lists": "[" * 100_000,
    "100,000 lists": f"{'[' * 100_000}{']' * 100_000}",
    "100,000 dicts": '{"migrations":' * 100_000,
    "another key": '{"pid": 1}',
    "one key more": json.dumps({**WHOLE, "pid": 1}),
    "an empty key": '{"": 1}',
    "an open text": '"v1',
}
TIMES = {
    "infinite": "1e999",
    "Infinity": "Infinity",
    "minus infinite": "-1e999",
    "not a number": "NaN",
    "a text": '"1767268800"',
    "null": "null",
    "a bool": "true",
    "a list": "[1]",
    "before 1970": "-1",
    "little before 1970": "-0.5",
    "after the fifth millennium": "1e11",
    "100,000 digits": "9" * 100_000,
    "minus 100,000 digits": f"-{'9' * 100_000}",
    "20 digits": "9" * 20,
}
TEXTS = {
    "a number": "1",
    "a bool": "false",
    "null": "null",
    "a list": '["v1"]',
    "a dict": '{"v1": []}',
    "a line break": '"v1\\nv2"',
    "a null character": '"v1\\u0000"',
    "an escape sequence": '"\\u001b[2J"',
    "bidi": '"v1\\u202e"',
    "a lone surrogate": '"\\ud800"',
    "too long": f'"{"v" * 501}"',
}
IDS = {
    "empty": '""',
    "a way up": '"../../../etc"',
    "too short": '"0000000000a"',
    "too long": '"0000000000aaa"',
    "capitals": '"0000000000AA"',
    "other digits": '"\uff10000000000aa"',
    "a line break after it": f'"{NEW}\\n"',
    "a number": "100000000000",
    "a bool": "true",
    "a list": f'["{NEW}"]',
}
MIGRATIONS = {
    **{name: text for name, text in TEXTS.items() if name not in ("a list", "a dict")},
    "empty": '""',
    "no app": '".0001_initial"',
    "no name": '"shop."',
    "an option": '"--fake.0001"',
    "a path": '"shop.0001/../../x"',
    "a way up": '"../x.0001"',
    "a space": '"shop x.0001"',
}


def cases() -> Iterator[tuple[str, str]]:
    yield from NO_RECORD.items()
    for key in ("prepared", "live_since"):
        yield from ((f"{key}: {name}", f'{{"{key}": {value}}}') for name, value in TIMES.items())
    for key in ("source", "revision", "by"):
        yield from ((f"{key}: {name}", f'{{"{key}": {value}}}') for name, value in TEXTS.items())
    yield from ((f"previous: {name}", f'{{"previous": {value}}}') for name, value in IDS.items())
    for name, value in MIGRATIONS.items():
        yield f"leaves: {name}", f'{{"leaves": ["shop.0001", {value}]}}'
        yield f"replaced: {name}", f'{{"migrations": {{"shop.0001": [{value}]}}}}'
        if value.startswith('"'):
            yield f"migrations: {name}", f'{{"migrations": {{{value}: []}}}}'
    for name, value in {"a text": '"shop.0001"', "null": "null", "a number": "0", "a dict": '{"shop.0001": []}', "nested": '[["shop.0001"]]'}.items():
        yield f"leaves: {name} for a list", f'{{"leaves": {value}}}'
        yield f"replaced: {name} for a list", f'{{"migrations": {{"shop.0001": {value}}}}}'
    for key in ("settings", "warnings", "late"):
        yield from ((f"{key}: {name}", f'{{"{key}": [{value}]}}') for name, value in TEXTS.items())
    for name, value in {"a list": '["shop.0001"]', "a text": '"shop.0001"', "null": "null", "a bool": "false"}.items():
        yield f"migrations: {name} for a dict", f'{{"migrations": {value}}}'


FORGED = dict(cases())


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_record_is_not_believed(blog, old_mark, forged):
    old_mark.write_text(forged, encoding="utf-8")
    assert records.read(blog, NEW) is None


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "{", b"\xff\xfe\x00", b"\xc3", "nul", "'a'"])
def test_what_python_cannot_read_as_json_is_none(text):
    assert records.parse(text) is None


@pytest.mark.parametrize(("text", "value"), [("9" * 19, int("9" * 19)), ("9" * 20, math.inf), ("9" * 1_000_000, math.inf), (f"-{'9' * 19}", math.inf)])
def test_a_number_of_many_digits_is_not_computed(text, value):
    assert records.parse(text) == value


@pytest.mark.parametrize("longest", [records.LONGEST, records.MOST], ids=["of a name", "of a list"])
def test_what_is_long_fits_as_far_as_it_may(longest):
    texts, lists = {"by": lambda length: "v" * length}, {"leaves": lambda length: ["a.b"] * length}
    for key, value in (texts if longest == records.LONGEST else lists).items():
        assert records.fits({key: value(longest)}, records.SHAPE)
        assert not records.fits({key: value(longest + 1)}, records.SHAPE)


def test_a_record_names_only_so_many_migrations():
    known = {f"shop.{number}": [] for number in range(records.MOST)}
    assert records.fits({"migrations": known}, records.SHAPE)
    assert not records.fits({"migrations": {**known, "shop.last": []}}, records.SHAPE)


@pytest.mark.parametrize("migration", ["shop.0001_initial", "shöp.0001_größe", "shop.0001.and.more", "shop.0001 with spaces", "a.b"])
def test_whatever_django_takes_for_a_migration_s_name_is_one(migration):
    assert records.is_migration(migration)


@pytest.mark.parametrize(("key", "given"), [("prepared", 0), ("live_since", 0.0), ("prepared", 9.9e10), ("previous", None), ("by", ""), ("leaves", [])])
def test_what_is_empty_or_little_fits(key, given):
    assert records.fits({key: given}, records.SHAPE)


@pytest.mark.parametrize("key", WHOLE)
def test_a_record_may_lack_any_key(key):
    assert records.fits({name: value for name, value in WHOLE.items() if name != key}, records.SHAPE)


@pytest.mark.parametrize("key", WHOLE)
def test_what_is_to_be_whole_lacks_no_key(key):
    assert records.fits(WHOLE, records.SHAPE, whole=True)
    assert not records.fits({name: value for name, value in WHOLE.items() if name != key}, records.SHAPE, whole=True)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(records.SHAPE)), inner),
)


@settings(max_examples=50)
@given(ANY)
def test_whatever_a_record_says_is_either_believed_or_not(value):
    assert records.fits(value, records.SHAPE) in (True, False)


@given(st.text() | st.binary())
def test_whatever_stands_in_a_record_is_read_or_none(text):
    records.parse(text)
