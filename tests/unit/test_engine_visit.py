"""A visit: a release's health path, asked as nginx would, and followed as a browser would."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest
import visit
from visit import Answer

NEW = "0000000000aa"
HOST = "blog.example.com"


def visited(site, **options: object) -> Answer:
    return visit.visit(site, NEW, site.socket(NEW), **options)


def redirects(locations: dict[str, str], status: int = 302) -> Callable:
    """A release that redirects from these paths, and answers the others."""
    return lambda path, _headers: (status, ("Location", locations[path])) if path in locations else (200,)


def test_it_works(blog, serve):
    serve(NEW, 200)
    assert visited(blog) == Answer(HOST, "/health/", 200)


@pytest.mark.parametrize("status", [204, 302, 404, 500, 503])
def test_the_status_is_the_answer(blog, serve, status):
    serve(NEW, status)
    assert visited(blog) == Answer(HOST, "/health/", status)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_release_is_asked_as_nginx_asks(blog, serve, scheme):
    server = serve(NEW, 200)
    visited(dataclasses.replace(blog, scheme=scheme))
    ((path, headers),) = server.asked
    assert path == "/health/"
    assert (headers["Host"], headers["X-Forwarded-Proto"], headers["X-Forwarded-For"]) == (HOST, scheme, "127.0.0.1")
    assert (headers["User-Agent"], "Cookie" in headers) == ("shortstop", False)


def test_a_release_that_is_silent_is_not_waited_for_without_end(blog, serve):
    serve(NEW, "silence")
    assert visited(dataclasses.replace(blog, health_timeout=0.05)) == Answer(HOST, "/health/", fault="no answer within 0.05 seconds")


@pytest.mark.parametrize("answer", ["letters of a status line", "100 Continue", "letters of a header", "headers"])
def test_an_answer_without_end_is_not_waited_for(blog, serve, answer):
    serve(NEW, answer)
    assert visited(dataclasses.replace(blog, health_timeout=0.2)) == Answer(HOST, "/health/", fault="no answer within 0.2 seconds")


@pytest.mark.parametrize(("answer", "fault"), [("closed", "Remote end closed connection without response"), ("nonsense", "nonsense\r\n")])
def test_what_is_no_answer_is_a_fault(blog, serve, answer, fault):
    serve(NEW, answer)
    assert visited(blog) == Answer(HOST, "/health/", fault=fault)


def test_a_release_without_a_socket_is_a_fault(blog):
    assert visited(blog) == Answer(HOST, "/health/", fault="[Errno 2] No such file or directory")


@pytest.mark.parametrize("answer", [200, "closed", "nonsense"])
def test_no_timer_is_left_of_a_question(blog, serve, answer):
    serve(NEW, answer)
    visited(blog)
    assert all(thread.finished.is_set() for thread in threading.enumerate() if isinstance(thread, threading.Timer))


@pytest.mark.parametrize(
    ("status", "fault", "is_good"),
    [
        *((status, "", True) for status in (200, 204, 302, 399)),
        *((status, "", False) for status in (400, 404, 410, 500, 503)),
        (0, "no answer", False),
        (302, "redirects in a circle, from / to /", False),
    ],
)
@pytest.mark.parametrize("health_path", ["/", "/health/"])
def test_an_answer_is_good_below_400_and_without_a_fault(blog, status, fault, is_good, health_path):
    assert Answer(HOST, "/", status, fault).is_good(dataclasses.replace(blog, health_path=health_path)) is is_good


@pytest.mark.parametrize("status", [401, 403])
def test_a_site_for_its_own_users_alone_is_good_unless_the_operator_named_the_path(blog, status):
    for path in ("/", "/login/"):  # wherever redirects led
        assert Answer(HOST, path, status).is_good(dataclasses.replace(blog, health_path="/"))
        assert not Answer(HOST, path, status).is_good(blog)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/de/", f"https://{HOST}/de/", f"//{HOST}/de/", "../de/", f"https://{HOST.upper()}./de/#top"])
def test_a_redirect_on_the_site_is_followed(blog, serve, status, location):
    server = serve(NEW, redirects({"/health/": location}, status))
    assert visited(blog) == Answer(HOST, "/de/", 200)
    assert [path for path, _headers in server.asked] == ["/health/", "/de/"]


@pytest.mark.parametrize(("location", "asked"), [("?page=2", "/health/?page=2"), (f"https://{HOST}", "/"), (f"https://{HOST}?a=b", "/?a=b")])
def test_the_query_is_asked_for_too(blog, serve, location, asked):
    server = serve(NEW, redirects({"/health/": location}))
    assert visited(blog).path == asked
    assert server.asked[-1][0] == asked


@pytest.mark.parametrize("status", [300, 304, 201])
def test_another_status_redirects_nowhere(blog, serve, status):
    server = serve(NEW, redirects({"/health/": "/de/"}, status))
    assert visited(blog) == Answer(HOST, "/health/", status)
    assert len(server.asked) == 1


def test_where_redirects_end_badly_that_is_the_answer(blog, serve):
    serve(NEW, lambda path, _headers: (302, ("Location", "/login/")) if path == "/health/" else (500,))
    assert visited(blog) == Answer(HOST, "/login/", 500)


@pytest.mark.parametrize("location", ["https://login.example.org/", "https://example.com/", f"https://evil-{HOST}/", "mailto:ada@example.com"])
def test_a_redirect_to_another_site_is_not_followed(blog, serve, location):
    server = serve(NEW, redirects({"/health/": location}))
    assert visited(dataclasses.replace(blog, wildcards=["*.blog.example.com"])) == Answer(HOST, "/health/", 302)
    assert len(server.asked) == 1


def test_a_redirect_to_an_alias_never_ends(blog, serve):
    serve(NEW, redirects({"/health/": f"https://www.{HOST}/health/"}))
    assert visited(dataclasses.replace(blog, aliases=[f"www.{HOST}"])) == Answer(
        HOST,
        "/health/",
        302,
        f'redirects to www.{HOST}, which redirects to {HOST}; name www.{HOST} first in "domains", or take the redirect out of the project',
    )


def test_a_redirect_to_https_needs_tls(blog, serve):
    serve(NEW, redirects({"/health/": f"https://{HOST}/health/"}))
    assert visited(dataclasses.replace(blog, scheme="http")) == Answer(
        HOST, "/health/", 302, f'redirects to https://{HOST}, and this site has no TLS; give it "tls", or take the redirect out of the project'
    )


def test_where_there_is_tls_nginx_redirects_to_https_itself(blog, serve):
    serve(NEW, redirects({"/health/": f"http://{HOST}/de/"}))
    assert visited(blog) == Answer(HOST, "/de/", 200)


def test_a_plain_site_redirects_to_another_site_s_https(blog, serve):
    serve(NEW, redirects({"/health/": "https://login.example.org/"}))
    assert visited(dataclasses.replace(blog, scheme="http")) == Answer(HOST, "/health/", 302)


@pytest.mark.parametrize(
    ("locations", "fault"),
    [
        ({"/health/": "/health/"}, ("/health/", "redirects in a circle, from /health/ to /health/")),
        ({"/health/": f"http://{HOST}/health/"}, ("/health/", "redirects in a circle, from /health/ to /health/")),
        ({"/health/": "/a", "/a": "/b", "/b": "/a"}, ("/a", "redirects in a circle, from /a to /b")),
    ],
    ids=["itself", "from https to http and back", "by way of others"],
)
def test_a_circle_is_a_fault(blog, serve, locations, fault):
    server = serve(NEW, redirects(locations))
    assert visited(blog) == Answer(HOST, fault[0], 302, fault[1])
    assert len(server.asked) == 20


@pytest.mark.parametrize(("redirected", "fault"), [(19, ""), (20, "is redirect number 20, and leads to /20"), (30, "is redirect number 20, and leads to /20")])
def test_only_so_many_redirects_are_followed(blog, serve, redirected, fault):
    server = serve(NEW, redirects({"/health/": "/1", **{f"/{number}": f"/{number + 1}" for number in range(1, redirected)}}))
    assert visited(blog) == Answer(HOST, "/19", 302 if fault else 200, fault)
    assert len(server.asked) == 20


def test_a_path_that_is_asked_again_is_no_circle_where_a_session_changes_the_answer(blog, serve):
    """The session is the server's, so that its cookie stays the same."""
    asked = []

    def answer(path: str, _headers: object) -> tuple:
        asked.append(path)
        return (200,) if len(asked) == 6 else (302, ("Set-Cookie", "sessionid=x1"), ("Location", "/de/"))

    serve(NEW, answer)
    assert visited(blog) == Answer(HOST, "/de/", 200)


