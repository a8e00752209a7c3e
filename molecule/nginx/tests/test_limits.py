"""Who asks too often waits, and nobody else does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from on_server import until
from stub import request, visit

DOMAIN = "blog.example.com"


def test_one_address_asks_twenty_times_a_second_and_sixty_times_at_once(server):
    statuses = visit(server, [request(DOMAIN)] * 400, "127.0.1.1")
    assert statuses[:60] == [200] * 60
    assert set(statuses[60:]) == {200, 429}
    # Another visitor does not notice, nor does the same one at another site.
    assert visit(server, [request(DOMAIN)] * 60, "127.0.1.2") == [200] * 60
    assert visit(server, [request("shop.example.com", "/healthz")] * 60, "127.0.1.1") == [200] * 60


def test_files_do_not_count(server):
    server.check_output("touch /srv/blog/static/page.css /srv/blog/media/upload.txt")
    files = [request(DOMAIN, path) for path in ("/static/page.css", "/media/upload.txt")]
    assert visit(server, files * 100, "127.0.1.3") == [200] * 200


def test_who_asks_too_often_learns_when_to_come_back(server):
    answers = server.check_output(f"curl --silent --include --interface 127.0.1.4 --header 'Host: {DOMAIN}' 'http://127.0.0.1/[1-400]'")
    assert 0 < answers.count("HTTP/1.1 429 ") == answers.count("\nRetry-After: 10\r\n")


@pytest.mark.parametrize("path", ["/admin/login/", "/accounts/login/", "/%61dmin//login/?next=/"])
def test_one_address_tries_few_passwords(server, path):
    source = f"127.0.2.{len(path)}"
    statuses = visit(server, [request(DOMAIN, path, "POST")] * 20, source)
    assert statuses[:11] == [200] * 11
    # One more for each six seconds that this took.
    assert statuses.count(429) >= 4
    # The same visitor may read, and others may log in.
    assert visit(server, [request(DOMAIN, path), request(DOMAIN, "/other/", "POST")], source) == [200, 200]
    assert visit(server, [request(DOMAIN, path, "POST")], "127.0.2.200") == [200]


def test_a_site_says_where_its_visitors_log_in(server):
    login = [request("shop.example.com", "/in/", "POST", Authorization="Basic Z3JhY2U6MDow")] * 20
    assert 429 in visit(server, login, "127.0.2.201")
    assert 429 not in visit(server, [{**entry, "path": "/admin/login/"} for entry in login], "127.0.2.202")


def test_a_network_of_ipv6_counts_as_one_visitor(server):
    neighbours = [request(DOMAIN, X_Forwarded_For=f"2001:db8:1:1::{number:x}") for number in range(1, 401)]
    assert 429 in visit(server, neighbours, "127.0.0.9")
    strangers = [request(DOMAIN, X_Forwarded_For=f"2001:db8:1:{number:x}::1") for number in range(2, 202)]
    assert visit(server, strangers, "127.0.0.9") == [200] * 200


def test_one_address_keeps_few_workers_busy(server):
    server.check_output("rm --force /srv/go")
    with ThreadPoolExecutor() as pool:
        # The scenario allows three.
        busy = pool.submit(visit, server, [request(DOMAIN, "/waits")] * 5, "127.0.1.5", at_once=True)
        try:
            until(server, 10, "[ $(grep --count ' 127.0.1.5 .* 429 \\|^127.0.1.5 .* 429 ' /var/log/nginx/blog.access.log) = 2 ]")
            assert visit(server, [request(DOMAIN)], "127.0.1.6") == [200]
        finally:
            server.check_output("touch /srv/go")
        assert sorted(busy.result()) == [200, 200, 200, 429, 429]
