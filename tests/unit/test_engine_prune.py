"""What a server keeps of a site's releases, and what it forgets."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import prune
import pytest
import release
import static_files
import switch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


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
    for since, name in enumerate(("one", "two", "three"), start=1):
        make_release(name, live_since=since, venv=f"venv-{name}", static=(f"{name}.css", "same.css"), previous={"two": "one", "three": "two"}.get(name))
        blog.jobs_dir(name).mkdir()
        static_files.publish(blog, name)
    switch.point(blog, "three")


def test_it_works(rooted, three):
    prune.prune(rooted)
    assert names(rooted.root / "releases") == {"two", "three"}


def test_what_only_pruned_releases_used_goes_with_them(rooted, three):
    prune.prune(rooted)
    assert names(rooted.root / "venvs") == {"venv-two", "venv-three"}
    assert names(rooted.static_dir) == {"two.css", "three.css", "same.css"}
    for of_release in (rooted.service_file, rooted.release_environment, rooted.jobs_dir):
        assert [of_release(name).exists() for name in ("one", "two", "three")] == [False, True, True]


def test_a_shared_virtual_environment_stays_as_long_as_one_uses_it(blog, three, make_release):
    make_release("four", live_since=4, venv="venv-one")
    switch.point(blog, "four")
    prune.prune(blog)
    assert "venv-one" in names(blog.root / "venvs")


def test_what_the_site_has_beside_its_releases_stays(blog, three):
    prune.prune(blog)
    assert blog.template.exists()
    assert blog.environment_file.exists()
    assert (blog.configuration_dir / "site.json").exists()


@pytest.mark.parametrize("finished", [True, False], ids=["never live", "never finished"])
def test_a_release_that_nobody_met_goes_first(blog, three, make_release, finished):
    make_release("other", finished=finished)
    prune.prune(blog)
    assert names(blog.root / "releases") == {"two", "three"}


@pytest.mark.parametrize(("kept", "left"), [(1, {"two", "three"}), (2, {"two", "three"}), (3, {"one", "two", "three"}), (9, {"one", "two", "three"})])
def test_as_many_are_kept_as_were_asked_for_and_at_least_two(blog, three, kept, left):
    prune.prune(dataclasses.replace(blog, releases_kept=kept))
    assert names(blog.root / "releases") == left


def test_a_release_may_have_no_other_before_it(blog, make_release):
    make_release("one", live_since=1)
    switch.point(blog, "one")
    prune.prune(blog)
    assert names(blog.root / "releases") == {"one"}


@pytest.mark.parametrize("mark", [{"live_since": 0.5}, {}], ids=["the clock was put back", "no word of it"])
def test_the_live_release_is_kept_whatever_its_mark_says(rooted, three, mark):
    (rooted.release_dir("three") / release.MARK).write_text(json.dumps(mark), encoding="utf-8")
    prune.prune(rooted)
    assert names(rooted.root / "releases") == {"two", "three"}
    assert (rooted.static_dir / "three.css").is_file()


TIMES = st.lists(st.none() | st.floats(0, 10), min_size=2, max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=TIMES, live=st.integers(0, 5), previous=st.integers(0, 5), kept=st.integers(1, 4))
def test_the_live_release_and_the_one_before_it_are_kept_whatever_the_clock_said(blog, make_release, times, live, previous, kept):
    shutil.rmtree(blog.root / "releases")
    for number, since in enumerate(times):
        make_release(str(number), live_since=since, previous=str(previous % len(times)))
    live = str(live % len(times))
    switch.point(blog, live)
    prune.prune(dataclasses.replace(blog, releases_kept=kept))
    left = names(blog.root / "releases")
    assert {live, str(previous % len(times))} <= left
    assert len(left) == min(len(times), max(2, kept))


def test_the_newest_others_are_kept(blog, three, make_release):
    make_release("zero", live_since=0)
    release.write_mark(blog.release_dir("three"), previous="zero")
    prune.prune(dataclasses.replace(blog, releases_kept=3))
    assert names(blog.root / "releases") == {"zero", "two", "three"}


def test_forgetting_leaves_nothing_of_a_release(blog, three):
    prune.forget(blog, "one")
    prune.forget(blog, "one")
    assert not [path for place in (blog.root / "releases", blog.configuration_dir, blog.template.parent) for path in place.iterdir() if "one" in path.name]
