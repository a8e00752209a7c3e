#!/usr/bin/env python3
"""Measure Shortstop beside the shell scripts that tutorials teach, each on a fresh test host of its own. It prints figures and judges none.

    tests/bench/run.py [MEASURE…]    all measures, or the named ones (--help lists them)

    first           the first run of site.yml for the bundled site             scripts: setup.sh
    repeat          site.yml again for 1 site, with nothing to do              scripts: setup.sh again
    redeploy        deploy.yml for one site whose source changed               scripts: deploy.sh
    rollback        rollback.yml for one site
    page            requests a second of a page with one database query        scripts: the same
    static          requests a second of a static file                         scripts: the same
    static-br       the same with the Accept-Encoding of browsers              scripts: the same
    repeat-5        site.yml again for 5 sites, with nothing to do
    repeat-20       the same for 20 sites
    redeploy-20     deploy.yml for 20 sites whose sources changed

Seconds are those of the whole command on this machine. A ratio is Shortstop's median divided by the scripts'. Module runs are those on the server, as
callbacks/module_runs.py counts them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/deploy")]

# They are found by the line above.
from figures import Figures, markdown, plain  # noqa: E402
from house import Project, Server, fresh_host  # noqa: E402
from sites import Site  # noqa: E402

RELEASE = "trixie"
NAME = "tatis"  # of the bundled site, and of its Python package
DOMAIN = "tatis.example.com"
STYLESHEET = re.compile(r"/static/games/style\.[0-9a-f]+\.css")
# What nginx allows one address by default would be what is measured.
WITHOUT_LIMITS = {"nginx_requests_per_second": 1_000_000, "nginx_connections_per_address": 10_000}
SECONDS = 5  # of one round of requests
CONNECTIONS = 8
RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


def copy_app(target: Path) -> Path:
    """The bundled site, for the bench to change."""
    shutil.copytree(ROOT / "app", target, ignore=shutil.ignore_patterns("__pycache__", "tests", ".*"))
    return target


def change(source: Path, word: str) -> None:
    """Another module and another asset."""
    for file, text in (("games/wording.py", f"# {word}\n"), ("games/static/games/style.css", f"/* {word} */\n")):
        path = source / file
        path.write_text((ROOT / "app" / file).read_text(encoding="utf-8") + text, encoding="utf-8")


class Hosted:
    """The bundled site on a test host. A measure that needs it served and finds no host makes one."""

    host: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.source = copy_app(directory / NAME)
        self.server: Server | None = None
        self._stack = ExitStack()

    def fresh(self) -> None:
        """Replace the host by one that nothing has touched."""
        self.remove()
        self.server = self._stack.enter_context(fresh_host(self.host, RELEASE))

    def remove(self) -> None:
        self._stack.close()
        self.server = None

    def serve(self) -> None:
        """The first run."""
        raise NotImplementedError

    def served(self) -> None:
        if not self.server:
            self.fresh()
            self.serve()

    def stylesheet(self) -> str:
        """The address of the page's stylesheet."""
        found = STYLESHEET.search(self.server.get(DOMAIN).body)
        assert found, f"{self.host}: the page of {DOMAIN} names no stylesheet"
        return found[0]

    def expect(self, word: str) -> None:
        """What was deployed is what visitors get."""
        assert word in self.server.get(DOMAIN, self.stylesheet()).body, f"{self.host}: {DOMAIN} does not serve the source with {word}"

    def rate(self, path: str, header: str = "") -> float:
        """Requests a second over the host's loopback. Each connection asks again as soon as it is answered."""
        if not self.server.succeeds("command -v wrk"):
            self.server.run("DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends wrk")
        headers = " ".join(f"--header '{line}'" for line in (f"Host: {DOMAIN}", header) if line)
        asked = f"wrk --threads 1 --connections {CONNECTIONS} {headers} http://127.0.0.1{path} --duration"
        self.server.run(f"{asked} 1s")
        output = self.server.run(f"{asked} {SECONDS}s")
        assert "Non-2xx" not in output, f"{self.host}: {path}\n{output}"
        assert "Socket errors" not in output, f"{self.host}: {path}\n{output}"
        return float(RATE.search(output)[1])


