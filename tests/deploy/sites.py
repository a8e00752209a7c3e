"""The sites that the drills deploy, as their users change them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from house import ROOT, Project, Run, Server
from load import Load

SOURCE = ROOT / "tests/deploy/site"


@dataclass
class Site:
    """A site of a project, with a copy of the source of its own."""

    name: str
    project: Project

    def __post_init__(self) -> None:
        shutil.copytree(SOURCE, self.source, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "app/requirements.txt", self.source)
        self.settings.update(domains=[self.domain], source={"path": str(self.source)}, health_path="/healthz")

    @property
    def domain(self) -> str:
        return f"{self.name}.example.com"

    @property
    def source(self) -> Path:
        return self.project.directory / self.name

    @property
    def server(self) -> Server:
        return self.project.server

    @property
    def settings(self) -> dict:
        """What the inventory says of it; a change counts from the next run on."""
        return self.project.sites.setdefault(self.name, {})

    @property
    def live(self) -> str:
        """The id of the live release."""
        return self.server.live(self.name)

    @property
    def flipped_at(self) -> float:
        """When visitors were last sent elsewhere, by the wall clock."""
        return float(self.server.run(f"stat --format %.6Y /srv/{self.name}/live.sock"))

    @property
    def record(self) -> list[dict]:
        """What the host noted of each deploy and rollback."""
        return [json.loads(line) for line in self.server.run(f"cat /srv/{self.name}/deploys.jsonl").splitlines()]

    def write(self, word: str) -> None:
        """Make other content of the source: a module and an asset."""
        (self.source / "content.py").write_text(f'WORD = "{word}"\n')
        (self.source / "project/static/page.css").write_text(f"/* content {word} */\nbody {{ color: black; }}\n")

    def colour(self, colour: str) -> None:
        """Make other configuration."""
        self.settings["environment"] = {**self.settings.get("environment", {}), "COLOUR": colour}

    def deploy(self, *arguments: str) -> Run:
        """The daily run: what is new in the source."""
        return self.project.play("--extra-vars", f"only={self.name}", *arguments, playbooks=("deploy.yml",))

    def configure(self, *arguments: str) -> Run:
        """The same after a change of configuration."""
        return self.project.play("--extra-vars", f"only={self.name}", *arguments, playbooks=("web.yml", "deploy.yml"))

    def rollback(self, *arguments: str) -> Run:
        return self.project.play("--extra-vars", f"only={self.name}", *arguments, playbooks=("rollback.yml",))

    def rotate(self, *arguments: str) -> Run:
        """New secrets, of which `-e what=…` says which."""
        return self.project.play("--extra-vars", f"only={self.name}", *arguments, playbooks=("rotate.yml",))

    def lines(self, file: str) -> list[dict]:
        """What the site's commands left in a file of its state."""
        return [json.loads(line) for line in self.server.run(f"cat /srv/{self.name}/var/{file}").splitlines()]

    def load(self, server: Server | None = None, **options: object) -> Load:
        """Visitors, who may meet the live release; what else they may meet is the drill's to add."""
        server = server or self.server
        return Load(server, self.domain, releases={server.live(self.name)}, **options)
