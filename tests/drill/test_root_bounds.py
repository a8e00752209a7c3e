"""Whatever a release runs, prints or answers without end, its deploy ends: with a sentence, in bounded time and memory, and the next one needs no help."""

from __future__ import annotations

import pytest
from hostile import ENGINE_MEMORY, MEGABYTE, TINY, Hostile, engine_memory, watched
from house import Server

# Seconds that a step may take here, and those after which a whole run, on a busy machine, must have ended.
TIMEOUT = 20
END = 400


def expect_end(evil: Hostile, host: Server) -> None:
    """The deploy fails in time, in few megabytes, and nothing of it is left."""
    live = evil.live
    with watched(host) as processes:
        run = evil.deploy(within=END)
    print(f"\nstatus {run.status}, the engine took {engine_memory(processes) // MEGABYTE} MB, {len(run.output)} characters were told")
    assert host.get("blog.example.com").status == 200
    assert run.status != -1, "it had not ended by itself"
    assert run.status != 0
    assert evil.live == live
    assert engine_memory(processes) < ENGINE_MEMORY
    assert len(run.output) < 200_000
    assert 'site "evil": ' in run.output
    assert host.run("ls -A /var/lib/shortstop/scratch") == ""
    assert host.run("systemctl list-units --plain --no-legend 'shortstop-*-evil*'") == ""
    # A busy machine may need longer for a good release than was given to a bad one.
    evil.keys.pop("deploy_timeout", None)
    evil.mend()


@pytest.mark.parametrize("end", ["\\n", ""], ids=["lines", "one line"])
@pytest.mark.parametrize("status", [0, 1])
def test_output_without_end_ends_the_deploy(evil: Hostile, host: Server, end: str, status: int) -> None:
    """It ends after 200 MB, where nobody ends it before."""
    code = f"""
import sys

if "check" in sys.argv or sys.argv[0].endswith("/look.py"):
    for _ in range(200 << 10):
        print("x" * 1024, end="{end}")
    raise SystemExit({status})
"""
    expect_end(evil.attack(code), host)


# Each question is asked by itself once look.py, which asks several, has no answer.
SLEEP = "import sys, time\nif any(word in ' '.join(sys.argv) for word in ('look.py', {word!r})):\n    time.sleep(100_000)\n"


MIGRATION = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    pass\n"


@pytest.mark.parametrize("word", ["check", "own_migrations.py", "collectstatic", "database.py", "migrate"])
def test_a_step_without_end_ends_the_deploy(evil: Hostile, host: Server, word: str) -> None:
    evil.write({"tiny/hostile.py": SLEEP.format(word=word), "tiny/migrations/__init__.py": "", "tiny/migrations/0001_nothing.py": MIGRATION})
    evil.keys["deploy_timeout"] = TIMEOUT
    expect_end(evil, host)


def test_a_build_without_end_ends_the_deploy(evil: Hostile, host: Server) -> None:
    evil.keys["deploy_timeout"] = TIMEOUT
    expect_end(evil.package({"evil.py": ""}, before="import time; time.sleep(100_000)"), host)


def test_a_build_that_prints_without_end_ends_the_deploy(evil: Hostile, host: Server) -> None:
    print_much = "import os\nfor _ in range(200 << 10):\n    os.write(2, b'x' * 1023 + b'\\n')\nraise SystemExit(1)\n"
    expect_end(evil.package({"evil.py": ""}, before=print_much), host)


def test_a_file_larger_than_the_disk_leaves_nothing_of_it_there(evil: Hostile, host: Server) -> None:
    """It costs the site nothing, since it is a hole."""
    plant = "import os\nwith open(os.environ['HOME'] + '/environment/hole', 'wb') as file:\n    file.truncate(4 << 30)\n"
    expect_end(evil.package({"evil.py": ""}, before=plant), host)
    assert host.run("ls -A /srv/evil/venvs | grep '^[.]' || true") == ""