def test_all_redirects_together_have_the_health_timeout(blog, serve):
    def slow(path: str, _headers: object) -> tuple:
        time.sleep(0.1)
        return 302, ("Location", f"{path}x")

    serve(NEW, slow)
    answer = visited(dataclasses.replace(blog, health_timeout=0.35))
    assert answer.fault == "no answer within 0.35 seconds"
    assert answer.path.rstrip("x") == "/health/"


@pytest.mark.parametrize("wildcard", ["*.example.com", "*.blog.example.com"])
def test_a_name_below_a_wildcard_is_asked_under_itself(blog, serve, wildcard):
    server = serve(NEW, lambda _path, headers: (302, ("Location", "https://ada.blog.example.com/")) if headers["Host"] == HOST else (200,))
    assert visited(dataclasses.replace(blog, wildcards=[wildcard])) == Answer("ada.blog.example.com", "/", 200)
    assert [headers["Host"] for _path, headers in server.asked] == [HOST, "ada.blog.example.com"]


@pytest.mark.parametrize(
    "host", ["ada%0a.example.com", "a b.example.com", "ada%20.example.com", "caf\u00e9.example.com", "a'b.example.com", f"{'a' * 250}.example.com"]
)
def test_what_is_no_plain_name_is_below_no_wildcard(blog, serve, host):
    server = serve(NEW, redirects({"/health/": f"https://{host}/"}))
    assert visited(dataclasses.replace(blog, wildcards=["*.example.com"])) == Answer(HOST, "/health/", 302)
    assert len(server.asked) == 1


