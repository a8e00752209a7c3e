"""Python programs inside a release: with its packages and its environment, in the runner."""

from __future__ import annotations

import json
from pathlib import Path

from report import StepFailed
from runner import run
from site_config import Site

SCRIPTS = Path(__file__).resolve().parent.parent / "inside"
ANSWER = "shortstop answers: "  # begins the line of a script's answer, among whatever else the site prints


def python(site: Site, release: str, *command: str | Path, name: str = "", environment: Path | None = None, variables: tuple[str, ...] = ()) -> str:
    """What the release's Python prints. `environment` is one more file of variables, `variables` are no secrets."""
    directory = site.release_dir(release)
    prefix = ["/usr/bin/env", *variables] if variables else []
    return run(
        site,
        site.service_file(release).read_text(encoding="utf-8"),
        [*prefix, directory / "venv/bin/python", *command],
        cwd=directory,
        environment=site.release_environment(release),
        properties=(f"EnvironmentFile={environment}",) if environment else (),
        name=name or " ".join(map(str, command)),
    )


def script(site: Site, release: str, file: str, *arguments: str | Path, name: str, environment: Path | None = None) -> dict:
    """The answer of one of our scripts that runs as the site."""
    said = python(site, release, SCRIPTS / file, *arguments, name=name, environment=environment)
    answers = [line[len(ANSWER) :] for line in said.splitlines() if line.startswith(ANSWER)]
    if not answers:
        raise StepFailed(f"{name} gave no answer; it said:\n{said.strip()}")
    return json.loads(answers[-1])