# gunicorn reads this file, and its main process may ask systemd for more time.
STAYER = """
import os, signal, socket

def stay(*_arguments):
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.sendto(b"STOPPING=1\\nEXTEND_TIMEOUT_USEC=3600000000", os.environ["STAYER"])

def on_starting(server):
    os.environ["STAYER"] = os.environ["NOTIFY_SOCKET"]

def when_ready(server):
    signal.signal(signal.SIGTERM, stay)
"""


def test_a_release_that_never_stops_is_killed(evil: Hostile, host: Server) -> None:
    evil.write({"gunicorn.conf.py": STAYER}).deploy().expect_success()
    old = evil.live
    evil.mend()
    assert evil.live != old
    assert host.run(f"systemctl list-units --plain --no-legend 'gunicorn-evil@{old}*'") == ""


# The live release takes whatever it is sent, and lets go of it only when it is retired.
KEEPER = """
import socket, threading

def keep(door, kept=[]):
    while True:
        kept.append(socket.recv_fds(door.accept()[0], 1, 1))

door = socket.socket(socket.AF_UNIX)
try:
    door.bind("\\0kept-by-evil")
except OSError:  # another worker has it
    pass
else:
    door.listen()
    threading.Thread(target=keep, args=(door,), daemon=True).start()
"""
GIVER = """
import socket, sys

if "check" in sys.argv or sys.argv[0].endswith("/look.py"):
    client = socket.socket(socket.AF_UNIX)
    client.connect("\\0kept-by-evil")
    socket.send_fds(client, [b"x"], [1])
    raise SystemExit(1)
"""


def test_an_output_that_somebody_keeps_open_ends_with_the_step(evil: Hostile, host: Server) -> None:
    wsgi = (TINY / "tiny/wsgi.py").read_text()
    evil.write({"tiny/wsgi.py": wsgi + KEEPER}).deploy().expect_success()
    expect_end(evil.attack(GIVER), host)


# gunicorn hands the connection over; other requests go on meanwhile.
ANSWER = """
import time

def application(environ, start_response):
    connection = environ["gunicorn.socket"]
    {first}
    while True:
        connection.sendall({again})
        time.sleep({pause})
"""


@pytest.mark.parametrize(
    ("first", "again", "pause"),
    [
        ("pass", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
        ("connection.sendall(b'HTTP/1.1 ')", b"x", 1),
        ("connection.sendall(b'HTTP/1.1 200 OK\\r\\nX: ')", b"x", 1),
        ("connection.sendall(b'HTTP/1.1 200 OK\\r\\n')", b"X: y\r\n", 4),
    ],
    ids=["continue", "status", "header", "headers"],
)
def test_an_answer_without_end_is_no_answer(evil: Hostile, host: Server, first: str, again: bytes, pause: float) -> None:
    expect_end(evil.write({"tiny/wsgi.py": ANSWER.format(first=first, again=again, pause=pause)}), host)


# Past stderr, whose lines the journal cuts; an entry of 8 MB is one that it still takes on either Debian.
LARGE_ENTRY = """
import fcntl, os, socket, struct

def application(environ, start_response):
    text = b"x" * (8 << 20)
    file = os.memfd_create("entry", os.MFD_ALLOW_SEALING)
    for part in (b"MESSAGE\\n", struct.pack("<Q", len(text)), text, b"\\nPRIORITY=6\\n"):
        os.write(file, part)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.connect("/run/systemd/journal/socket")
    socket.send_fds(journal, [b""], [file])
    start_response("500 Internal Server Error", [])
    return []
"""
MANY_LINES = """
def application(environ, start_response):
    for _ in range(50):
        print("x" * (1 << 20), flush=True)
    start_response("500 Internal Server Error", [])
    return []
"""


@pytest.mark.parametrize("wsgi", [LARGE_ENTRY, MANY_LINES], ids=["one entry", "many lines"])
def test_a_log_without_end_is_told_in_part(evil: Hostile, host: Server, wsgi: str) -> None:
    expect_end(evil.write({"tiny/wsgi.py": wsgi}), host)
