"""Which lines of nginx's log count as a failed login at a site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FILTER = Path(__file__).resolve().parents[2] / "roles/base/templates/filter.d/shortstop-login.conf.j2"
LINE = re.search(r"^failregex = (.*)$", FILTER.read_text(encoding="utf-8"), re.MULTILINE)[1]
# As fail2ban reads it: configparser halves each %%, and <HOST> is an address.
COUNTS = re.compile(LINE.replace("%%", "%").replace("<HOST>", r"(?P<host>[0-9a-f.:]+)"))


def counts(request: str, status: int = 200) -> bool:
    # Without the time, which fail2ban takes out first.
    return bool(COUNTS.search(f'203.0.113.7 - -  "{request} HTTP/2.0" {status} 512 "-" "curl"'))


@pytest.mark.parametrize(
    "path",
    [
        "/login/",
        "/admin/login/",
        "/accounts/login/?next=/",
        "/admin/login//",
        "/admin%2Flogin/",
        "/admin/login%2f",
        "/admin/%6Cogin/",
        "/admin/%6c%6F%67%69%6e/",
        "/admin/LOGIN/",
        "/x/../admin/login/",
        "/apis/login/",
    ],
)
def test_a_post_to_a_login_counts_in_each_spelling(path):
    assert counts(f"POST {path}")


@pytest.mark.parametrize("status", [403, 429])
def test_what_was_refused_counts(status):
    assert counts("POST /admin/login/", status)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /admin/login/", 200),
        ("POST /admin/login/", 302),
        ("POST /api/login/", 200),
        ("POST /blog/login-help/", 200),
        ("POST /blogin/", 200),
        ("POST /search/?next=/login/", 200),
        ("POST /admin/login/reset/", 200),
    ],
)
def test_anything_else_counts_not(request_line, status):
    assert not counts(request_line, status)
