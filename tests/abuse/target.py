"""What is attacked."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass

from house import ROOT, Project, Server

HERE = ROOT / "tests/abuse"
SEEN = "/srv/seen.jsonl"
OUTSIDE = "canary-outside"


@dataclass
class Target:
    """A host that serves the site blog, and its alias www.blog.example.com."""

    server: Server
    project: Project

    def send(self, data: bytes, timeout: float = 5) -> bytes:
        """All that comes back for these bytes, until nginx closes the connection, or says nothing for so many seconds."""
        with socket.create_connection(("127.0.0.1", self.server.port(80)), timeout=timeout) as connection:
            received = b""
            # It may have answered, and closed, before all was sent.
            with contextlib.suppress(OSError):
                connection.sendall(data)
            with contextlib.suppress(OSError):
                while part := connection.recv(65536):
                    received += part
            return received

    def forget(self) -> None:
        self.server.run(f": >{SEEN}")

    @property
    def seen(self) -> list[dict]:
        """The requests that reached the application since it was told to forget."""
        return [json.loads(line) for line in self.server.run(f"cat {SEEN}").splitlines()]

    def start_application(self) -> None:
        self.server.run("systemctl stop application 2>/dev/null", check=False)
        self.server.run(f"mkdir -p /srv/blog/static /srv/blog/media /srv/blog/var; rm -f /srv/blog/live.sock; : >{SEEN}")
        self.server.write("/srv/application.py", (HERE / "application.py").read_text())
        self.server.run(f"systemd-run --quiet --collect --unit application python3 /srv/application.py /srv/blog/live.sock {SEEN}")
        self.server.run("timeout 10 sh -c 'until [ -S /srv/blog/live.sock ]; do sleep 0.1; done'")
        # It stands behind all sites.
        self.server.run("mkdir -p /srv/private /srv/sealed; ln -sf /srv/blog/live.sock /srv/private/; ln -sf /srv/blog/live.sock /srv/sealed/")
