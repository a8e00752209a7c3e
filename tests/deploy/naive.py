"""The deploy of the usual tutorials: one service that makes its socket itself, and `systemctl restart`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from house import Server
from sites import SOURCE

DOMAIN = "naive.example.com"
RELEASE = "naive"

WSGI = """
import time
time.sleep(2)  # what a large application takes to import
from project.wsgi import application
"""

ENVIRONMENT = f"""
DJANGO_SECRET_KEY=naive
DJANGO_ALLOWED_HOSTS={DOMAIN}
DJANGO_STATIC_ROOT=/opt/naive/static
DATABASE_URL=sqlite:////opt/naive/db.sqlite3
SHORTSTOP_RELEASE={RELEASE}
"""

SERVICE = """
[Unit]
Description=gunicorn daemon
After=network.target

[Service]
Type=notify
User=blog
RuntimeDirectory=naive
WorkingDirectory=/opt/naive
EnvironmentFile=/opt/naive/.env
ExecStart=/opt/naive/venv/bin/python -m gunicorn --workers 2 --threads 4 --bind unix:/run/naive/gunicorn.sock slow_wsgi
"""

VHOST = f"""
server {{
    listen 80;
    server_name {DOMAIN};

    location /static/ {{
        alias /opt/naive/static/;
    }}

    location / {{
        proxy_set_header Host $host;
        proxy_pass http://unix:/run/naive/gunicorn.sock;
    }}
}}
"""

FILES = {
    "/opt/naive/slow_wsgi.py": WSGI,
    "/opt/naive/.env": ENVIRONMENT,
    "/etc/systemd/system/naive.service": SERVICE,
    "/etc/nginx/sites-enabled/naive.conf": VHOST,
}


@contextmanager
def served(server: Server) -> Iterator[None]:
    """The site on a provisioned host, beside what that serves; gone in the end. Its packages are those of site blog's."""
    server.run("mkdir /opt/naive && ln -s $(readlink -f /srv/blog/current/venv) /opt/naive/venv")
    subprocess.run(["docker", "cp", "--quiet", "--follow-link", f"{SOURCE}/.", f"{server.name}:/opt/naive"], check=True)
    for path, text in FILES.items():
        server.run(f"cat >{path} <<'END'\n{text}\nEND")
    server.run("cd /opt/naive && set -a && . ./.env && venv/bin/python manage.py collectstatic --no-input --verbosity 0")
    server.run("systemctl daemon-reload && systemctl start naive.service && systemctl reload nginx.service")
    wait_for_page(server)
    yield
    server.run("rm -r /opt/naive /etc/nginx/sites-enabled/naive.conf && systemctl stop naive.service && systemctl reload nginx.service")
    server.run("rm /etc/systemd/system/naive.service && systemctl daemon-reload")


def restart(server: Server) -> None:
    server.run("systemctl restart naive.service")
    wait_for_page(server)


def wait_for_page(server: Server) -> None:
    deadline = time.monotonic() + 30
    while not answers(server):
        assert time.monotonic() < deadline, "the naive site does not answer"
        time.sleep(0.1)


def answers(server: Server) -> bool:
    # Until nginx has read the vhost it closes the connection.
    with suppress(OSError):
        return server.get(DOMAIN).status == 200
    return False
