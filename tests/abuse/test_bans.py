"""Who is banned, from which ports, and who never is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from house import Project, Server, fresh_host
from target import HERE, Target

FAILED = 'fail2ban-client status sshd | sed -n "s/.*Total failed:\\s*//p"'
BANNED = "fail2ban-client banned"
VICTIM = "203.0.113.77"
FORGED = f"Failed password for root from {VICTIM} port 22 ssh2"
SSH = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 -o LogLevel=ERROR"
SSH_FILE = "/etc/ssh/sshd_config.d/00-shortstop.conf"
OPENS = "python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)'"


@pytest.fixture(scope="module", params=os.environ.get("RELEASES", "bookworm trixie").split())
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A host with roles base and nginx, and an application that lets nobody log in."""
    with fresh_host(f"web-abuse-bans-{request.param}", request.param) as server:
        project = Project(tmp_path_factory.mktemp("project"), server, playbook=HERE / "bans.yml")
        project.sites["blog"] = {"domains": ["blog.example.com"], "source": "tatis"}
        project.play().expect_success()
        target = Target(server, project)
        target.start_application()
        # The firewall is not what is tested here, and counts the tests' connections.
        server.run("ufw insert 1 allow from 198.18.0.0/15; fail2ban-client unban --all")
        yield target


@contextmanager
def stranger(server: Server, number: int) -> Iterator[tuple[str, str]]:
    """Somebody in a network of their own: how a command of theirs begins, and by which address they know the server. They have .2."""
    name, network = f"stranger{number}", f"198.18.{number}"
    server.run(f"ip netns add {name} && ip link add {name} type veth peer name eth0 netns {name}")
    server.run(f"ip address add {network}.1/24 dev {name} && ip link set {name} up")
    server.run(f"ip -n {name} address add {network}.2/24 dev eth0 && ip -n {name} link set eth0 up")
    try:
        yield f"ip netns exec {name}", f"{network}.1"
    finally:
        server.run(f"ip netns delete {name}; fail2ban-client unban --all", check=False)


def until(server: Server, seconds: int, condition: str) -> None:
    server.run(f"timeout {seconds} sh -c 'until {condition}; do sleep 0.2; done'")


def opens(server: Server, there: str, address: str, port: int) -> bool:
    return server.succeeds(f"{there} {OPENS} {address} {port}")


def knock(server: Server, there: str, address: str, *users: str) -> None:
    for user in users:
        server.run(f"{there} {SSH} {user}@{address} true", check=False)


def fail_at_the_site(server: Server, there: str, address: str) -> None:
    """What a page of an attacker makes the browsers of its visitors do."""
    post = f"curl --silent --output /dev/null --max-time 1 --header 'Host: blog.example.com' --data 'username=a&password=b' http://{address}/admin/login/"
    server.run(f"for _ in $(seq 25); do {there} {post}; done", check=False)


