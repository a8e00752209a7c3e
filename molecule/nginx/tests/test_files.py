"""What nginx gives out of the site's directories, and what it keeps."""

from __future__ import annotations

import pytest
from on_server import get
from stub import request, visit

DOMAIN = "blog.example.com"


HIDDEN = """
    /.git/config /.env /.well-known/.env /a/.env /.well-known-not/a /static/.git/config /static/a/.env /media/.env /static/%2eenv
    /static/settings.py /static/settings.pyc /static/db.sqlite3 /static/app.env /static/key.pem
    /media/db.sqlite3 /media/db.sqlite3-wal /static/a/settings.py
""".split()


def test_what_is_hidden_or_a_source_is_not_found(server):
    for directory in ("static", "media"):
        server.check_output(
            f"cd /srv/blog/{directory} && mkdir --parents .git a &&"
            " for file in .git/config .env a/.env a/settings.py settings.py settings.pyc db.sqlite3 db.sqlite3-wal app.env key.pem; do echo leaked >$file; done"
        )
    # The application answers all that it is asked.
    assert dict(zip(HIDDEN, visit(server, [request(DOMAIN, path) for path in HIDDEN], "127.0.3.1"), strict=True)) == dict.fromkeys(HIDDEN, 404)


def test_the_application_has_names_of_its_own(server):
    paths = ["/.well-known/security.txt", "/a.env", "/sources/settings.py"]
    assert visit(server, [request(DOMAIN, path) for path in paths], "127.0.3.2") == [200] * len(paths)


def test_an_upload_that_is_a_link_leads_nowhere(server):
    server.check_output(
        "mkdir --parents /srv/shop/media /srv/blog/media/real && cd /srv/blog/media && echo secret >/srv/shop/media/other && echo mine >real/file &&"
        " ln --symbolic --force /etc/passwd link && ln --symbolic --force --no-dereference /srv/shop/media directory"
    )
    for path in ("/media/link", "/media/directory/other"):
        head, body = get(server, DOMAIN, path)
        assert head.split()[1] in ("403", "404")
        assert "root:" not in body
        assert "secret" not in body
    assert get(server, DOMAIN, "/media/real/file")[1] == "mine\n"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_no_site_has_are_refused(server, method):
    head, _body = get(server, DOMAIN, "/", f"--request {method}")
    assert head.splitlines()[0] in ("HTTP/1.1 405 Not Allowed", "HTTP/1.1 400 Bad Request")