def test_a_path_is_below_the_host_that_named_it(blog, serve):
    locations = {(HOST, "/health/"): "https://ada.example.com/one/", ("ada.example.com", "/one/"): "two/"}

    def answer(path: str, headers) -> tuple:
        location = locations.get((headers["Host"], path))
        return (302, ("Location", location)) if location else (200,)

    serve(NEW, answer)
    assert visited(dataclasses.replace(blog, wildcards=["*.example.com"])) == Answer("ada.example.com", "/one/two/", 200)


@pytest.mark.parametrize(
    ("location", "status"),
    [
        ("/static/a.css", 200),
        ("/static/caf%C3%A9.css", 200),
        ("/static/b.css?v=1", 404),
        ("/static/", 404),
        ("/static/docs/", 200),
        ("/static/old.css", 200),
        ("/static/../../source/manage.py", 404),
        ("/static/%2e%2e/%2e%2e/environment", 404),
        ("/static/a.css%00", 404),
        (f"/static/{'x' * 300}", 404),
    ],
)
def test_a_static_file_is_looked_for_where_nginx_gets_it(blog, make_release, serve, location, status):
    make_release(NEW, static=("a.css", "caf\u00e9.css", "docs/index.html"))
    (blog.static_dir / "old.css").touch()
    server = serve(NEW, redirects({"/health/": location}))
    answer = visited(blog)
    assert (answer.status, answer.fault) == (200 if ".." in location else status, "")
    assert len(server.asked) == 1 + (".." in location)


def test_a_static_file_of_another_url(blog, make_release, serve):
    make_release(NEW, static=("a.css",))
    serve(NEW, redirects({"/health/": "/assets/a.css"}))
    assert visited(dataclasses.replace(blog, static_url="/assets/")) == Answer(HOST, "/assets/a.css", 200)


def test_a_media_file_is_nobody_s_to_look_for(blog, serve):
    server = serve(NEW, redirects({"/health/": "/media/a.pdf"}))
    assert visited(blog) == Answer(HOST, "/health/", 302)
    assert len(server.asked) == 1


@pytest.mark.parametrize("location", ["https://[::1/", f"//{'[' * 300}/", "https://[v1.x/de/"])
def test_what_is_no_address_is_a_fault(blog, serve, location):
    serve(NEW, redirects({"/health/": location}))
    assert visited(blog) == Answer(HOST, "/health/", 302, f"redirects to {location[:200]!r}, which is no address")


@pytest.mark.parametrize(
    ("location", "asked"), [("/a b", "/a%20b"), ("/caf\u00e9/", "/caf%E9/"), ("/a\x7f", "/a%7F"), ("/%C3%A9?a=b&c=%20#end", "/%C3%A9?a=b&c=%20")]
)
def test_an_address_is_asked_for_as_a_browser_writes_it(blog, serve, location, asked):
    serve(NEW, redirects({"/health/": location}))
    assert visited(blog) == Answer(HOST, asked, 200)