# A program of that name, for all to run.
SSHD = "/usr/local/lib/forged/sshd"
SEND = '{} -t sshd "' + FORGED + '"'
TWELVE = "for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do " + SEND + "; done"
FORGERIES = {
    "a site by /dev/log": f"""runuser -u blog -- python3 -c '
import socket, time
open("/proc/self/comm", "w").write("sshd")
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for _ in range(12):
    log.sendto(b"<38>sshd[99]: {FORGED}", "/dev/log")
time.sleep(1)
'""",
    "a site's process by the name of sshd": f"runuser -u blog -- sh -c '{TWELVE.format(SSHD)}'",
    "a site's unit": f"systemd-run --wait --quiet --collect --unit gunicorn-blog@forged --uid blog sh -c '{TWELVE.format(SSHD)}'",
    "a user's shell": f"su --login deploy --command '{TWELVE.format(SSHD)}'",
    "logger -t sshd": TWELVE.format("logger"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_lines_count_for_nobody(guarded: Target, name: str) -> None:
    server = guarded.server
    before = int(server.run(FAILED))
    server.run(f"mkdir -p {SSHD.removesuffix('/sshd')} && cp $(command -v logger) {SSHD}")
    server.run(FORGERIES[name])
    server.run("sleep 4")
    counted, banned = int(server.run(FAILED)) - before, server.run(BANNED)
    server.run(f"fail2ban-client unban {VICTIM}", check=False)
    assert (counted, VICTIM in banned) == (0, False)


def test_a_failed_login_at_sshd_counts(guarded: Target) -> None:
    server = guarded.server
    before = int(server.run(FAILED))
    with stranger(server, 1) as (there, address):
        knock(server, there, address, "admin", "root", "deploy")
        until(server, 30, f"[ $({FAILED}) -ge {before + 3} ]")
        knock(server, there, address, "admin", "root", "deploy")
        until(server, 30, f"{BANNED} | grep -q 198.18.1.2")
        assert [opens(server, there, address, port) for port in (22, 80)] == [False, False]


def test_failed_logins_at_a_site_close_its_ports_and_leave_ssh_open(guarded: Target) -> None:
    server = guarded.server
    with stranger(server, 2) as (there, address):
        fail_at_the_site(server, there, address)
        until(server, 60, f"{BANNED} | grep -q 198.18.2.2")
        assert [opens(server, there, address, port) for port in (22, 80)] == [True, False]
        rules = server.run("nft list table inet f2b-table")
        assert "tcp dport { 80, 443 }" in rules
        assert "udp dport { 80, 443 }" in rules


@pytest.mark.parametrize("user", ["deploy", "root"])
def test_an_address_with_a_session_is_never_banned(guarded: Target, user: str) -> None:
    server, number = guarded.server, 3 if user == "deploy" else 4
    keys = f"{server.run(f'getent passwd {user} | cut -d: -f6').strip()}/.ssh/authorized_keys"
    server.run("rm -f /root/proof*; ssh-keygen -q -t ed25519 -N '' -f /root/proof")
    server.run(f"cp -p {keys} /root/keys; cat /root/proof.pub >>{keys}; cp {SSH_FILE} /root/sshd.conf")
    if user == "root":
        server.run(f"sed -i 's/^PermitRootLogin no/PermitRootLogin yes/' {SSH_FILE}; systemctl reload ssh; sleep 1")
    try:
        with stranger(server, number) as (there, address):
            server.run(f"systemd-run --quiet --collect --unit session-{user} {there} {SSH} -i /root/proof {user}@{address} sleep 300")
            until(server, 10, f'pgrep -f "^sshd.*: {user}@"')
            try:
                knock(server, there, address, *["admin"] * 8)
                fail_at_the_site(server, there, address)
                server.run("sleep 4")
                assert f"198.18.{number}.2" not in server.run(BANNED)
                assert [opens(server, there, address, port) for port in (22, 80)] == [True, True]
            finally:
                server.run(f"systemctl stop session-{user}", check=False)
            # Some ten seconds after the session's end, the address is anybody's.
            end = time.monotonic() + 120
            while f"198.18.{number}.2" not in server.run(BANNED):
                assert time.monotonic() < end, "the address of a session that ended is still not banned"
                knock(server, there, address, *["admin"] * 4)
    finally:
        server.run(f"cp -p /root/keys {keys}; cp /root/sshd.conf {SSH_FILE}; systemctl reload ssh")


LOST = "the connection was lost in the middle of the run"


def test_a_run_that_is_cut_off_says_what_to_do(guarded: Target) -> None:
    project = Project(guarded.project.directory, guarded.server, sites=guarded.project.sites, playbook=HERE / "cut.yml")
    try:
        run = project.play()
        said = " ".join(run.output.split())
        assert run.status != 0
        assert said.count(LOST) == 1, run.output[-3000:]
        assert "fail2ban-client unban ADDRESS" in said
        # A server that never answered was not cut off.
        assert LOST not in " ".join(project.play().output.split())
    finally:
        guarded.server.run("systemctl start ssh")
    assert LOST not in " ".join(guarded.project.play().expect_success().output.split())
