"""Projects of other people's habits went live by `domains` and `source` alone. The drills try many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from expect import expect
from tiny import Tiny, tiny_projects

SITES = ("plain", "classes", "fixed_roots")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tiny]:
    return tiny_projects(tmp_path_factory.mktemp("startproject"))


@pytest.mark.parametrize("site", SITES)
def test_it_works_as_visitors_use_it(server, projects, site):
    assert projects[site].keys == {}
    expect(projects[site], f"{site.replace('_', '-')}.example.com", server.check_output)


def test_an_older_release_of_a_project_is_not_told_of_again(play):
    """The list is told with the first release; the next one that changes nothing of it says so in a line."""
    root = Path(__file__).resolve().parents[3]
    # What an earlier run of the scenario wrote stays there.
    with (root / ".cache/projects/plain/note.txt").open("a", encoding="utf-8") as note:
        note.write("more\n")
    run = play("--extra-vars", "only=plain", playbook=root / "playbooks/deploy.yml").expect_success()
    (told,) = [line.strip() for line in run.output.splitlines() if "plain: settings: " in line]
    assert told.endswith("are not the project's own, as before; shortstop settings plain lists them")
