#!/usr/bin/env python3
"""Break one thing at a time, and see that the scenario concerned turns red.

    tests/mutants/run.py [WORD…]    all mutants, or those whose scenario or sentence has one of the words

Each works on a copy of the checkout, on one fresh host; before them, the scenario passes as it is. docs/mutants.md gets their lines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/mutants.md"
AT_ONCE = 2
INTRODUCTION = """# What the scenarios notice

`make mutants` breaks one thing at a time and plays the scenario concerned on a fresh host. A scenario that stays green has no teeth.
Each change still parses and passes the linters. The last column names the check that turned red first.

| What was broken | Where | Scenario | Noticed by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Mutant:
    """A change of one place in one file."""

    scenario: str
    what: str
    file: str
    old: str
    new: str
    release: str = "trixie"

    def mutated(self, text: str) -> str:
        assert text.count(self.old) == 1, f"{self.what}: {self.file} has {text.count(self.old)} such places, and a mutant needs one"
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    listed = yaml.safe_load(Path(__file__).with_name("mutants.yml").read_text(encoding="utf-8"))
    return [Mutant(scenario, **mutant) for scenario, several in listed.items() for mutant in several]


def copy_checkout(target: Path) -> None:
    """What git would commit now, with what `make setup` made beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in listed.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
    for name in (".venv", ".cache"):
        (target / name).symlink_to(ROOT / name)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    subprocess.run(["make", "--silent", ".ansible/collections/ansible_collections/shortstop/django"], cwd=target, check=True, stdout=subprocess.DEVNULL)


def environment(checkout: Path, release: str = "") -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "ANSIBLE_HOME": str(checkout / ".ansible"),
        "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "PY_COLORS": "0",
        "RELEASES": release,
        "PYTEST_ADDOPTS": "--exitfirst",
    }


def lint(mutant: Mutant, checkout: Path) -> str:
    """What the linters say of the mutated file, "" if nothing."""
    by_suffix = {
        ".py": [["ruff", "check", "--quiet"]],
        ".yml": [["yamllint", "--strict"], ["ansible-lint", "--offline", "--strict", "-q"]],
    }
    commands = [[*command, mutant.file] for command in by_suffix.get(Path(mutant.file).suffix, [])]
    for command in commands:
        done = subprocess.run(command, cwd=checkout, env=environment(checkout), capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stdout + done.stderr
    return ""


def noticed_by(output: str) -> str:
    """The first check that turned red, "" if it was none of the scenario's."""
    output = re.sub(r"\x1b\[[0-9;]*m", "", output)
    if test := re.search(r"^FAILED \S+?::(\w+)", output, re.MULTILINE):
        return f"`{test[1]}`"
    step = re.search(r"\[\S+ > (check|side_effect|converge|idempotence)\] Executed: Failed", output)
    task = re.findall(r"^TASK \[(.*?)\] \*", output, re.MULTILINE)
    names = {"check": "a first check", "side_effect": "a first check changes nothing", "idempotence": "a second run changes nothing"}
    if step and step[1] == "converge":
        return f"the first run, at “{task[-1]}”"
    return names[step[1]] if step else ""


def molecule(scenario: str, release: str, checkout: Path) -> str:
    """Play the scenario; returns what turned red, "" if nothing, and "! …" if that tells nothing of the code."""
    command = ["molecule", "test", "--scenario-name", scenario]
    done = subprocess.run(command, cwd=checkout, env=environment(checkout, release), capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    return (noticed_by(said) or f"! the scenario broke by itself:\n{said[-3000:]}") if done.returncode else ""


def play(mutant: Mutant, checkout: Path) -> str:
    """What noticed the mutant; "! …" if nothing did."""
    file = checkout / mutant.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutant.mutated(text), encoding="utf-8")
    try:
        if said := lint(mutant, checkout):
            return f"! the linters have something to say:\n{said}"
        return molecule(mutant.scenario, mutant.release, checkout) or "! NOTHING noticed it"
    finally:
        file.write_text(text, encoding="utf-8")


def play_all(several: list[Mutant]) -> dict[Mutant, str]:
    """The mutants of one scenario and release, one after another: their host has one name."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        checkout = Path(directory, "shortstop")
        checkout.mkdir()
        copy_checkout(checkout)
        if red := molecule(several[0].scenario, several[0].release, checkout):
            return dict.fromkeys(several, f"! without any mutant the scenario is red, too: {red}")
        for mutant in several:
            begun = time.monotonic()
            found[mutant] = play(mutant, checkout)
            print(f"{mutant.scenario}: {mutant.what}: {found[mutant]} ({time.monotonic() - begun:.0f} s)", flush=True)
    return found


def tell(found: dict[Mutant, str]) -> None:
    """Put these into the table, whose other lines stay as long as their mutants do."""
    known = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else []
    lines = []
    for mutant in mutants():
        begin = f"| {mutant.what} | `{mutant.file}` | `{mutant.scenario}` | "
        if mutant not in found:
            lines += [line for line in known if line.startswith(begin)]
        elif not found[mutant].startswith("!"):
            lines.append(f"{begin}{found[mutant]} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(INTRODUCTION + "\n".join(lines) + "\n", encoding="utf-8")


def main(words: list[str]) -> int:
    chosen = [mutant for mutant in mutants() if not words or any(word in f"{mutant.scenario}: {mutant.what}" for word in words)]
    by_host: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in chosen:
        by_host.setdefault((mutant.scenario, mutant.release), []).append(mutant)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {mutant: said for part in pool.map(play_all, by_host.values()) for mutant, said in part.items()}
    alive = [mutant for mutant in chosen if found[mutant].startswith("!")]
    for mutant in alive:
        print(f"{mutant.scenario}: {mutant.what}: {found[mutant]}")
    print(f"{len(chosen)} mutants, {len(chosen) - len(alive)} noticed")
    tell(found)
    return 1 if alive or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
