"""The service as such: what it may do, and what it is made of."""

from __future__ import annotations

from on_server import linted

EXPOSURE = 2.6


def test_it_can_do_little_harm(server):
    last = server.check_output("systemd-analyze security nginx.service --no-pager | tail -n 1")
    exposure = float(last.split("nginx.service:")[1].split()[0])
    print(server.backend.name, "exposure", exposure)
    assert exposure <= EXPOSURE


def test_it_runs_as_it_is_configured(server):
    """What stands in the unit's additions holds for the process that serves."""
    master = server.check_output("systemctl show --value --property MainPID nginx.service")
    status = dict(line.split(":\t", 1) for line in server.file(f"/proc/{master}/status").content_string.splitlines() if ":\t" in line)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    limits = server.file(f"/proc/{master}/limits").content_string
    assert "Max open files            16384" in limits
    workers = server.check_output(f"pgrep --parent {master}").split()
    assert workers
    for worker in workers:
        held = server.file(f"/proc/{worker}/status").content_string
        assert "CapEff:\t0000000000000000" in held


def test_its_master_writes_nowhere_else(server):
    master = server.check_output("systemctl show --value --property MainPID nginx.service")
    inside = f"nsenter --target {master} --mount"
    for directory in ("/etc/nginx", "/srv/blog/static", "/usr/local"):
        assert "Read-only file system" in server.run(f"{inside} touch {directory}/written").stderr
    assert server.run(f"{inside} sh -c 'ls -A /root /home'").stdout.split() in (["/home:", "/root:"], ["/root:", "/home:"])


def test_its_configuration_is_not_for_all_to_read(server):
    file = server.file("/etc/nginx/nginx.conf")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o640)


def test_the_linter_of_nginx_finds_nothing(server, tmp_path):
    assert "No issues found" in linted(server, tmp_path)
