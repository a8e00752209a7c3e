"""nginx and the application judge one and the same path, whatever a visitor writes."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from gunicorn.util import split_request_uri
from target import HERE, SEEN, Target

RAW = (HERE / "raw.py").read_text()
HEALTH, CHALLENGE = "/healthz", "/.well-known/acme-challenge/x"


def path_info(head: str) -> str:
    """The path that a Django application behind gunicorn sees."""
    return unquote(split_request_uri(head.split(" ")[1]).path, "latin-1")


def ask(target: Target, requests: list[tuple[str, str]]) -> tuple[list[int], list[str]]:
    """The status of each answer, 0 for none, and the heads of what reached the application."""
    command = ["docker", "exec", "--interactive", target.server.name, "python3", "-c", RAW, SEEN]
    lines, heads = json.loads(subprocess.run(command, input=json.dumps(requests), capture_output=True, text=True, check=True).stdout)
    return [int(line.split(" ")[1]) if line.startswith("HTTP/1.1 ") else 0 for line in lines], heads


def unjudged(heads: list[str]) -> list[str]:
    """What reached the application otherwise than as the health path."""
    return [head.split("\r\n")[0] for head in heads if path_info(head) != HEALTH or head.split(" ")[1].partition("?")[0] != HEALTH]


def asked(path: str, host: str = "private.example.com", method: str = "GET", version: str = "1.1") -> str:
    length = "Content-Length: 0\r\n" if method != "GET" else ""
    return f"{method} {path} HTTP/{version}\r\nHost: {host}\r\n{length}Connection: close\r\n\r\n"


# What leads from an open path to another one.
DOTTED = [
    f"{start}{step}{end}"
    for start, end in [("/reports", CHALLENGE), ("/reports", HEALTH), ("/reports/deep/..", HEALTH), (CHALLENGE, "/../../reports/"), (HEALTH, "/reports/")]
    for step in ("/..", "/%2e%2e", "/.%2e", "/%2E.", "%2f..", "%2F%2e%2E", "//..", "/./..", "/.%2f..")
] + [f"{start}{end}" for start in ("/reports", HEALTH) for end in ("/.", "/..", "/%2e", "/%2e%2e", "/.%2E", "%2f..", "%2f%2e%2f", "/./", "%2f.", "/.?a=b")]

# Other ways to write a path that nginx and an application could read differently.
ODD = r"""
    /%68ealthz /healt%68z //healthz ///healthz /%2fhealthz %2fhealthz /healthz/ /healthz// /healthz/reports/ /healthz%2freports /healthz;/../reports/
    /healthz;a=b /healthz; /reports/;/healthz /reports\..\healthz /reports/..\healthz /reports%5c..%5chealthz /reports/..%5c/healthz
    /reports/%252e%252e/healthz /reports%252f..%252fhealthz /reports/%c0%ae%c0%ae/healthz /reports/%e0%80%ae%e0%80%ae/healthz
    /reports/%c0%af../healthz /reports#/../healthz /healthz#/reports/ /healthz%23/reports/ /healthz%3f/reports/ /reports?/../healthz
    /reports/%3f/../healthz /reports/..;/healthz /reports/.../healthz /healthz. /healthz.. /healthz%20 /healthz%09 /healthz%0a /healthz%00 /HEALTHZ
    //private.example.com/healthz //evil.example.com/../healthz http://private.example.com/healthz http://private.example.com//healthz
    http://private.example.com/reports/../healthz http://private.example.com/reports http://private.example.com?/healthz
    HTTP://private.example.com/%68ealthz //.well-known/acme-challenge/x /.well-known//acme-challenge/x /.well-known/acme-challenge/x/reports/
    /%2ewell-known/acme-challenge/x /.well-known%2facme-challenge/x /.well-known/acme-challenge%2fx /.well-known/acme-challenge/%2e%2e%2f
    /.WELL-KNOWN/acme-challenge/x /.well-known/acme-challenge/x /.well-known/acme-challenge/x?a=b /.well-known/acme-challenge/x#a
    /.well-known/acme-challenge/x;a /.well-known/acme-challenge/ /.well-known/acme-challenge /static/../reports/ /static/..%2freports/
    /media/%2e%2e/reports/ //static/../reports/
