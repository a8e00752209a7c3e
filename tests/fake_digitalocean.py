#!/usr/bin/env python3
"""A stand-in for DigitalOcean's API that remembers what it is told, for tests and by hand.

    python tests/fake_digitalocean.py --port 8701 --token secret --state /tmp/account.json

Without --token, the environment's DO_API_TOKEN is the token. Droplets become active after some looks, not after a time. A program
given with --on-create is run for each new droplet, with its JSON on stdin, and may answer {"public_v4": "…"} on stdout.

Besides /v2 there are, without a token:

    GET    /_fake/requests    what was asked, in order: method, path, body without secrets, status; DELETE forgets it
    GET    /_fake/state       what is in the account
    POST   /_fake/trouble     a Trouble, such as {"status": 500, "times": 2}, or a setting, such as {"looks_until_active": null}; DELETE ends it
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from fake_account import Account
from fake_droplets import Refusal

# Method, path, what the account does, status, and the key of what it answers; a list is given in pages.
ROUTES = [
    (method, re.compile(path), name, status, key)
    for method, path, name, status, key in (
        ("GET", r"/v2/droplets", "list_droplets", 200, "droplets"),
        ("POST", r"/v2/droplets", "create_droplet", 202, "droplet"),
        ("GET", r"/v2/droplets/(\d+)", "get_droplet", 200, "droplet"),
        ("DELETE", r"/v2/droplets/(\d+)", "destroy_droplet", 204, ""),
        ("GET", r"/v2/droplets/(\d+)/actions", "list_actions", 200, "actions"),
        ("POST", r"/v2/droplets/(\d+)/actions", "act", 201, "action"),
        ("GET", r"/v2/actions/(\d+)", "get_action", 200, "action"),
        ("POST", r"/v2/tags", "create_tag", 201, "tag"),
        ("POST", r"/v2/tags/([^/]+)/resources", "tag_resources", 204, ""),
        ("GET", r"/v2/account/keys", "list_keys", 200, "ssh_keys"),
        ("POST", r"/v2/account/keys", "create_key", 201, "ssh_key"),
        ("DELETE", r"/v2/account/keys/(\d+)", "delete_key", 204, ""),
        ("GET", r"/v2/domains", "list_domains", 200, "domains"),
        ("POST", r"/v2/domains", "create_domain", 201, "domain"),
        ("GET", r"/v2/domains/([^/]+)", "get_domain", 200, "domain"),
        ("DELETE", r"/v2/domains/([^/]+)", "delete_domain", 204, ""),
        ("GET", r"/v2/domains/([^/]+)/records", "list_records", 200, "domain_records"),
        ("POST", r"/v2/domains/([^/]+)/records", "create_record", 201, "domain_record"),
        ("PUT", r"/v2/domains/([^/]+)/records/(\d+)", "update_record", 200, "domain_record"),
        ("DELETE", r"/v2/domains/([^/]+)/records/(\d+)", "delete_record", 204, ""),
        ("GET", r"/v2/firewalls", "list_firewalls", 200, "firewalls"),
        ("POST", r"/v2/firewalls", "create_firewall", 202, "firewall"),
        ("GET", r"/v2/firewalls/([^/]+)", "get_firewall", 200, "firewall"),
        ("PUT", r"/v2/firewalls/([^/]+)", "update_firewall", 200, "firewall"),
        ("DELETE", r"/v2/firewalls/([^/]+)", "delete_firewall", 204, ""),
        ("GET", r"/v2/reserved_ips", "list_reserved_ips", 200, "reserved_ips"),
        ("POST", r"/v2/reserved_ips", "create_reserved_ip", 202, "reserved_ip"),
        ("GET", r"/v2/reserved_ips/([^/]+)", "get_reserved_ip", 200, "reserved_ip"),
        ("DELETE", r"/v2/reserved_ips/([^/]+)", "release_reserved_ip", 204, ""),
        ("POST", r"/v2/reserved_ips/([^/]+)/actions", "act_on_reserved_ip", 201, "action"),
    )
]
IDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict", 422: "unprocessable_entity", 429: "too_many_requests"}
PER_PAGE, MOST_PER_PAGE = 20, 200
HIDDEN = "…"


@dataclass
class Trouble:
    """What goes wrong with the next `times` requests that match. With a status or a text, nothing is carried out."""

    method: str = ""
    path: str = ""  # a regular expression that is looked for
    body: str = ""  # another one
    times: int = 1
    status: int = 0
    message: str = "trouble"
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""  # instead of JSON
    delay: float = 0  # seconds before the answer, when all is done
    reset: str = ""  # the connection: "before" it is carried out, or "after"

    def takes(self, method: str, path: str, body: str) -> bool:
        if self.times < 1 or self.method not in ("", method) or not re.search(self.path, path) or not re.search(self.body, body):
            return False
        self.times -= 1
        return True


class FakeDigitalOcean:
    """Serves an account on a port of this machine, as a context manager in a thread of its own."""

    def __init__(self, token: str, port: int = 0, state_file: Path | None = None) -> None:
        state = json.loads(state_file.read_text(encoding="utf-8")) if state_file and state_file.exists() else None
        self.account = Account(state)
        self.token, self.state_file = token, state_file
        self.requests: list[dict] = []
        self.troubles: list[Trouble] = []
        self.lock, self.ended = threading.RLock(), threading.Event()
        handler = type("Handler", (_Handler,), {"fake": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> FakeDigitalOcean:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def trouble(self, **given: object) -> None:
        """Ask for trouble, or change a setting of the account."""
        settings = {name: given.pop(name) for name in list(given) if hasattr(Account, name)}
        for name, value in settings.items():
            setattr(self.account, name, value)
        if given:
            self.troubles.append(Trouble(**given))

    def asked(self, *methods: str) -> list[str]:
        """The requests so far, each as method and path; of these methods, if there are any."""
        return [f"{request['method']} {request['path']}" for request in self.requests if not methods or request["method"] in methods]

    def changes(self) -> list[str]:
        return self.asked("POST", "PUT", "PATCH", "DELETE")

    def droplet(self, name: str, *tags: str, **given: object) -> dict:
        """Puts a droplet there that has been running for long."""
        droplet = self.account.create_droplet({"name": name, "size": "s-1vcpu-1gb", "image": "debian-13-x64", "region": "fra1", "tags": list(tags), **given})
        kept = self.account.state["droplets"][str(droplet["id"])]
        kept.update(status="active", _active_looks=2)
        return kept

    def carry_out(self, method: str, path: str, query: dict, body: dict) -> tuple[int, dict]:
        for route_method, route, name, status, key in ROUTES:
            match = route.fullmatch(path)
            if match and route_method == ("PUT" if method == "PATCH" else method):
                act, words = getattr(self.account, name), [unquote(word) for word in match.groups()]
                if name.startswith("list_"):
                    found = act(*words) if name == "list_actions" else act(*words, query)
                    return status, _page(found, key, path, query)
                answer = act(*words, body) if method in ("POST", "PUT", "PATCH") else act(*words)
                return status, {key: _public(answer)} if key else {}
        raise Refusal(404, "The resource you were accessing could not be found.")

    def save(self) -> None:
        if self.state_file:
            new = self.state_file.with_name(f"{self.state_file.name}.new")
            new.write_text(json.dumps(self.account.state, indent=1), encoding="utf-8")
            new.replace(self.state_file)


class _Handler(BaseHTTPRequestHandler):
    fake: ClassVar[FakeDigitalOcean]

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        body = json.loads(text) if text else {}
        if parts.path.startswith("/_fake/"):
            self._control(parts.path, body)
            return
        with self.fake.lock:
            trouble = next((trouble for trouble in self.fake.troubles if trouble.takes(self.command, self.path, text)), Trouble())
            request = {"method": self.command, "path": unquote(self.path), "body": _without_secrets(body), "status": None}
            self.fake.requests.append(request)
            if trouble.reset == "before":
                self._reset()
                return
            if trouble.status or trouble.text:
                status, answer = trouble.status or 200, _error(trouble.status, trouble.message)
            else:
                status, answer = self._answer(parts.path, dict(parse_qsl(parts.query)), body)
            request["status"] = status
        self.fake.ended.wait(trouble.delay)
        if trouble.reset:
            self._reset()
        else:
            self._send(status, trouble.text or (json.dumps(answer) if status != 204 else ""), trouble.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def log_message(self, *_words: object) -> None:
        pass

    def _answer(self, path: str, query: dict, body: dict) -> tuple[int, dict]:
        if self.headers.get("Authorization") != f"Bearer {self.fake.token}":
            return 401, _error(401, "Unable to authenticate you")
        try:
            return self.fake.carry_out(self.command, path, query, body)
        except Refusal as refusal:
            return refusal.status, _error(refusal.status, str(refusal))
        finally:
            self.fake.save()

    def _control(self, path: str, body: dict) -> None:
        with self.fake.lock:
            if path == "/_fake/trouble" and self.command == "POST":
                self.fake.trouble(**body)
            elif self.command == "DELETE":
                {"/_fake/requests": self.fake.requests, "/_fake/trouble": self.fake.troubles}[path].clear()
            answer = self.fake.account.state if path == "/_fake/state" else {"requests": self.fake.requests}
            self._send(200, json.dumps(answer), {})

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        given = {"Content-Type": "application/json", "ratelimit-limit": "5000", "ratelimit-remaining": "4999"}
        for name, value in {**given, "ratelimit-reset": str(int(time.time()) + 3600), "Content-Length": str(len(data)), **headers}.items():
            if value:
                self.send_header(name, value)
        with suppress(ConnectionError):  # they may have waited long enough
            self.end_headers()
            self.wfile.write(data)

    def _reset(self) -> None:
        """Ends the connection in the rudest way, so that the other side cannot take it for an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        self.wfile = io.BytesIO()  # which is flushed once more