class Shortstop(Hosted):
    host = "bench-shortstop"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.runs_file = directory / "module-runs"
        self.project: Project | None = None
        self.tiny: list[Site] = []

    @property
    def module_runs(self) -> int:
        """Of the last playbook."""
        return self.runs_file.stat().st_size

    def fresh(self) -> None:
        super().fresh()
        environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "module_runs",
            "MODULE_RUNS": str(self.runs_file),
        }
        project = self.directory / "project"
        if project.exists():
            shutil.rmtree(project)
        project.mkdir()
        self.project = Project(project, self.server, variables=WITHOUT_LIMITS, environment=environment)
        self.tiny = []
        site = {"domains": [DOMAIN], "source": {"path": str(self.source)}, "health_path": "/healthz", "environment": {"DJANGO_CACHE_URL": "dummycache://"}}
        self.project.sites[NAME] = site

    def play(self, *arguments: str, playbooks: tuple[str, ...] = ()) -> int:
        """Run a playbook, and say how many tasks changed something."""
        self.runs_file.unlink(missing_ok=True)
        return self.project.play(*arguments, playbooks=playbooks).expect_success().changed

    def serve(self) -> None:
        self.play()

    def repeat(self) -> None:
        changed = self.play()
        assert changed == 0, f"{changed} tasks changed something, and nothing was to do"

    def deploy(self) -> None:
        self.play("--extra-vars", f"only={NAME}", playbooks=("deploy.yml",))

    def deploy_all(self) -> None:
        self.play(playbooks=("deploy.yml",))

    def roll_back(self) -> None:
        self.play("--extra-vars", f"only={NAME}", playbooks=("rollback.yml",))

    def serve_sites(self, number: int) -> None:
        """The bundled site and tiny ones beside it."""
        if not self.server:
            self.fresh()
        while len(self.tiny) < number - 1:
            self.tiny.append(Site(f"tiny{len(self.tiny) + 1:02}", self.project))
        if int(self.server.run("ls -d /srv/*/current 2>/dev/null | wc -l")) < number:
            self.serve()


