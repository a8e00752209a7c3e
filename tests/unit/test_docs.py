"""The argument specs agree with the defaults, and the READMEs with both; what a README shows as an example is a playbook."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
# Ansible resolves all that a spec names, and would fail at a missing reference before the role can say which site has it.
UNSPECIFIED = {"site": {"sites", "site_common", "site_elsewhere"}}
SECTIONS = ["What it changes", "Variables", "Example", "Idempotence and limits"]

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def read(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def spec(role: Path) -> dict:
    return read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]


def readme(role: Path) -> str:
    return (role / "README.md").read_text(encoding="utf-8")


def examples(role: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", readme(role), re.DOTALL | re.MULTILINE)


def options(given: dict) -> list[dict]:
    return [inner for option in given.values() for inner in [option, *options(option.get("options", {}))]]


@each_role
def test_a_spec_names_every_default(role):
    unspecified = UNSPECIFIED.get(role.name, set())
    assert spec(role)["options"].keys() | unspecified == read(role / "defaults" / "main.yml").keys()
    assert not spec(role)["options"].keys() & unspecified


@each_role
def test_a_spec_has_the_values_of_the_defaults(role):
    defaults = {name: value for name, value in read(role / "defaults" / "main.yml").items() if "{{" not in str(value)}
    given = {name: option["default"] for name, option in spec(role)["options"].items() if "default" in option}
    assert given == {name: value for name, value in defaults.items() if name in spec(role)["options"]}


@each_role
def test_a_spec_describes_the_role_and_every_option(role):
    assert all(said.get("description") for said in [spec(role), *options(spec(role)["options"])])
    assert spec(role)["short_description"]


@each_role
def test_a_spec_holds_no_template(role):
    # Ansible would render it at the start of the role.
    assert not re.search(r"\{[{%#]", (role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))


@each_role
def test_a_readme_has_the_one_shape(role):
    title, _, rest = readme(role).partition("\n\n")
    assert title == f"# shortstop.django.{role.name}"
    assert re.match(r"[A-Z][^\n]+[.?]\n\n## ", rest), "one sentence, then the sections"
    assert re.findall(r"^## (.+)$", readme(role), re.MULTILINE) == SECTIONS
    assert "<!-- BEGIN_ANSIBLE_DOCS -->" in readme(role)
    assert ("<!-- BEGIN_SITE_KEYS -->" in readme(role)) == (role.name == "site")
    assert examples(role)


def test_the_tables_are_those_of_the_specs():
    done = subprocess.run([sys.executable, ROOT / "tests" / "docs.py", "--check"], capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@each_role
def test_an_example_shows_the_role_with_variables_that_exist(role):
    known = {name for other in ROLES for name in read(other / "defaults" / "main.yml")}
    plays = [play for text in examples(role) for play in yaml.safe_load(text)]
    assert any(f"shortstop.django.{role.name}" in play["roles"] for play in plays)
    assert {name for play in plays for name in play["vars"]} <= known


def test_ansible_accepts_the_examples(tmp_path):
    for role in ROLES:
        for number, text in enumerate(examples(role)):
            (tmp_path / f"{role.name}-{number}.yml").write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "ansible", "playbook", "--inventory", "web,", "--syntax-check", *sorted(tmp_path.glob("*.yml"))]
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
