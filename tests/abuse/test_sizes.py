"""nginx and gunicorn agree on how large a request and an answer may be: nginx refuses with a status of its own, and gunicorn takes the rest."""

from __future__ import annotations

import re

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from house import ROOT
from target import Target

UNIT = ROOT / "roles/gunicorn/templates/gunicorn@.service.j2"
LARGEST_LINE, LARGEST_FIELD, LARGEST_ANSWER = 8190, 8190, 32768
BLOG = "Host: blog.example.com\r\nConnection: close\r\n"


def line(length: int) -> str:
    """A request line of so many bytes."""
    return f"GET /{'a' * (length - len('GET / HTTP/1.1'))} HTTP/1.1\r\n"


def field(length: int, name: str = "X-A") -> str:
    """A line of a header of so many bytes."""
    return f"{name}: {'a' * (length - len(name) - 2)}\r\n"


def send(target: Target, text: str) -> int:
    target.forget()
    answer = target.send(f"{text}\r\n".encode())
    return int(answer.split(b" ")[1]) if answer else 0


def gunicorn_takes(head: str) -> bool:
    """Whether gunicorn takes what nginx handed on, with the limits of a site's unit."""
    limits = dict(re.findall(r"--(limit-request-\w+) (\d+)", UNIT.read_text()))
    settings = Config()
    for name in ("line", "fields", "field_size"):
        if f"limit-request-{name}" in limits:
            settings.set(f"limit_request_{name}", int(limits[f"limit-request-{name}"]))
    request = next(RequestParser(settings, iter([head.encode("latin-1")]), ("127.0.0.1", 0)))
    return request.method == "GET"


LARGEST = {
    "line": line(LARGEST_LINE) + BLOG,
    "field": line(100) + BLOG + field(LARGEST_FIELD),
    "field without a space": line(100) + BLOG + "X-A:" + "a" * (LARGEST_FIELD - 4) + "\r\n",
    "head": line(LARGEST_LINE) + BLOG + field(LARGEST_FIELD),
    "number": line(100) + BLOG + "".join(f"X{number}:\r\n" for number in range(900)),
}
TOO_LARGE = {
    "line": (line(LARGEST_LINE + 1) + BLOG, 414),
    "field": (line(100) + BLOG + field(LARGEST_FIELD + 1), 400),
    "head": (line(LARGEST_LINE) + BLOG + "".join(field(LARGEST_FIELD, f"X-{number}") for number in range(4)), 400),
    "number": (line(100) + BLOG + "".join(f"X{number}:\r\n" for number in range(12000)), 400),
}


@pytest.mark.parametrize("name", LARGEST)
def test_the_largest_request_passes_both(target: Target, name: str) -> None:
    assert send(target, LARGEST[name]) == 200
    [seen] = target.seen
    assert gunicorn_takes(seen["head"])


@pytest.mark.parametrize("name", TOO_LARGE)
def test_the_next_is_refused_by_nginx(target: Target, name: str) -> None:
    text, status = TOO_LARGE[name]
    assert send(target, text) == status
    assert target.seen == []


def test_an_answer_has_room_for_its_headers(target: Target) -> None:
    met = {size: send(target, f"GET /head/{size} HTTP/1.1\r\n{BLOG}") for size in (4000, 4200, 16000, LARGEST_ANSWER, LARGEST_ANSWER + 1)}
    assert met == {4000: 200, 4200: 200, 16000: 200, LARGEST_ANSWER: 200, LARGEST_ANSWER + 1: 502}


AS_ADA = "--resolve sealed.example.com:443:127.0.0.1 --user 'ada:open $esame'"
H2 = f"curl --silent --insecure --http2 {AS_ADA} --output /dev/null --write-out '%{{http_version}} %{{http_code}}'"


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_the_same_holds_for_http_2(target: Target, method: str) -> None:
    largest = LARGEST_LINE - len(f"{method}  HTTP/1.0")
    for length, status in ((largest, 200), (largest + 1, 414)):
        target.forget()
        assert target.server.run(f"{H2} --request {method} https://sealed.example.com/{'a' * (length - 1)}") == f"2 {status}"
    target.forget()
    target.server.run(f"{H2} https://sealed.example.com/{'a' * (LARGEST_LINE - len('GET  HTTP/1.0') - 1)}")
    [seen] = target.seen
    assert gunicorn_takes(seen["head"])
