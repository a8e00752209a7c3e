"""Serves a day over HTTP, on this machine alone: `GET /api/v1/…` as the league would, `PUT /moment/NAME` to go on to a moment."""

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from league.day import MOMENTS, Day


class League(ThreadingHTTPServer):
    """A league at a moment; with `every`, it goes on to the next one by itself, and begins again after the last.

    The first pitch is five minutes after the server's start. port 0 takes a free one. asked is what it was asked for.
    """

    daemon_threads = True

    def __init__(self, port: int = 0, moment: str = "off", every: timedelta | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.moment, self.every, self.asked = moment, every, []
        self.begun = datetime.now(UTC)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def day(self) -> Day:
        now = datetime.now(UTC)
        names = list(MOMENTS)
        passed = (now - self.begun) // self.every if self.every else 0
        name = names[(names.index(self.moment) + passed) % len(names)]
        return Day(MOMENTS[name], now, self.begun + timedelta(minutes=5))


class Handler(BaseHTTPRequestHandler):
    server: League

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(self.path)
        try:
            found = self.server.day().answer(parts.path, dict(parse_qsl(parts.query)))
        except (KeyError, ValueError):
            found = None
        self.reply(200, found) if found else self.reply(404, {"messageNumber": 10, "message": "Object not found"})

    def do_PUT(self) -> None:
        _empty, kind, name = self.path.split("/", 2)
        if kind != "moment" or name not in MOMENTS:
            self.reply(404, {"message": f"the moments are {', '.join(MOMENTS)}"})
            return
        self.server.moment, self.server.begun = name, datetime.now(UTC)
        self.reply(200, {"moment": name})

    def reply(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: a request a minute is no news."""
