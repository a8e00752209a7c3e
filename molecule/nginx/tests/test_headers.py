"""What browsers are told, and what sites are told of visitors."""

from __future__ import annotations

import json

import pytest
from on_server import get, header

DOMAIN = "blog.example.com"
POLICY = "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; sandbox"
SAID = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "browsing-topics=(), camera=(self), geolocation=(self), microphone=(self)",
}


def headers(head: str, names: object) -> dict[str, str | None]:
    return {name: header(head, name) for name in names}


def test_it_speaks_for_an_application_that_says_nothing(server):
    head, _body = get(server, DOMAIN)
    assert headers(head, SAID) == SAID
    # Who may frame a page, and what it may load, is the application's to say.
    assert headers(head, ["X-Frame-Options", "Content-Security-Policy"]) == {"X-Frame-Options": None, "Content-Security-Policy": None}


@pytest.mark.parametrize("name", [*SAID, "X-Frame-Options", "Content-Security-Policy"])
def test_what_the_application_says_stands_alone(server, name):
    assert header(get(server, DOMAIN, f"/?{name}=its-own")[0], name) == "its-own"


@pytest.mark.parametrize("path", ["/static/page.css", "/static/missing.css", "/media/missing", "/.env"])
def test_files_and_errors_say_it_too(server, path):
    server.check_output("touch /srv/blog/static/page.css")
    head, _body = get(server, DOMAIN, path)
    assert headers(head, [*SAID, "X-Frame-Options"]) == SAID | {"X-Frame-Options": "SAMEORIGIN"}


@pytest.mark.parametrize(
    ("name", "kind", "policy"),
    [
        ("a.html", "text/html", POLICY),
        ("a.svg", "image/svg+xml", POLICY),
        ("a.png", "image/png", POLICY),
        ("a.js", "text/plain", POLICY),
        ("a.mjs", "text/plain", POLICY),
        ("a.unknown", "application/octet-stream", POLICY),
        ("a.pdf", "application/pdf", None),
    ],
)
def test_an_upload_is_shown_and_does_nothing(server, name, kind, policy):
    server.check_output(f"echo an upload >/srv/blog/media/{name}")
    head, body = get(server, DOMAIN, f"/media/{name}")
    assert (head.splitlines()[0], body) == ("HTTP/1.1 200 OK", "an upload\n")
    assert headers(head, ["Content-Type", "Content-Security-Policy", "X-Content-Type-Options"]) == {
        "Content-Type": kind,
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
    }


def asked(server, *options: str) -> dict[str, str]:
    """The headers that the application sees."""
    return json.loads(get(server, DOMAIN, "/", *options)[1])["headers"]


CLAIMS = """
    Client-IP CF-Connecting-IP Forwarded Front-End-Https Proxy Remote-User True-Client-IP X-Client-IP X-Cluster-Client-IP X-Forwarded
    X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Host X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Preferred-Username
    X-Forwarded-Protocol X-Forwarded-Scheme X-Forwarded-Server X-Forwarded-Ssl X-Forwarded-User X-Original-Host X-Original-URL X-Real-IP
    X-Remote-User X-Rewrite-URL X-Scheme X-Url-Scheme X_Forwarded_For X_Forwarded_Host Script_Name Path_Info Remote_User
""".split()


def test_what_visitors_claim_of_themselves_reaches_no_site(server):
    claims = [f"--header '{name}: claimed'" for name in CLAIMS]
    seen = asked(server, *claims, "--header 'X-Of-The-Site: kept'")
    assert "claimed" not in seen.values()
    assert seen["X-Forwarded-For"] == seen["X-Real-IP"] == "127.0.0.1"
    assert seen.keys() == {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Connection", "User-Agent", "Accept", "X-Of-The-Site"}


@pytest.mark.parametrize(
    ("source", "said", "address"),
    [
        ("127.0.0.9", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.9", "203.0.113.1, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("127.0.0.9", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.9", "gibberish", "127.0.0.9"),
        ("127.0.0.8", "192.0.2.7", "127.0.0.8"),
    ],
)
def test_only_a_listed_proxy_says_for_whom_it_asks(server, source, said, address):
    server.check_output(": >/var/log/nginx/blog.access.log")
    assert asked(server, f"--interface {source}", f"--header 'X-Forwarded-For: {said}'")["X-Forwarded-For"] == address
    assert server.file("/var/log/nginx/blog.access.log").content_string.split()[0] == address
