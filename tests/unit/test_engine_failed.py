"""The release that failed last: kept until the next deploy, and a release like any other if it was live before."""

from __future__ import annotations

import failed
import pytest
import records
import switch

NEW, OLD, OTHER = "0000000000aa", "0000000000bb", "0000000000cc"


def test_it_works(blog, make_release):
    make_release(NEW)
    failed.keep(blog, NEW)
    assert failed.release(blog) == NEW
    failed.forget(blog)
    assert failed.release(blog) is None
    assert records.names(blog) == set()
    assert not blog.service_file(NEW).exists()


def test_where_nothing_has_failed_there_is_none(blog):
    assert failed.release(blog) is None
    failed.forget(blog)


def test_the_last_one_to_fail_counts(blog, make_release):
    for name in (OLD, NEW):
        make_release(name)
        failed.keep(blog, name)
    failed.forget(blog)
    assert records.names(blog) == {OLD}


@pytest.mark.parametrize("finished", [True, False])
def test_a_release_that_was_never_live_is_forgotten(blog, make_release, finished):
    make_release(NEW, finished=finished)
    failed.keep(blog, NEW)
    failed.forget(blog)
    assert records.names(blog) == set()


def test_a_release_that_was_live_before_is_kept_as_any_other(blog, make_release):
    make_release(NEW, live_since=1)
    failed.keep(blog, NEW)
    failed.forget(blog)
    assert records.read(blog, NEW)["live_since"] == 1
    assert failed.release(blog) is None


def test_what_is_live_has_not_failed(blog, make_release):
    make_release(NEW)
    failed.keep(blog, NEW)
    switch.point(blog, NEW)
    assert failed.release(blog) is None
    failed.forget(blog)
    assert records.names(blog) == {NEW}


def test_what_went_live_after_all_has_not_failed_any_more(blog, make_release):
    for name in (OLD, NEW):
        make_release(name, live_since=1)
    failed.keep(blog, NEW)
    failed.is_live(blog, OLD)
    assert failed.release(blog) == NEW
    failed.is_live(blog, NEW)
    switch.point(blog, OLD)
    assert failed.release(blog) is None
    failed.is_live(blog, NEW)


def test_what_somebody_removed_has_not_failed(blog, make_release):
    make_release(OTHER)
    failed.keep(blog, NEW)
    assert failed.release(blog) is None
    failed.forget(blog)
    assert records.names(blog) == {OTHER}


@pytest.mark.parametrize("content", ["", '{"rel', "\0" * 20], ids=["empty", "half", "zeros"])
def test_a_note_that_was_cut_off_names_none(blog, make_release, content):
    make_release(NEW)
    failed.keep(blog, NEW)
    (blog.configuration_dir / "failed.json").write_text(content, encoding="utf-8")
    assert failed.release(blog) is None
    failed.forget(blog)
    assert records.names(blog) == {NEW}
    assert not (blog.configuration_dir / "failed.json").exists()


@pytest.mark.parametrize("lacking", [None, "unit", "environment", "python"])
def test_a_command_can_run_where_all_is_there_that_it_needs(blog, make_release, lacking):
    make_release(NEW)
    python = blog.release_dir(NEW) / "venv/bin/python"
    python.parent.mkdir()
    python.touch()
    if lacking:
        {"unit": blog.service_file(NEW), "environment": blog.release_environment(NEW), "python": python}[lacking].unlink()
    assert failed.can_run(blog, NEW) is (lacking is None)


@pytest.mark.parametrize("name", ["", OTHER])
def test_no_command_can_run_in_a_release_that_is_not_there(blog, name):
    assert not failed.can_run(blog, name)
