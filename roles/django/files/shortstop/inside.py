"""Python programs inside a release: with its packages and its environment, in the runner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import records
from report import CommandFailed, StepFailed, tail
from runner import run, working_directory
from site_config import Site

SCRIPTS = Path(__file__).resolve().parent.parent / "inside"
ANSWER = "shortstop answers: "  # begins the line of a script's answer, among whatever else the site prints
HIDES = "shortstop hides: "  # begins a line with the values of the settings that are secrets
MOST_SECRETS = 500  # of one line, and as many again in all
SHORTEST_SECRET, LONGEST_SECRET = 6, 10_000  # characters
# A database's host that drops packets is given up after this, and not after the two minutes that the system waits.
CLIENT = ("PGCONNECT_TIMEOUT=10",)


def python(
    site: Site,
    release: str,
    *command: str | Path,
    name: str = "",
    environment: Path | None = None,
    variables: tuple[str, ...] = (),
    seconds: float | None = None,
) -> str:
    """What the release's Python prints. `environment` is one more file of variables, `variables` are no secrets."""
    words = ["/usr/bin/env", *CLIENT, *variables, site.release_dir(release) / "venv/bin/python", *command]
    unit = site.service_file(release).read_text(encoding="utf-8")
    try:
        said = run(
            site,
            unit,
            words,
            cwd=working_directory(unit, release),
            environment=site.release_environment(release),
            properties=(f"EnvironmentFile={environment}",) if environment else (),
            name=name or " ".join(map(str, command)),
            seconds=seconds,
        )
    except CommandFailed as error:
        raise CommandFailed(_learn(site, str(error)), _learn(site, error.output)) from None
    return _learn(site, said)


def _learn(site: Site, said: str) -> str:
    """Take out the lines that name secrets, which no message shows from now on."""
    kept = []
    for line in said.split("\n"):
        if line.startswith(HIDES):
            values = records.parse(line[len(HIDES) :])
            if isinstance(values, list) and len(site.hidden) < MOST_SECRETS:
                site.hidden.update(value for value in values[:MOST_SECRETS] if _is_secret(value))
        else:
            kept.append(line)
    return "\n".join(kept)


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and SHORTEST_SECRET <= len(value) <= LONGEST_SECRET


def script(
    site: Site,
    release: str,
    file: str,
    *arguments: str | Path,
    name: str,
    shape: dict[str, Callable[[object], bool]],
    environment: Path | None = None,
    seconds: float | None = None,
) -> dict:
    """The answer of one of our scripts that runs as the site, which may say anything: what does not have this shape is refused."""
    return believe(python(site, release, SCRIPTS / file, *arguments, name=name, environment=environment, seconds=seconds), shape, name)


def believe(said: str, shape: dict[str, Callable[[object], bool]], name: str) -> dict:
    """The answer among what a script's run, called `name`, printed."""
    answers = [line[len(ANSWER) :] for line in said.splitlines() if line.startswith(ANSWER)]
    if not answers:
        raise StepFailed(f"{name} gave no answer; it said:\n{tail(said)}")
    answer = records.parse(answers[-1])
    if not records.fits(answer, shape, whole=True):
        raise StepFailed(f"{name} gave an answer that cannot be believed; find what in the source prints a line that begins with {ANSWER.strip()!r}")
    return answer
