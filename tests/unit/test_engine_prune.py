"""What a server keeps of a site's releases, and what it forgets."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import prune
import pytest
import records
import static_files
import switch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ONE, TWO, THREE, FOUR = (f"{number:012x}" for number in range(1, 5))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def kept(site) -> set[str]:
    """The releases that have a directory and a record; there is to be nothing else."""
    there = names(site.root / "releases")
    releases = {name for name in there if not name.endswith(".json")}
    assert there == releases | {f"{name}.json" for name in releases}
    return releases


@pytest.fixture(params=["directory", "link"])
def rooted(request, blog, tmp_path):
    """The site, its root as it is and reached through a link."""
    if request.param == "directory":
        return blog
    (tmp_path / "link").symlink_to(blog.root)
    return dataclasses.replace(blog, root=tmp_path / "link")


@pytest.fixture
def three(blog, make_release) -> None:
    """Three releases, of which two are kept; the newest is live."""
    for since, name in enumerate((ONE, TWO, THREE), start=1):
        make_release(name, live_since=since, venv=f"venv-{name}", static=(f"{name}.css", "same.css"), previous={TWO: ONE, THREE: TWO}.get(name))
        blog.jobs_dir(name).mkdir()
        static_files.publish(blog, name)
    switch.point(blog, THREE)


def test_it_works(rooted, three):
    prune.prune(rooted)
    assert kept(rooted) == {TWO, THREE}


def test_what_only_pruned_releases_used_goes_with_them(rooted, three):
    prune.prune(rooted)
    assert names(rooted.root / "venvs") == {f"venv-{TWO}", f"venv-{THREE}"}
    assert names(rooted.static_dir) == {f"{TWO}.css", f"{THREE}.css", "same.css"}
    for of_release in (rooted.service_file, rooted.release_environment, rooted.jobs_dir):
        assert [of_release(name).exists() for name in (ONE, TWO, THREE)] == [False, True, True]


def test_a_shared_virtual_environment_stays_as_long_as_one_uses_it(blog, three, make_release):
    make_release(FOUR, live_since=4, venv=f"venv-{ONE}")
    switch.point(blog, FOUR)
    prune.prune(blog)
    assert f"venv-{ONE}" in names(blog.root / "venvs")


def test_what_the_site_has_beside_its_releases_stays(blog, three):
    prune.prune(blog)
    assert blog.template.exists()
    assert blog.environment_file.exists()
    assert (blog.configuration_dir / "site.json").exists()


@pytest.mark.parametrize("finished", [True, False], ids=["never live", "never finished"])
def test_a_release_that_nobody_met_goes_first(blog, three, make_release, finished):
    make_release("other", finished=finished)
    prune.prune(blog)
    assert kept(blog) == {TWO, THREE}


@pytest.mark.parametrize(("asked", "left"), [(1, {TWO, THREE}), (2, {TWO, THREE}), (3, {ONE, TWO, THREE}), (9, {ONE, TWO, THREE})])
def test_as_many_are_kept_as_were_asked_for_and_at_least_two(blog, three, asked, left):
    prune.prune(dataclasses.replace(blog, releases_kept=asked))
    assert kept(blog) == left


def test_a_release_may_have_no_other_before_it(blog, make_release):
    make_release(ONE, live_since=1)
    switch.point(blog, ONE)
    prune.prune(blog)
    assert kept(blog) == {ONE}


@pytest.mark.parametrize("record", ['{"live_since": 0.5}', "{}", '{"live_since": true}'], ids=["the clock was put back", "no word of it", "not to be believed"])
def test_the_live_release_is_kept_whatever_its_record_says(rooted, three, record):
    records.record_file(rooted, THREE).write_text(record, encoding="utf-8")
    prune.prune(rooted)
    assert kept(rooted) == {TWO, THREE}
    assert (rooted.static_dir / f"{THREE}.css").is_file()


TIMES = st.lists(st.none() | st.floats(0, 10), min_size=2, max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=TIMES, live=st.integers(0, 5), previous=st.integers(0, 5), asked=st.integers(1, 4))
def test_the_live_release_and_the_one_before_it_are_kept_whatever_the_clock_said(blog, make_release, times, live, previous, asked):
    shutil.rmtree(blog.root / "releases")
    releases = [f"{number:012x}" for number in range(len(times))]
    live, previous = (releases[number % len(times)] for number in (live, previous))
    for name, since in zip(releases, times, strict=True):
        make_release(name, live_since=since, previous=previous)
    switch.point(blog, live)
    prune.prune(dataclasses.replace(blog, releases_kept=asked))
    left = kept(blog)
    assert {live, previous} <= left
    assert len(left) == min(len(times), max(2, asked))


def test_the_newest_others_are_kept(blog, three, make_release):
    make_release(FOUR, live_since=0)
    records.write(blog, THREE, previous=FOUR)
    prune.prune(dataclasses.replace(blog, releases_kept=3))
    assert kept(blog) == {FOUR, TWO, THREE}


def test_forgetting_leaves_nothing_of_a_release(blog, three):
    records.record_file(blog, ONE).with_suffix(".json.new").touch()
    prune.forget(blog, ONE)
    prune.forget(blog, ONE)
    assert not [path for place in (blog.root / "releases", blog.configuration_dir, blog.template.parent) for path in place.iterdir() if ONE in path.name]


def test_a_release_that_is_forgotten_half_way_counts_as_unfinished(blog, three, monkeypatch):
    def killed(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    (blog.release_dir(ONE) / "source/manage.py").touch()
    blog.jobs_dir(ONE).rmdir()
    monkeypatch.setattr(shutil, "rmtree", lambda directory, **_options: killed() if directory == blog.release_dir(ONE) else None)
    with pytest.raises(KeyboardInterrupt):
        prune.forget(blog, ONE)
    assert (blog.release_dir(ONE) / "source/manage.py").exists()
    assert records.read(blog, ONE) is None


@pytest.mark.parametrize("left", [f"{FOUR}.json", f"{FOUR}.json.new"])
def test_a_record_without_a_directory_is_removed(blog, three, left):
    (blog.root / "releases" / left).write_text("{}", encoding="utf-8")
    prune.prune(blog)
    assert kept(blog) == {TWO, THREE}


def test_a_virtual_environment_that_was_not_finished_is_removed(blog, three):
    (blog.root / "venvs" / f".venv-{THREE}.new").mkdir()
    prune.prune(blog)
    assert names(blog.root / "venvs") == {f"venv-{TWO}", f"venv-{THREE}"}