""".split()
ODD += ["/reports\t/../healthz", "/heal\tthz", "/healthz\x0b", "/healthz /reports/", "/\x01healthz", "/healthz\x7f"]


@pytest.fixture(scope="module", params=["without a password", "while it is closed"])
def guarded(request: pytest.FixtureRequest, target: Target) -> Iterator[Target]:
    if request.param == "while it is closed":
        target.server.run("touch /etc/nginx/maintenance/private")
    yield target
    target.server.run("rm -f /etc/nginx/maintenance/private")


@pytest.mark.parametrize("path", [*DOTTED, *ODD])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_no_view_is_reached_but_the_one_of_the_health_path(guarded: Target, path: str, version: str) -> None:
    [status], heads = ask(guarded, [("127.0.5.1", asked(path, version=version))])
    assert unjudged(heads) == [], f"status {status}"


@pytest.mark.parametrize("path", DOTTED)
def test_dot_segments_are_refused(target: Target, path: str) -> None:
    hosts = ["private.example.com", "blog.example.com"]
    assert ask(target, [("127.0.5.2", asked(path, host)) for host in hosts]) == ([400, 400], [])


HONEST = r"""
    /a//b //a /a%2Fb /?next=/a/../b /?x=%2e%2e /a?x=/./&y=..%2f /a..b/ /a.../b /a../b /a%2e%2eb/ /a/b.txt /%2fa /a;b=c/d /a\b /a%5c..%5cb /a%252e%252e/b
""".split()


@pytest.mark.parametrize("path", HONEST)
def test_an_honest_path_arrives_as_it_was_written(target: Target, path: str) -> None:
    statuses, heads = ask(target, [("127.0.5.3", asked(path, "blog.example.com"))])
    assert (statuses, [head.split(" ")[1] for head in heads]) == ([200], [path])


def test_the_exceptions_stay_open(guarded: Target) -> None:
    guarded.server.run("mkdir -p /var/lib/shortstop/acme/.well-known/acme-challenge; echo token >/var/lib/shortstop/acme/.well-known/acme-challenge/x")
    try:
        assert ask(guarded, [("127.0.5.4", asked(path)) for path in (HEALTH, CHALLENGE)])[0] == [200, 200]
        assert {*ask(guarded, [("127.0.5.4", asked(path)) for path in ("/", "/static/a.css", "/missing")])[0]} <= {401, 503}
    finally:
        guarded.server.run("rm /var/lib/shortstop/acme/.well-known/acme-challenge/x")


# As a careless application may have them: without anchors, and in any case.
LOGIN_VIEWS = [re.compile(text) for text in (r"admin/login/", r"accounts/login/?", r"(?i)/login(/|$)")]
LOGINS = """
    /admin/login/ /%61dmin/login/ //admin/login/ /admin//login/ /admin/login// /admin%2flogin/ /admin/login%2f /admin/login/?
    /admin/login/?next=/a/../b /admin/login/#a /admin/login/x /x/admin/login/ /en/admin/login/ /admin/login/../x /admin/login/%2e%2e/ /admin/login/.
    /admin/login/%2e /x/../admin/login/ /admin/./login/ /admin/login/;a /admin/login/%0a /admin/login/%20 /admin/login/%3fa /%0a/admin/login/
    /accounts/login /accounts/login/ /login/ /login /en/login/ /Admin/Login/ /LOGIN/ /accounts/login/%23 http://blog.example.com/admin/login/
    /static/../admin/login/ /static/..%2fadmin/login/ /admin/login/..;/
""".split()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_every_way_to_a_login_view_counts(target: Target, method: str) -> None:
    uncounted = {}
    for number, path in enumerate(LOGINS):
        met, heads = ask(target, [(f"127.0.6.{number + 1}", asked(path, "blog.example.com", method))] * 25)
        reached = [head for head in heads if any(view.search(path_info(head)) for view in LOGIN_VIEWS)]
        # Eleven at once, and one more for each six seconds that this took.
        if len(reached) > 13:
            uncounted[path] = dict(Counter(met))
    print(f"\n{target.server.name}, {method}: not counted: {uncounted}")
    assert uncounted == {}


H2 = "curl --silent --insecure --http2 --path-as-is --resolve sealed.example.com:443:127.0.0.1 --output /dev/null --write-out '%{http_version} %{http_code}'"


@pytest.mark.parametrize("path", [*DOTTED, *(path for path in ODD if path.startswith("/") and path.isprintable())])
def test_nor_by_http_2(target: Target, path: str) -> None:
    target.forget()
    met = target.server.run(f"{H2} --request-target '{path}' https://sealed.example.com/", check=False)
    assert met.startswith("2 ") or met.endswith((" 400", " 000")), met
    assert unjudged([seen["head"] for seen in target.seen]) == [], met