class Scripts(Hosted):
    host = "bench-scripts"

    def _script(self, script: str, *arguments: str) -> None:
        ssh = [
            *("ssh", "-p", str(self.server.port(22)), "-i", str(ROOT / ".cache/test_host_key")),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
        ]
        command = [HERE / "scripts" / script, "root@127.0.0.1", NAME, *arguments, self.source]
        done = subprocess.run(
            command,
            env={**os.environ, "SSH": " ".join(ssh)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script} ended with {done.returncode}:\n{done.stdout[-8000:]}"

    def serve(self) -> None:
        self._script("setup.sh", DOMAIN)

    def deploy(self) -> None:
        self._script("deploy.sh")


class Bench:
    def __init__(self, directory: Path, rounds: int) -> None:
        self.rounds = rounds
        for name in ("shortstop", "scripts"):
            (directory / name).mkdir()
        self.shortstop, self.scripts = Shortstop(directory / "shortstop"), Scripts(directory / "scripts")
        self._words = 0

    def word(self) -> str:
        """Each another."""
        self._words += 1
        return f"word{self._words}"

    def _note(self, figures: Figures, hosted: Hosted, value: float) -> None:
        values = figures.shortstop if hosted is self.shortstop else figures.scripts
        values.append(value)
        print(f"{figures.name}, round {len(values)}: {hosted.host} {value:,.1f} {figures.unit}", flush=True)

    def _time(self, figures: Figures, hosted: Hosted, work: Callable[[], None]) -> None:
        begun = time.monotonic()
        work()
        self._note(figures, hosted, time.monotonic() - begun)
        if isinstance(hosted, Shortstop):
            figures.module_runs.append(hosted.module_runs)

    def _turns(self) -> list[Hosted]:
        """By turns, so that what else this machine does meets both alike."""
        return [hosted for _round in range(self.rounds) for hosted in (self.shortstop, self.scripts)]

    def first(self) -> Figures:
        figures = Figures("first")
        for hosted in self._turns():
            hosted.fresh()
            change(hosted.source, word := self.word())
            self._time(figures, hosted, hosted.serve)
            hosted.expect(word)
        return figures

    def repeat(self) -> Figures:
        figures = Figures("repeat")
        for hosted in self._turns():
            hosted.served()
            self._time(figures, hosted, hosted.repeat if isinstance(hosted, Shortstop) else hosted.serve)
        return figures

    def redeploy(self) -> Figures:
        figures = Figures("redeploy")
        for hosted in self._turns():
            hosted.served()
            change(hosted.source, word := self.word())
            self._time(figures, hosted, hosted.deploy)
            hosted.expect(word)
        return figures

    def rollback(self) -> Figures:
        figures = Figures("rollback")
        shortstop = self.shortstop
        shortstop.served()
        for _round in range(self.rounds):
            before = shortstop.server.live(NAME)
            change(shortstop.source, self.word())
            shortstop.deploy()
            assert shortstop.server.live(NAME) != before, "the deploy before the rollback changed nothing"
            self._time(figures, shortstop, shortstop.roll_back)
            assert shortstop.server.live(NAME) == before, "the rollback did not bring the release before back"
        return figures

    def page(self) -> Figures:
        return self._rates("page", lambda hosted: hosted.rate("/"))

    def static(self) -> Figures:
        return self._rates("static", lambda hosted: hosted.rate(hosted.stylesheet()))

    def static_br(self) -> Figures:
        return self._rates("static-br", lambda hosted: hosted.rate(hosted.stylesheet(), "Accept-Encoding: gzip, deflate, br"))

    def _rates(self, name: str, rate: Callable[[Hosted], float]) -> Figures:
        figures = Figures(name, "1/s")
        for hosted in self._turns():
            hosted.served()
            self._note(figures, hosted, rate(hosted))
        return figures

    def repeat_of(self, number: int) -> Figures:
        figures = Figures(f"repeat-{number}")
        self.shortstop.serve_sites(number)
        for _round in range(self.rounds):
            self._time(figures, self.shortstop, self.shortstop.repeat)
        return figures

    def redeploy_of(self, number: int) -> Figures:
        figures = Figures(f"redeploy-{number}")
        shortstop = self.shortstop
        shortstop.serve_sites(number)
        for _round in range(self.rounds):
            word = self.word()
            change(shortstop.source, word)
            for site in shortstop.tiny:
                site.write(word)
            self._time(figures, shortstop, shortstop.deploy_all)
            shortstop.expect(word)
            for site in shortstop.tiny:
                assert f"content {word}" in shortstop.server.get(site.domain).body, f"{site.domain} does not serve the source with {word}"
        return figures

    def remove(self) -> None:
        self.shortstop.remove()
        self.scripts.remove()


# In this order, since hosts gain sites and lose none.
MEASURES: dict[str, Callable[[Bench], Figures]] = {
    "first": Bench.first,
    "repeat": Bench.repeat,
    "redeploy": Bench.redeploy,
    "rollback": Bench.rollback,
    "page": Bench.page,
    "static": Bench.static,
    "static-br": Bench.static_br,
    "repeat-5": lambda bench: bench.repeat_of(5),
    "repeat-20": lambda bench: bench.repeat_of(20),
    "redeploy-20": lambda bench: bench.redeploy_of(20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"one of {', '.join(MEASURES)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or 5), help="how often each is measured; $ROUNDS, or 5")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write the table, as Markdown")
    options = parser.parse_args()
    if unknown := set(options.measures) - set(MEASURES):
        parser.error(f"unknown measure {', '.join(sorted(unknown))}; known are {', '.join(MEASURES)}")
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    chosen = [measure for name, measure in MEASURES.items() if not options.measures or name in options.measures]
    measured: list[Figures] = []
    # At SIGTERM, Python would end without `finally`, which ends the playbook and prints the table.
    signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="shortstop-bench-") as directory:
        bench = Bench(Path(directory), options.rounds)
        try:
            for measure in chosen:
                measured.append(measure(bench))
            bench.remove()
        finally:
            # Also what was measured before a failure.
            if measured:
                print(f"\n{plain(measured)}", end="", flush=True)
                if options.output:
                    options.output.write_text(markdown(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
