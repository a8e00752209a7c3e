"""Every control of the baselines is tested or waived, and no waiver is without a reason."""

from __future__ import annotations

import importlib

from controls import CONTROLS, TITLES, WAIVERS

for _name in ("linux", "ssh", "nginx", "postgres"):
    importlib.import_module(f"controls.{_name}")


def test_every_control_is_tested_or_cannot_be():
    unseen = WAIVERS["unseen"].keys()
    assert not CONTROLS.keys() & unseen
    assert CONTROLS.keys() | unseen == TITLES.keys()


def test_what_is_refused_is_tested_so_that_no_reason_outlives_its_cause():
    assert WAIVERS["refused"].keys() <= CONTROLS.keys()


def test_every_waiver_has_a_reason():
    reasons = WAIVERS["refused"] | WAIVERS["unseen"]
    assert len(reasons) == len(WAIVERS["refused"]) + len(WAIVERS["unseen"])
    assert all(len(reason) > 8 and reason.endswith(".") for reason in reasons.values())
