"""What a site that was taken over can do to another one, to the server and to itself: each attempt is done outside of the sandbox, and refused in it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

import attempts
import pytest
from house import Server
from sandboxed import group_file, inside

# What is there to be found, in addition to two sites.
BAIT = """
apt-get install --quiet --quiet --yes --no-install-recommends sudo >/dev/null
echo secret >/srv/shop/var/secret && chown shop:shop /srv/shop/var/secret && chmod 600 /srv/shop/var/secret
echo secret >/srv/shop/media/secret && chown shop /srv/shop/media/secret && chmod 640 /srv/shop/media/secret
echo secret >/tmp/attack-secret && echo secret >/dev/shm/attack-secret && chmod 644 /tmp/attack-secret /dev/shm/attack-secret
mkdir --parents /etc/cron.d /var/spool/cron/atjobs
install --mode 4755 /usr/bin/id /usr/local/bin/attack-id
useradd --create-home attack && echo attack:attack | chpasswd
mount -o remount,exec /dev/shm
ip address add 169.254.169.254/32 dev lo && ip address add 198.51.100.1/32 dev lo
[ ! -d /proc/sys/kernel/yama ] || cat /proc/sys/kernel/yama/ptrace_scope
systemd-run --quiet --unit attack-target sleep infinity
systemd-run --quiet --unit attack-listener python3 /opt/attack/bait.py
timeout 10 sh -c 'until [ -e /run/attack-ready ]; do sleep 0.1; done'
"""
# Listens on every address, where Docker would, and on a socket that is open to all; keeps shared memory and a queue. Debian 12 has no
# sshd on a unix socket, and Debian 13 no file of logins: what is missing is made.
KEEPER = """
import ctypes, os, pathlib, signal, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
sockets = []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    listening = socket.socket(socket.AF_INET, kind)
    listening.bind(("0.0.0.0", 9101))
    sockets.append(listening)
sockets[0].listen(64)
def listen(path, mask):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    pathlib.Path(path).unlink(missing_ok=True)
    os.umask(mask)
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[-1].bind(path)
    sockets[-1].listen(64)
    os.umask(0o022)
listen("/run/docker.sock", 0o117)
listen("/run/attack-service/socket", 0)
if not os.path.exists("/run/ssh-unix-local/socket"):
    listen("/run/ssh-unix-local/socket", 0)
open("/run/utmp", "a").close()
os.makedirs("/run/systemd/sessions", exist_ok=True)
os.umask(0)
assert libc.shmget(0x5EC2E7, 4096, 0o1000 | 0o644) != -1
assert libc.mq_open(b"/attack", os.O_RDWR | os.O_CREAT, 0o644, None) != -1
open("/run/attack-ready", "w").close()
signal.pause()
"""
# The key lives as long as its keyring, which this process holds.
KEY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
add, control = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
serial = libc.syscall(add, b"user", b"attack", b"secret", 6, -4)
assert serial > 0, os.strerror(ctypes.get_errno())
# Whoever's session holds a keyring may change what is in it.
assert libc.syscall(control, 8, -4, -3) == 0, os.strerror(ctypes.get_errno())
assert libc.syscall(control, 5, serial, 0x3F3F0000) == 0, os.strerror(ctypes.get_errno())
print(serial)
"""


@dataclass(frozen=True)
class Outcomes:
    control: dict[str, str]
    real: dict[str, str]


@pytest.fixture(scope="module")
def given(served: Server) -> dict:
    """What the attacker knows already, which spares him the search."""
    served.write("/opt/attack/bait.py", KEEPER)
    served.write("/opt/attack/key.py", KEY)
    served.run(f"set -e\n{BAIT}")
    main = served.main_process("shop")
    pid = int(served.run(f"pgrep --parent {main} | head --lines 1"))
    return {
        "pid": pid,
        "mapped": int(served.run(f"head --lines 1 /proc/{pid}/maps").partition("-")[0], 16),
        "uid": int(served.run("id --user shop")),
        "release": served.live("shop"),
        "own_release": served.live("blog"),
        "address": served.address,
        "key": int(served.run("runuser --user shop -- python3 /opt/attack/key.py")),
        "journal": served.run("find /var/log/journal /run/log/journal -name '*.journal' 2>/dev/null | head --lines 1").strip(),
        "limits": group_file(served, "blog", "pids.max"),
    }


@pytest.fixture(scope="module")
def outcomes(served: Server, given: dict) -> Outcomes:
    """All attempts, by everybody."""
    words = ["python3", "/opt/attack/attempts.py", json.dumps(given)]
    control = {}
    for user in sorted({tried.control for tried in attempts.ATTEMPTS.values()}):
        names = [name for name, tried in attempts.ATTEMPTS.items() if tried.control == user]
        control |= json.loads(served.run(shlex.join(["runuser", "--user", user, "--", *words, *names])))
    real = json.loads(served.run(inside(served, "blog", *words, *attempts.ATTEMPTS, *attempts.UNCONTROLLED)))
    return Outcomes(control, real)


def test_there_are_enough():
    assert len(attempts.ATTEMPTS) >= 30


def test_it_is_the_site_that_tries(served: Server):
    assert served.run(inside(served, "blog", "id", "--user", "--name")).strip() == "blog"
    assert "/site-blog.slice/" in served.run(inside(served, "blog", "cat", "/proc/self/cgroup"))
    assert served.live("blog") in served.run(inside(served, "blog", "printenv", "SHORTSTOP_RELEASE"))


@pytest.mark.parametrize("name", attempts.ATTEMPTS)
def test_it_is_done_outside_and_refused_inside(outcomes: Outcomes, name: str):
    tried = attempts.ATTEMPTS[name]
    assert outcomes.control[name] == attempts.DONE
    assert tried.is_refused(outcomes.real[name]), outcomes.real[name]


@pytest.mark.parametrize("name", attempts.UNCONTROLLED)
def test_it_is_refused_inside(outcomes: Outcomes, name: str):
    assert attempts.UNCONTROLLED[name].is_refused(outcomes.real[name]), outcomes.real[name]


def test_a_site_reaches_the_internet(served: Server, given: dict):
    """An address that is nobody's stands for it, or else all that is refused above would be no wonder."""
    code = "import socket; socket.create_connection(('198.51.100.1', 9101), 5); print('connected')"
    assert served.run(inside(served, "blog", "python3", "-c", code)).strip() == "connected"


def test_a_site_reaches_its_own_database(served: Server, given: dict):
    assert served.run(inside(served, "blog", "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT current_user")).strip() == "blog"


def test_the_other_site_has_not_noticed(served: Server, outcomes: Outcomes, given: dict):
    assert served.get("shop.example.com").status == 200
    assert str(given["pid"]) in served.run(f"pgrep --parent {served.main_process('shop')}").split()
    assert served.run("systemctl --failed --plain --no-legend") == ""
