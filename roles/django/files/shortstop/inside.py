"""Python programs inside a release: with its packages and its environment, in the runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import records
from report import StepFailed, tail
from runner import run, working_directory
from site_config import Site

SCRIPTS = Path(__file__).resolve().parent.parent / "inside"
ANSWER = "shortstop answers: "  # begins the line of a script's answer, among whatever else the site prints


def python(site: Site, release: str, *command: str | Path, name: str = "", environment: Path | None = None, variables: tuple[str, ...] = ()) -> str:
    """What the release's Python prints. `environment` is one more file of variables, `variables` are no secrets."""
    prefix = ["/usr/bin/env", *variables] if variables else []
    unit = site.service_file(release).read_text(encoding="utf-8")
    return run(
        site,
        unit,
        [*prefix, site.release_dir(release) / "venv/bin/python", *command],
        cwd=working_directory(unit, release),
        environment=site.release_environment(release),
        properties=(f"EnvironmentFile={environment}",) if environment else (),
        name=name or " ".join(map(str, command)),
    )


def script(
    site: Site,
    release: str,
    file: str,
    *arguments: str | Path,
    name: str,
    shape: dict[str, Callable[[object], bool]],
    environment: Path | None = None,
) -> dict:
    """The answer of one of our scripts that runs as the site, which may say anything: what does not have this shape is refused."""
    said = python(site, release, SCRIPTS / file, *arguments, name=name, environment=environment)
    answers = [line[len(ANSWER) :] for line in said.splitlines() if line.startswith(ANSWER)]
    if not answers:
        raise StepFailed(f"{name} gave no answer; it said:\n{tail(said)}")
    answer = records.parse(answers[-1])
    if not records.fits(answer, shape, whole=True):
        raise StepFailed(f"{name} gave an answer that cannot be believed; find what in the source prints a line that begins with {ANSWER.strip()!r}")
    return answer
