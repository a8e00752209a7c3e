"""Requests that no browser sends: what nginx answers to each, and what of it reaches the application."""

from __future__ import annotations

import re
import subprocess

import pytest
from target import OUTSIDE, SEEN, Target

BLOG = b"Host: blog.example.com\r\n"
GET = b"GET / HTTP/1.1\r\n" + BLOG
POST = b"POST / HTTP/1.1\r\n" + BLOG
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: blog.example.com\r\n\r\n"
NOTHING = 0


def status(answer: bytes) -> int:
    """Of the first answer; NOTHING if there is none."""
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return int(found[1]) if found else NOTHING


def leaks(answer: bytes) -> list[str]:
    """What no answer may hold."""
    signs = {"a file outside": OUTSIDE.encode(), "/etc/passwd": b"root:x:0:0", "a version": b"nginx/"}
    return [what for what, sign in signs.items() if sign in answer]


# Each form with the status that it gets.
FORMS = {
    # Hosts
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "no host, HTTP/1.0": (b"GET / HTTP/1.0\r\n\r\n", NOTHING),
    "an empty host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "two hosts": (GET + b"Host: evil.example.com\r\n\r\n", 400),
    "the same host twice": (GET + BLOG + b"\r\n", 400),
    "an unknown host": (b"GET / HTTP/1.1\r\nHost: evil.example.com\r\n\r\n", NOTHING),
    "an address as host": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", NOTHING),
    "a user before the host": (b"GET / HTTP/1.1\r\nHost: blog.example.com@evil.example.com\r\n\r\n", NOTHING),
    "a path in the host": (b"GET / HTTP/1.1\r\nHost: blog.example.com/../evil\r\n\r\n", 400),
    "NUL in the host": (b"GET / HTTP/1.1\r\nHost: blog.example.com\0evil\r\n\r\n", 400),
    "a space in the host": (b"GET / HTTP/1.1\r\nHost: blog.example.com evil\r\n\r\n", 400),
    "the target's unknown host before the header": (b"GET http://evil.example.com/ HTTP/1.1\r\n" + BLOG + b"\r\n", NOTHING),
    # Bodies of two lengths
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunks and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED, 400),
    "two lengths in one": (POST + b"Content-Length: 0, 5\r\n\r\n" + SMUGGLED, 400),
    "a length with a sign": (POST + b"Content-Length: +5\r\n\r\nhello", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED, 400),
    "a length in hexadecimal": (POST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "a length beyond all numbers": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "unknown chunks": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 501),
    "chunks and more": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED, 501),
    "chunks twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "a space before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "a folded line": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\n" + BLOG + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "a chunk beyond all numbers": (POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\nx\r\n0\r\n\r\n", 400),
    "a chunk of no number": (POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n", 400),
    # Lines
    "NUL in a header": (GET + b"X-A: a\0b\r\n\r\n", 400),
    "a carriage return in a header": (GET + b"X-A: a\rX-B: b\r\n\r\n", None),
    "a header without a name": (GET + b": a\r\n\r\n", 400),
    "NUL in the path": (b"GET /\0 HTTP/1.1\r\n" + BLOG + b"\r\n", 400),
    "NUL in the path, encoded": (b"GET /static/a.css%00.png HTTP/1.1\r\n" + BLOG + b"\r\n", 400),
    "a percent sign alone": (b"GET /%zz HTTP/1.1\r\n" + BLOG + b"\r\n", 400),
    "a method in lower case": (b"get / HTTP/1.1\r\n" + BLOG + b"\r\n", 400),
    "no version": (b"GET /\r\n", NOTHING),
    "an unknown version": (b"GET / HTTP/9.1\r\n" + BLOG + b"\r\n", 505),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "TRACE": (b"TRACE / HTTP/1.1\r\n" + BLOG + b"\r\n", 405),
    "CONNECT": (b"CONNECT blog.example.com:80 HTTP/1.1\r\n" + BLOG + b"\r\n", None),
    # Sizes
    "a header of 10 MB": (GET + b"X-A: " + b"a" * 10_000_000 + b"\r\n\r\n", 400),
    "a thousand headers": (GET + b"".join(b"X-%d: %s\r\n" % (number, b"a" * 40) for number in range(1000)) + b"\r\n", 400),
    "an address of 100 kB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + BLOG + b"\r\n", 414),
    "a body of 11 MB, announced": (POST + b"Content-Length: 11534336\r\n\r\n", 413),
    "a body of 11 MB, in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"100000\r\n" + (b"a" * 0x100000 + b"\r\n100000\r\n") * 11, 413),
}
REFUSED = {name: form for name, form in FORMS.items() if form[1] is not None}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before_the_application(target: Target, name: str) -> None:
    data, expected = REFUSED[name]
    target.forget()
    answer = target.send(data)
    assert status(answer) == expected, answer[:200]
    assert target.seen == []
    assert leaks(answer) == []


