"""Attacks over HTTP on role nginx, with an application behind it that writes down what reaches it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from house import Project, fresh_host
from target import HERE, OUTSIDE, Target


@pytest.fixture(scope="session", params=os.environ.get("RELEASES", "bookworm trixie").split())
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with fresh_host(f"web-abuse-{request.param}", request.param) as server:
        project = Project(tmp_path_factory.mktemp("project"), server, playbook=HERE / "nginx.yml")
        # A source, since the collection's own playbooks want one; nothing is deployed here.
        project.sites["blog"] = {"domains": ["blog.example.com", "www.blog.example.com"], "source": "tatis"}
        # Two that ask who is there, the second by HTTPS and HTTP/2.
        closed = {"source": "tatis", "basic_auth": {"ada": "open $esame"}, "health_path": "/healthz"}
        project.sites["private"] = {**closed, "domains": ["private.example.com"]}
        project.sites["sealed"] = {**closed, "domains": ["sealed.example.com"], "tls": "self-signed"}
        people = {f"user{number}": f"password {number}" for number in range(60)}
        project.sites["office"] = {"domains": ["office.example.com"], "source": "tatis", "basic_auth": people}
        project.play().expect_success()
        target = Target(server, project)
        target.start_application()
        for place in ("/srv/blog/secret.txt", "/srv/blog/var/db.sqlite3", "/srv/blog/static/.env", "/srv/blog/static/settings.py", "/srv/blog/.git"):
            server.run(f"echo {OUTSIDE} >{place}")
        server.run("echo body >/srv/blog/static/a.css; truncate -s 20M /srv/blog/static/large")
        yield target
