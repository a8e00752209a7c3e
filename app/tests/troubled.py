"""A made-up league that can be in every trouble that a service can be in."""

import gzip
import json
import threading

from league.server import Handler, League

HUGE = 100 * 1024 * 1024
BLOCK = b" " * 1024 * 1024


class TroubledLeague(League):
    """trouble is the name of one of TroubledHandler's methods, or "". only: the trouble is at paths that hold this."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = TroubledHandler
        self.trouble, self.only = "", ""
        self.over = threading.Event()
        self.agents: list[str] = []


class TroubledHandler(Handler):
    server: TroubledLeague

    def do_GET(self) -> None:
        self.server.agents.append(self.headers["User-Agent"])
        if self.server.trouble and self.server.only in self.path:
            self.server.asked.append(self.path)
            try:
                getattr(self, self.server.trouble)()
            except (BrokenPipeError, ConnectionResetError):
                pass  # who asked has heard enough
        else:
            super().do_GET()

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def down(self) -> None:
        self.close_connection = True
        self.connection.close()

    def silent(self) -> None:
        """Says nothing for thirty seconds."""
        self.server.over.wait(30)

    def dripping(self) -> None:
        """Says a byte now and then, for thirty seconds."""
        self.begin(Content_Length="3000")
        for _ in range(3000):
            self.wfile.write(b" ")
            if self.server.over.wait(0.01):
                return

    def status_500(self) -> None:
        self.reply(500, {"messageNumber": 1, "message": "Internal error occurred"})

    def status_404(self) -> None:
        self.reply(404, {"messageNumber": 10, "message": "Object not found"})

    def status_429(self) -> None:
        self.begin(429, Retry_After="600", Content_Length="0")

    def status_429_until_a_date(self) -> None:
        self.begin(429, Retry_After="Wed, 20 May 2026 12:00:00 GMT", Content_Length="0")

    def html(self) -> None:
        body = b"<!doctype html><title>Maintenance</title>"
        self.begin(Content_Type="text/html", Content_Length=str(len(body)))
        self.wfile.write(body)

    def truncated(self) -> None:
        body = json.dumps({"dates": [], "copyright": "somebody"}).encode()[:-4]
        self.begin(Content_Length=str(len(body)))
        self.wfile.write(body)

    def cut(self) -> None:
        self.begin(Content_Length="1000")
        self.wfile.write(b'{"dates": []}')
        self.close_connection = True

    def another_shape(self) -> None:
        self.reply(200, {"schedule": {"games": []}})

    def a_list(self) -> None:
        self.reply(200, [])

    def nested(self) -> None:
        body = b"[" * 200_000
        self.begin(Content_Length=str(len(body)))
        self.wfile.write(body)

    def redirect_loop(self) -> None:
        self.begin(302, Location=self.path, Content_Length="0")

    def huge(self) -> None:
        self.begin(Content_Length=str(HUGE))
        for _ in range(HUGE // len(BLOCK)):
            self.wfile.write(BLOCK)

    def bomb(self) -> None:
        """100 MB that travel as a hundred kB."""
        body = gzip.compress(BLOCK * (HUGE // len(BLOCK)))
        self.begin(Content_Encoding="gzip", Content_Length=str(len(body)))
        self.wfile.write(body)
