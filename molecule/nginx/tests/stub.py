"""The application behind a site, and visitors who ask a lot."""

from __future__ import annotations

import json
import subprocess

from on_server import put, until

# It shows what it was asked, with the headers that the question names. The first question on /dies it leaves without an answer,
# and one on /waits until a file tells it to go on.
APPLICATION = """
import http.server, json, os, socketserver, sys, time, urllib.parse
died = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, question = self.path.partition("?")
        if path == "/dies" and not died:
            died.append(True)
            return
        while path == "/waits" and not os.path.exists("/srv/go"):
            time.sleep(0.05)
        body = json.dumps({"method": self.command, "path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in urllib.parse.parse_qsl(question):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()
    def address_string(self):
        return "nginx"
class Server(socketserver.ThreadingUnixStreamServer):
    request_queue_size = 100
os.umask(0)
Server(sys.argv[1], Handler).serve_forever()
"""

# Asks all at once, or one after the other over one connection.
VISITOR = """
import http.client, json, sys
from concurrent.futures import ThreadPoolExecutor
asked = json.load(sys.stdin)
def connection():
    return http.client.HTTPConnection("127.0.0.1", 80, timeout=20, source_address=(asked["source"], 0))
def ask(request, over=None):
    over = over or connection()
    over.request(request["method"], request["path"], headers=request["headers"], body="" if request["method"] == "POST" else None)
    answer = over.getresponse()
    answer.read()
    return answer.status
if asked["at_once"]:
    with ThreadPoolExecutor(len(asked["requests"])) as pool:
        print(json.dumps(list(pool.map(ask, asked["requests"]))))
else:
    over = connection()
    print(json.dumps([ask(request, over) for request in asked["requests"]]))
"""


def answer(server, site):
    """Put a fresh application behind a site."""
    put(server, "/srv/stub.py", APPLICATION)
    server.check_output(f"systemctl stop stub-{site} 2>/dev/null; rm --force /srv/{site}/live.sock")
    server.check_output(f"systemd-run --quiet --collect --unit stub-{site} python3 /srv/stub.py /srv/{site}/live.sock")
    until(server, 10, f"[ -S /srv/{site}/live.sock ]")


def request(domain: str, path: str = "/", method: str = "GET", **headers: str) -> dict:
    return {"method": method, "path": path, "headers": {"Host": domain, **{name.replace("_", "-"): value for name, value in headers.items()}}}


def visit(server, requests: list[dict], source: str, at_once: bool = False) -> list[int]:
    """The statuses that a visitor gets who comes from the address `source`."""
    asked = json.dumps({"source": source, "requests": requests, "at_once": at_once})
    command = ["docker", "exec", "--interactive", server.backend.name, "python3", "-c", VISITOR]
    return json.loads(subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout)