# What is odd and allowed: the application sees one request, in nginx's own words.
ODD = {
    "the target's host before the header's": b"GET http://blog.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n",
    "capitals and a dot": b"GET / HTTP/1.1\r\nHost: BLOG.EXAMPLE.COM.\r\nConnection: close\r\n\r\n",
    "a port of letters": b"GET / HTTP/1.1\r\nHost: blog.example.com:evil\r\nConnection: close\r\n\r\n",
    "lines without carriage returns": b"GET / HTTP/1.1\nHost: blog.example.com\nX-A: b\nConnection: close\n\n",
    "extensions of chunks": POST + b'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5;a="b"\r\nhello\r\n0\r\n\r\n',
    "a request as the body of another": b"GET / HTTP/1.1\r\n" + BLOG + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "an upgrade": GET + b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "a hop that hides headers": GET + b"Connection: close, X-Forwarded-For, Host\r\n\r\n",
    "an underscore": POST + b"Content_Length: 99\r\nTransfer_Encoding: chunked\r\nX_Forwarded_For: evil\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
}


@pytest.mark.parametrize("name", ODD)
def test_the_application_sees_one_request_in_the_words_of_nginx(target: Target, name: str) -> None:
    target.forget()
    answer = target.send(ODD[name])
    assert status(answer) == 200, answer[:200]
    assert leaks(answer) == []
    [seen] = target.seen
    first, *rest = seen["head"].splitlines()
    headers = dict(line.lower().split(": ", 1) for line in rest if line)
    assert first in ("GET / HTTP/1.0", "POST / HTTP/1.0")
    assert (headers["host"], headers["connection"], headers["x-forwarded-proto"]) == ("blog.example.com", "close", "http")
    assert not {"transfer-encoding", "upgrade", "te", "x-forwarded-host", "x_forwarded_for", "content_length", "transfer_encoding"} & headers.keys()
    assert "evil" not in seen["head"]
    assert int(headers.get("content-length", 0)) == seen["length"]


@pytest.mark.parametrize("name", [name for name, form in FORMS.items() if form[1] is None])
def test_what_differs_between_versions_is_harmless(target: Target, name: str) -> None:
    target.forget()
    answer = target.send(FORMS[name][0])
    assert status(answer) in (200, 400, 405)
    assert leaks(answer) == []
    for seen in target.seen:
        assert "x-b: b" not in [line.lower() for line in seen["head"].split("\r\n")]
        assert seen["head"].startswith("GET / HTTP/1.0\r\n")


def test_a_smuggled_request_would_be_seen(target: Target) -> None:
    """The same bytes, given to the application without nginx: it takes them for two requests."""
    target.forget()
    straight = ["docker", "exec", "--interactive", target.server.name, "python3", "-c", STRAIGHT]
    subprocess.run(straight, input=FORMS["length and chunks"][0], capture_output=True, check=True)
    assert [entry["head"].split(" ")[1] for entry in target.seen] == ["/", "/smuggled"]


