"""Ask a release for its health path over its socket, as nginx would, and follow its redirects, as a visitor's browser would."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import static_files
from site_config import Site

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 20  # as browsers have it
PAGE = 1 << 20  # bytes of a page
LONGEST = 200  # characters of an address that are told
HOST = re.compile(r"[a-z0-9_.-]{1,253}")
COOKIE = 4096  # bytes; browsers keep no longer one
DEFAULT_PATH = "/"
USUAL_PORTS = (None, 80, 443)
UNQUOTED = "/?:@!$&'()*+,;=-._~%[]"  # what a browser leaves as it is in an address
NEEDS_LOGIN = (401, 403)


@dataclass(frozen=True)
class Answer:
    """The last answer of a visit. `status` is 0 and `fault` says why where there is none; a `fault` beside a status is worse than that."""

    host: str
    path: str
    status: int = 0
    fault: str = ""
    page: str = ""  # HTML, where the page was wanted

    def is_good(self, site: Site) -> bool:
        return not self.fault and (self.status < 400 or self.needs_login(site))

    def needs_login(self, site: Site) -> bool:
        """Whether the site shows its pages to its own users alone. A health path that the operator named must answer everybody."""
        return self.status in NEEDS_LOGIN and site.health_path == DEFAULT_PATH


def visit(site: Site, release: str, path: Path, *, wants_page: bool = False) -> Answer:
    """Ask the release behind the socket at `path`. It has the site's `health_timeout` for all redirects together."""
    visitor = _Visitor(site, path, time.monotonic() + site.health_timeout, wants_page)
    host, asked, met = site.domain, site.health_path, set()
    # What a session holds may change where its cookie does not, so nothing is a circle before a browser would give up.
    redirects = 0
    while True:
        redirects += 1
        met.add(visitor.state(host, asked))
        answer, location = visitor.ask(host, asked)
        if answer.fault or answer.status not in REDIRECTS or not location:
            return answer
        try:
            url = urlsplit(urljoin(f"{site.scheme}://{host}{asked}", location))
            next_host, port = (url.hostname or "").rstrip("."), url.port
        except ValueError:
            return replace(answer, fault=f"redirects to {location[:LONGEST]!r}, which is no address")
        if not _is_own(site, next_host) or port not in USUAL_PORTS:
            return answer  # such as the page of another site where users log in
        address = (url.path or "/") + (f"?{url.query}" if url.query else "")
        host, asked = next_host, quote(address, safe=UNQUOTED, encoding="latin-1", errors="replace")  # as http.client reads headers
        if fault := _fault(site, url.scheme, host):
            return replace(answer, fault=fault)
        if redirects == MOST_REDIRECTS:
            is_circle = visitor.state(host, asked) in met
            end = f"redirects in a circle, from {answer.path} to {asked}" if is_circle else f"is redirect number {redirects}, and leads to {asked}"
            return replace(answer, fault=end)
        if url.path.startswith(site.media_url):
            return answer
        if url.path.startswith(site.static_url):
            return Answer(host, asked, 200 if static_files.is_served(site, release, url.path) else 404)


def _is_own(site: Site, host: str) -> bool:
    if host == site.domain or host in site.aliases:
        return True
    return HOST.fullmatch(host) is not None and any(host.endswith(wildcard.lstrip("*")) for wildcard in site.wildcards)


def _fault(site: Site, scheme: str, host: str) -> str:
    """Why a redirect within the site never ends, "" where it can. nginx redirects http to https by itself, where there is TLS."""
    if scheme == "https" and site.scheme == "http":
        return f'redirects to https://{host}, and this site has no TLS; give it "tls", or take the redirect out of the project'
    if host in site.aliases:
        return f'redirects to {host}, which redirects to {site.domain}; name {host} first in "domains", or take the redirect out of the project'
    return ""


@dataclass
class _Visitor:
    """Asks one question after the other, and keeps the cookies."""

    site: Site
    path: Path
    deadline: float
    wants_page: bool
    cookies: dict[str, str] = field(default_factory=dict)

    def state(self, host: str, asked: str) -> tuple:
        """What an answer depends on: with other cookies the same path may answer otherwise."""
        return host, asked, *sorted(self.cookies.items())

    def ask(self, host: str, asked: str) -> tuple[Answer, str]:
        """The answer, and where it redirects to."""
        site = self.site
        late = f"no answer within {site.health_timeout} seconds"
        connection = _UnixConnection(self.path, max(self.deadline - time.monotonic(), 0.001))
        timer = threading.Timer(connection.timeout, connection.end)
        timer.daemon = True
        timer.start()
        headers = {"Host": host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": site.scheme, "User-Agent": "shortstop"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request("GET", asked, headers=headers)
            response = connection.getresponse()
            # http.client takes a connection that ends among the headers for the end of the headers.
            if connection.over:
                return Answer(host, asked, fault=late), ""
            self.keep_cookies(response.headers.get_all("Set-Cookie") or [])
            return Answer(host, asked, response.status, page=self.page(response)), response.headers.get("Location", "")
        except TimeoutError:
            return Answer(host, asked, fault=late), ""
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Answer(host, asked, fault=late if connection.over else str(error) or "no answer"), ""
        finally:
            timer.cancel()
            connection.close()

    def keep_cookies(self, headers: list[str]) -> None:
        """As browsers do, who take a value as it is; Python's own parser knows neither all attributes nor all values."""
        for header in (header for header in headers if len(header) <= COOKIE):
            pair, *attributes = header.split(";")
            name, _sign, value = (part.strip() for part in pair.partition("="))
            self.cookies.pop(name, None)
            if value and not any(attribute.replace(" ", "").lower() == "max-age=0" for attribute in attributes):
                self.cookies[name] = value

    def page(self, response: http.client.HTTPResponse) -> str:
        """The beginning of a page in HTML, "" where it does not come in time."""
        if not self.wants_page or response.status != 200 or response.headers.get_content_type() != "text/html":
            return ""
        try:
            return response.read(PAGE).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError):
            return ""


class _UnixConnection(http.client.HTTPConnection):
    """A connection that ends at the timeout as a whole: an answer that comes byte by byte has no longer than any other."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path
        self.over = False

    def connect(self) -> None:
        self.sock = self.own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))

    def end(self) -> None:
        self.over = True
        with suppress(OSError, AttributeError):  # not connected yet: then the socket's own timeout holds
            self.own.shutdown(socket.SHUT_RDWR)
