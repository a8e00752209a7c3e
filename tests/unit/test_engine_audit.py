"""The record: who did what to a site, and how it ended."""

from __future__ import annotations

import json
import re
from pathlib import Path

import audit
import pytest
import switch


def noted(blog) -> list[dict]:
    return [json.loads(line) for line in blog.audit_file.read_text(encoding="utf-8").splitlines()]


def test_it_works(blog, clock):
    switch.point(blog, "0000000000bb")
    audit.begin(blog, "deploy", "ada@laptop", "0000000000aa", "v1")
    clock.sleep(4.26)
    audit.end(blog, "live")
    (line,) = noted(blog)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", line.pop("at"))
    begun = {"action": "deploy", "who": "ada", "from": "laptop", "revision": "v1", "release": "0000000000aa"}
    assert line == {**begun, "result": "live", "live": "0000000000bb", "seconds": 4.3}


@pytest.mark.parametrize(
    ("by", "who", "where"), [("ada@laptop", "ada", "laptop"), ("ada", "ada", "this server"), ("ada@", "ada", "this server"), ("a@b@c", "a", "b@c")]
)
def test_who_did_it_and_from_where(blog, by, who, where):
    audit.begin(blog, "rollback", by, "", "")
    audit.end(blog, "failed")
    assert [(line["who"], line["from"]) for line in noted(blog)] == [(who, where)]


def test_each_run_is_a_line(blog):
    for result in ("live", "failed"):
        audit.begin(blog, "deploy", "ada@laptop", "", "")
        audit.end(blog, result)
    assert [line["result"] for line in noted(blog)] == ["live", "failed"]


@pytest.mark.parametrize(("message", "kept"), [("", {}), ("prove: it is dumb", {"message": "prove: it is dumb"})])
def test_a_failure_has_its_message(blog, message, kept):
    audit.begin(blog, "deploy", "ada@laptop", "", "")
    audit.end(blog, "failed", message)
    (line,) = noted(blog)
    assert {key: value for key, value in line.items() if key == "message"} == kept


def test_the_last_failure_is_the_newest_line_with_a_message(blog):
    assert audit.last_failure(blog) is None
    for release, message in {"0000000000aa": "", "0000000000bb": "one", "0000000000cc": "two", "0000000000dd": ""}.items():
        audit.begin(blog, "deploy", "ada@laptop", release, "")
        audit.end(blog, "failed" if message else "live", message)
    last = audit.last_failure(blog)
    assert (last["release"], last["message"]) == ("0000000000cc", "two")


def test_lines_of_an_older_shortstop_tell_of_no_failure(blog):
    blog.audit_file.write_text('{"action": "deploy", "result": "failed"}\n', encoding="utf-8")
    assert audit.last_failure(blog) is None


def test_nobody_else_reads_the_record(blog):
    audit.begin(blog, "deploy", "ada@laptop", "", "")
    audit.end(blog, "live")
    assert blog.audit_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", [None, '{"at": '], ids=["nothing", "half a line"])
def test_what_never_began_does_not_end(blog, left):
    if left:
        (blog.configuration_dir / "under_way.json").write_text(left, encoding="utf-8")
    audit.end(blog, "live")
    assert not blog.audit_file.exists()
    assert not (blog.configuration_dir / "under_way.json").exists()


def test_a_full_disk_undoes_no_deploy(blog, monkeypatch):
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError("no space left on device")

    audit.begin(blog, "deploy", "ada@laptop", "", "")
    monkeypatch.setattr(Path, "touch", full)
    audit.end(blog, "live")
    assert not (blog.configuration_dir / "under_way.json").exists()