def _page(found: list[dict], key: str, path: str, query: dict) -> dict:
    """A page of a list, with links as the real API has them: to itself, whoever was asked."""
    size = min(int(query.get("per_page", PER_PAGE)), MOST_PER_PAGE)
    number, last = int(query.get("page", 1)), max(1, -(-len(found) // size))

    def link(to: int) -> str:
        return f"https://api.digitalocean.com{path}?{urlencode({**query, 'page': to, 'per_page': size})}"

    pages = {"first": link(1), "prev": link(number - 1)} if number > 1 else {}
    pages |= {"next": link(number + 1), "last": link(last)} if number < last else {}
    shown = [_public(thing) for thing in found[(number - 1) * size : number * size]]
    return {key: shown, "links": {"pages": pages} if pages else {}, "meta": {"total": len(found)}}


def _public(thing: object) -> object:
    if isinstance(thing, dict):
        return {name: _public(value) for name, value in thing.items() if not name.startswith("_")}
    return [_public(value) for value in thing] if isinstance(thing, list) else thing


def _without_secrets(body: dict) -> dict:
    return {name: HIDDEN if name == "user_data" else value for name, value in body.items()}


def _error(status: int, message: str) -> dict:
    return {"id": IDS.get(status, "server_error"), "message": message, "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9"}


def program(command: str) -> Callable[[dict], dict | None]:
    """A hook that runs a program, with the droplet on its stdin and the answer on its stdout."""

    def run(droplet: dict) -> dict | None:
        done = subprocess.run([command], input=json.dumps(_public(droplet)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(422, f"{command} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=8701)
    parser.add_argument("--token", default=os.environ.get("DO_API_TOKEN"), help="by default, what is in DO_API_TOKEN")
    parser.add_argument("--state", type=Path, help="a file that keeps what is in the account")
    for event in ("create", "rebuild", "destroy"):
        parser.add_argument(f"--on-{event}", metavar="PROGRAM", help=f"runs at each {event} of a droplet, with its JSON on stdin")
    given = parser.parse_args()
    if not given.token:
        parser.error("there is no token: give --token, or DO_API_TOKEN in the environment")
    fake = FakeDigitalOcean(given.token, given.port, given.state)
    for event in ("create", "rebuild", "destroy"):
        command = getattr(given, f"on_{event}")
        if command:
            setattr(fake.account, f"on_{event}", program(command))
    print(f"export DIGITALOCEAN_API_URL={fake.url}", flush=True)
    fake.server.serve_forever()


if __name__ == "__main__":
    main()
