"""Controls of the dev-sec baselines, asked in our own words: each is a function of a server that asserts, under the control's id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml
from testinfra.host import Host

Control = Callable[[Host], None]
HERE = Path(__file__).parents[1]

#: What is asked, by id. A module of this package fills it.
CONTROLS: dict[str, Control] = {}
#: All ids, with the baselines' own titles.
TITLES: dict[str, str] = yaml.safe_load((HERE / "titles.yml").read_text(encoding="utf-8"))
#: What is waived, by id: `refused` has a test that must fail, `unseen` has none, since no test host could show it.
WAIVERS: dict[str, dict[str, str]] = yaml.safe_load((HERE / "waivers.yml").read_text(encoding="utf-8"))


def control(name: str) -> Callable[[Control], Control]:
    """Put a function under a control's id."""

    def put(function: Control) -> Control:
        assert name not in CONTROLS, f"{name} is asked twice"
        CONTROLS[name] = function
        return function

    return put


def settings(text: str) -> dict[str, str]:
    """Lines such as `Name value` or `name = value` as a dictionary with names in lower case; the last of a name counts."""
    found = {}
    for line in text.splitlines():
        name, _separator, value = line.strip().replace("=", " ", 1).partition(" ")
        if name and not name.startswith(("#", ";")):
            found[name.lower()] = value.strip()
    return found