STRAIGHT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect("/srv/blog/live.sock")
    connection.sendall(sys.stdin.buffer.read())
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass
"""

PATHS = """
    /../../../../etc/passwd /static/../../../../etc/passwd /static/..%2f..%2f..%2f..%2fetc/passwd /static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd
    /static/..%252f..%252f..%252fetc/passwd /static/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd /static/..%5c..%5c..%5cetc%5cpasswd /static/..;/secret.txt
    /static../secret.txt /static..%2fsecret.txt /static/../secret.txt /static/..%2fsecret.txt /static/%2e%2e/secret.txt /static%2f..%2fsecret.txt
    /media../secret.txt /media/../secret.txt /media/..%2fvar/db.sqlite3 /media/%2e%2e%2fvar%2fdb.sqlite3 /static//../secret.txt /static/./../secret.txt
    /static/a.css/../../secret.txt /static/a.css/..%2f..%2fsecret.txt //etc/passwd /static//etc/passwd /%2e%2e/%2e%2e/etc/passwd
    /.git /.git/config /.env /static/.env /static/%2eenv /static/settings.py /static/settings.%70y /secret.txt /var/db.sqlite3 /static/~root/
""".split()


def asked(path: str, host: str = "blog.example.com") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_outside(target: Target, path: str) -> None:
    answer = target.send(asked(path))
    assert leaks(answer) == [], answer
    # Either nginx refuses, or the application is asked; no file is served.
    assert status(answer) in (400, 403, 404) or b"the application answers" in answer


CARELESS = """
server {
    listen 80;
    server_name careless.example.com;
    server_tokens on;
    location /static { alias /srv/blog/static/; }
    location /files/ { alias /; }
    location /redirects/ { return 302 https://careless.example.com$uri; }
}
"""


def test_a_careless_vhost_would_be_seen(target: Target) -> None:
    file = "/etc/nginx/sites-enabled/careless.conf"
    target.server.write(file, CARELESS)
    target.server.run("nginx -t -q && systemctl reload nginx")
    try:
        target.server.run("timeout 10 sh -c 'until curl -s -H \"Host: careless.example.com\" http://127.0.0.1/; do sleep 0.1; done'")
        assert leaks(target.send(asked("/static../secret.txt", "careless.example.com"))) == ["a file outside", "a version"]
        assert leaks(target.send(asked("/static/.env", "careless.example.com"))) == ["a file outside", "a version"]
        assert leaks(target.send(asked("/files/etc/passwd", "careless.example.com"))) == ["/etc/passwd", "a version"]
        assert leaks(target.send(asked("/missing", "careless.example.com"))) == ["a version"]
        assert b"\r\nSet-Cookie: a=b" in target.send(asked("/redirects/%0d%0aSet-Cookie:%20a=b", "careless.example.com"))
    finally:
        target.server.run(f"rm {file}; systemctl reload nginx")


@pytest.mark.parametrize(
    "path", ["/%0d%0aSet-Cookie:%20a=b", "/?%0d%0aSet-Cookie:%20a=b", "/%0aSet-Cookie:%20a=b", "//evil.example.com", "/\\evil.example.com"]
)
def test_a_redirect_carries_nobody_elsewhere(target: Target, path: str) -> None:
    answer = target.send(asked(path, "www.blog.example.com"))
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert status(answer) == 301
    assert re.search(r"^location: (.*)$", head, re.IGNORECASE | re.MULTILINE)[1].rstrip() == f"http://blog.example.com{path}"
    assert "\nSet-Cookie" not in head


def test_requests_in_a_row_are_answered_in_order(target: Target) -> None:
    target.forget()
    row = b"".join(b"GET /%d HTTP/1.1\r\n" % number + BLOG + b"\r\n" for number in range(20))
    answer = target.send(row.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 20
    assert [entry["head"].split(" ")[1] for entry in target.seen] == [f"/{number}" for number in range(20)]


def test_the_log_of_the_application_is_read(target: Target) -> None:
    """What was refused was not seen, and not only because nobody looks."""
    target.forget()
    target.send(GET + b"Connection: close\r\n\r\n")
    assert len(target.seen) == 1
    assert target.server.succeeds(f"test -s {SEEN}")
