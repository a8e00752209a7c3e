"""The controls of the dev-sec baselines, each asked of a whole host."""

import importlib

import pytest
from controls import CONTROLS, TITLES, WAIVERS

for _name in ("linux", "ssh", "nginx", "postgres"):
    importlib.import_module(f"controls.{_name}")


def case(name):
    """A control as a test's parameter; what is waived must not pass."""
    refused = WAIVERS["refused"].get(name)
    marks = [pytest.mark.xfail(reason=refused, raises=AssertionError, strict=True)] if refused else []
    return pytest.param(CONTROLS[name], id=name, marks=marks)


@pytest.mark.parametrize("ask", [case(name) for name in TITLES if name in CONTROLS])
def test_control(server, ask):
    ask(server)
