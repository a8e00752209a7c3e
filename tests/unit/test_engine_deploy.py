"""The road of a release: which step follows which, and what a failure leaves."""

from __future__ import annotations

import dataclasses
import json

import deploy
import pytest
import release
import switch
from report import Report, StepFailed

SOURCE = "a" * 64
OLD = "0000000000bb"
STEPS = ["sweep", "prepare", "migrate", "prove", "flip", "abandon", "retire_all_but", "prune"]


class Road:
    """A deploy whose steps only remember that they were taken."""

    def __init__(self, site, path, monkeypatch) -> None:
        self.site, self.path, self.patch = site, path, monkeypatch
        self.taken: list[str] = []
        for step in STEPS:
            self.let(step)

    def let(self, step: str, fail: Exception | None = None, warnings: tuple[str, ...] = ()) -> None:
        """What a step does from now on."""

        def taken(*_arguments: object):
            self.taken.append(step)
            if fail:
                raise fail
            return iter(warnings)

        module = {"migrate": deploy, "prepare": deploy.prepare, "prune": deploy.prepare}.get(step, switch)
        self.patch.setattr(module, step, taken)

    def go(self) -> int:
        with Report(self.path) as report:
            return deploy.deploy(self.site, SOURCE, self.path.with_name("archive"), report)

    def told(self) -> list[tuple[str, str]]:
        return [(line["step"], line["result"]) for line in self.lines()]

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def road(blog, tmp_path, monkeypatch) -> Road:
    switch.point(blog, OLD)
    return Road(blog, tmp_path / "report.jsonl", monkeypatch)


def test_it_works(road):
    assert road.go() == 0
    assert road.taken == ["sweep", "prepare", "migrate", "prove", "flip", "retire_all_but", "prune"]
    assert road.told() == [*((step, "done") for step in ("prepare", "migrate", "prove", "flip", "retire")), ("deploy", "live")]


def test_what_is_live_already_is_left_alone(road):
    switch.point(road.site, release.identify(road.site, SOURCE))
    assert road.go() == 0
    assert road.taken == []
    assert road.told() == [("plan", "unchanged")]


def test_a_warning_is_told_and_stops_nothing(road):
    road.let("prepare", warnings=("HSTS is off",))
    assert road.go() == 0
    assert road.lines()[0]["message"] == "HSTS is off"
    assert road.told()[:2] == [("prepare", "warning"), ("prepare", "done")]


@pytest.mark.parametrize("error", [StepFailed("it broke"), OSError("it broke")], ids=["foreseen", "unforeseen"])
@pytest.mark.parametrize(
    ("broken", "step", "taken"),
    [
        ("sweep", "prepare", []),
        ("prepare", "prepare", ["sweep"]),
        ("migrate", "migrate", ["sweep", "prepare"]),
        ("prove", "prove", ["sweep", "prepare", "migrate"]),
        ("flip", "flip", ["sweep", "prepare", "migrate", "prove"]),
    ],
)
def test_a_failure_abandons_the_new_release(road, error, broken, step, taken):
    road.let(broken, fail=error)
    assert road.go() == 1
    assert road.taken == [*taken, broken, "abandon"]
    assert road.told()[-2:] == [(step, "failed"), ("clean up", "done")]
    assert "it broke" in road.lines()[-2]["message"]
    assert road.site.live == OLD


def test_a_clean_up_that_fails_too_is_told_after_its_cause(road):
    road.let("prove", fail=StepFailed("it is dumb"))
    road.let("abandon", fail=StepFailed("it does not stop"))
    assert road.go() == 1
    assert road.told()[-2:] == [("prove", "failed"), ("clean up", "failed")]


@pytest.mark.parametrize("broken", ["retire_all_but", "prune"])
def test_what_fails_after_the_flip_is_a_warning(road, broken):
    road.let(broken, fail=OSError("it does not stop"))
    assert road.go() == 0
    assert "abandon" not in road.taken
    assert road.told()[-3:] == [("retire", "failed"), ("retire", "warning"), ("deploy", "live")]
    assert "the next deploy tries again" in road.lines()[-2]["message"]


def test_migrating_waits_for_a_lock_no_longer_than_visitors_can(blog, machine, make_release):
    make_release("new")
    deploy.migrate(blog, "new")
    (line,) = machine.started
    assert f"/usr/bin/env PGOPTIONS=-c lock_timeout=5s {blog.release_dir('new')}/venv/bin/python manage.py migrate --no-input" in line
    assert f"--property=EnvironmentFile={blog.release_environment('new')}" in line


def test_only_postgres_knows_a_lock_timeout(blog, machine, make_release):
    make_release("new")
    deploy.migrate(dataclasses.replace(blog, database="sqlite"), "new")
    assert "PGOPTIONS" not in machine.started[0]