def cookies(server) -> list[str | None]:
    return [headers.get("Cookie") for _path, headers in server.asked]


def sets(*headers: str) -> Callable:
    """A release that sets cookies, and redirects to where they are seen."""
    return lambda path, _headers: (302, *(("Set-Cookie", header) for header in headers), ("Location", "/de/")) if path == "/health/" else (200,)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (["a=b"], "a=b"),
        (["sessionid=x1; expires=Sun, 13 Dec 2026 12:00:00 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax; Secure"], "sessionid=x1"),
        (["a=b; Path=/", "csrftoken=y2; Path=/"], "a=b; csrftoken=y2"),
        (['messages="a\\054b"; Path=/'], 'messages="a\\054b"'),
        (["a=b", "a=c"], "a=c"),
        (["a=b", 'a=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/'], None),
        (["a=b", "a=; Path=/"], None),
        (["a=b; Max-Age=0"], None),
        (["a=b", "a=c; path=/; max-age = 0"], None),
        (["a=b; Secure; HttpOnly; SameSite=None; Partitioned; Priority=High"], "a=b"),
        (['consent={"ads":false,"by":[1]}; Path=/'], 'consent={"ads":false,"by":[1]}'),
        (["a=b=c&d=e==; Path=/"], "a=b=c&d=e=="),
        ([f"a={'b' * 4094}"], f"a={'b' * 4094}"),
        ([f"a={'b' * 4095}"], None),
        (["nonsense", "=", "; ;"], None),
    ],
    ids=[
        "one",
        "with all that Django says of it",
        "two",
        "quoted",
        "replaced",
        "deleted",
        "emptied",
        "dead",
        "dead by another spelling",
        "with new flags",
        "JSON",
        "with more signs",
        "long",
        "too long",
        "nonsense",
    ],
)
def test_cookies_go_where_redirects_lead(blog, serve, headers, sent):
    server = serve(NEW, sets(*headers))
    assert visited(blog).status == 200
    assert cookies(server) == [None, sent]


def test_the_next_visit_knows_no_cookie(blog, serve):
    server = serve(NEW, sets("a=b"))
    visited(blog)
    visited(blog)
    assert cookies(server) == [None, "a=b", None, "a=b"]


def test_a_path_that_is_asked_with_another_cookie_is_no_circle(blog, serve):
    """Such as of a project that chooses a language once, and then shows the page."""
    serve(NEW, lambda _path, headers: (200,) if headers.get("Cookie") == "language=de" else (302, ("Set-Cookie", "language=de"), ("Location", "/health/")))
    assert visited(blog) == Answer(HOST, "/health/", 200)


def test_a_cookie_that_is_another_one_each_time_makes_no_circle_endless(blog, serve):
    numbers = iter(range(100))
    server = serve(NEW, lambda _path, _headers: (302, ("Set-Cookie", f"a={next(numbers)}"), ("Location", "/health/")))
    assert visited(blog).fault == "is redirect number 20, and leads to /health/"
    assert len(server.asked) == 20


PAGE = ("Content-Type", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        ((200, PAGE, "caf\u00e9 ".encode()), "caf\u00e9 "),
        ((200, PAGE, b"\xff"), "\ufffd"),
        ((200, ("Content-Type", "application/json"), b"{}"), ""),
        ((404, PAGE, b"no"), ""),
        ((200, PAGE, b"x" * (visit.PAGE + 1)), "x" * visit.PAGE),
    ],
    ids=["HTML", "not UTF-8", "JSON", "not found", "large"],
)
def test_a_page_is_read_where_it_is_wanted(blog, serve, answer, page):
    serve(NEW, lambda _path, _headers: answer)
    assert visited(blog, wants_page=True).page == page
    assert visited(blog).page == ""


def test_a_page_without_end_is_not_waited_for(blog, serve):
    serve(NEW, "a page")
    answer = visited(dataclasses.replace(blog, health_timeout=0.2), wants_page=True)
    assert (answer.status, answer.fault) == (200, "")


@pytest.mark.parametrize("location", ["https://blog.example.com:8443/", "http://blog.example.com:8000/home/"])
def test_another_port_is_another_site(blog, serve, location):
    server = serve(NEW, redirects({"/health/": location}))
    assert visited(blog) == Answer(HOST, "/health/", 302)
    assert len(server.asked) == 1
