"""The list of mutants fits the code that it breaks."""

from __future__ import annotations

import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests/mutants"))

from run import Mutant, mutants, noticed_by


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: f"{mutant.scenario}: {mutant.what}")
def test_a_mutant_changes_one_place(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    assert mutant.mutated(text) != text
    assert (ROOT / "molecule" / mutant.scenario).is_dir()


def test_each_role_has_mutants() -> None:
    assert {path.name for path in (ROOT / "roles").iterdir()} <= {mutant.scenario for mutant in mutants()}


@pytest.mark.parametrize(
    ("output", "check"),
    [
        ("FAILED tests/test_base.py::test_a_door[trixie] - assert\nERROR [base > verify] Executed: Failed", "`test_a_door`"),
        ("TASK [base : Close] *****\nERROR [base > converge] Executed: Failed", "the first run, at “base : Close”"),
        ("ERROR [base > idempotence] Executed: Failed", "a second run changes nothing"),
        ("ERROR [base > create] Executed: Failed", ""),
    ],
)
def test_what_noticed_it_is_read_from_the_scenario_s_words(output: str, check: str) -> None:
    assert noticed_by(output) == check


def test_the_table_names_each_mutant_with_what_noticed_it() -> None:
    lines = (ROOT / "docs/mutants.md").read_text(encoding="utf-8").splitlines()
    begins = [f"| {mutant.what} | `{mutant.file}` | `{mutant.scenario}` | " for mutant in mutants()]
    assert [line[: len(begin)] for line, begin in zip(lines[-len(begins) :], begins, strict=True)] == begins
