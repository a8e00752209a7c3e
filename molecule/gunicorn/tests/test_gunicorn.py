"""A release of a site under its units: what it answers, and what its processes may do."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from on_server import kill, put, until
from sandboxed import command

SITES = ("blog", "shop")
UNITS = "gunicorn-{site}@one.socket gunicorn-{site}@one.service"
# Runs the code that it is asked for and answers what that printed, so that the sandbox is met from inside.
APPLICATION = """
import contextlib, io, traceback
def application(environ, start_response):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            exec(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)), {})
        except BaseException as error:
            print(f"{type(error).__name__}: {error}")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.getvalue().encode()]
"""


@pytest.fixture(autouse=True)
def _released(servers):
    """A release of each site, as a deploy lays it."""
    for server in servers:
        if server.run("test -d /srv/blog").rc:
            server.check_output("apt-get install --quiet --quiet --yes --no-install-recommends python3-venv >/dev/null 2>&1")
            for site in SITES:
                release(server, site)


def release(server, site):
    directory = f"/srv/{site}/releases/one"
    server.check_output(f"useradd --system {site} && mkdir --parents {directory}/source/{site} /srv/{site}/media /srv/{site}/var /etc/shortstop/{site}")
    pip = f"{directory}/venv/bin/pip install --quiet --no-index --find-links /var/cache/wheels"
    server.check_output(f"python3 -m venv {directory}/venv && {pip} gunicorn")
    server.check_output(f"chown {site} /srv/{site}/media /srv/{site}/var && touch {directory}/source/{site}/__init__.py")
    put(server, f"{directory}/source/{site}/wsgi.py", APPLICATION)
    put(server, f"/etc/shortstop/{site}/one.env", f'PROOF="of {site}"\n')
    server.check_output(f"systemctl daemon-reload && systemctl enable --quiet --now {UNITS.format(site=site)}")


ASK = "curl --silent --fail --unix-socket /run/gunicorn-{site}/one.sock http://localhost/ --data-binary "


def inside(server, code: str, site: str = "blog") -> str:
    """What this code prints in a worker of the site."""
    return server.check_output(ASK.format(site=site) + "%s", code).strip()


@pytest.mark.parametrize("site", SITES)
def test_it_works(server, site):
    code = "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), os.environ['PROOF'])"
    assert inside(server, code, site) == f"{site} /srv/{site}/releases/one/source of {site}"


def test_only_nginx_s_user_reaches_the_socket(server):
    file = server.file("/run/gunicorn-blog/one.sock")
    assert (file.user, file.mode) == ("www-data", 0o600)
    ask = ASK.format(site="blog") + "pass"
    assert [server.run(f"runuser -u {user} -- {ask}").rc for user in ("www-data", "shop", "blog")] == [0, 7, 7]


def test_workers_and_threads_are_as_many_as_was_said(server):
    main = server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service")
    assert len(server.check_output(f"pgrep --parent {main}").split()) == 2
    assert "GUNICORN_CMD_ARGS=--threads=3" in server.check_output(f"tr '\\0' '\\n' </proc/{main}/environ")


def test_the_limits_hold(server):
    wanted = {"MemoryMax": str(300 * 2**20), "TasksMax": "100", "OOMScoreAdjust": "500"}
    assert properties(server, "gunicorn-blog@one.service", *wanted) == wanted


def test_the_site_as_a_whole_has_bounds(server):
    main = server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service")
    assert "/site.slice/site-blog.slice/" in server.check_output(f"cat /proc/{main}/cgroup")
    # Two releases, and its daemon.
    wanted = {"MemoryMax": str(900 * 2**20), "MemorySwapMax": str(900 * 2**20), "TasksMax": "300", "CPUWeight": "50"}
    assert properties(server, "site-blog.slice", *wanted) == wanted


def properties(server, unit: str, *names: str) -> dict[str, str]:
    shown = server.check_output(f"systemctl show --property {','.join(names)} {unit}").splitlines()
    return dict(line.split("=", 1) for line in shown)


def test_the_exposure_is_low(server):
    assert server.run("systemd-analyze security --threshold=15 gunicorn-blog@one.service").rc == 0


# By site, with the exposure that systemd may find at most.
LEVELS = {"sealed": 0.8, "blog": 1.5, "standard": 1.6, "trusted": 2.5, "bare": 10.0}


def test_the_exposure_of_each_level(server):
    exposures = {site: exposure(server, site) for site in LEVELS}
    print(f"\n{server.backend.name}: {exposures}")
    assert all(exposures[site] <= most for site, most in LEVELS.items())
    assert list(exposures.values()) == sorted(exposures.values())
    assert exposures["bare"] > 8.5  # or nothing has been measured


def exposure(server, site: str) -> float:
    said = server.check_output(f"systemd-analyze security --no-pager --offline=true {unit_file(site)}")
    return float(re.search(r"Overall exposure level for .*: ([0-9.]+) ", said)[1])


def unit_file(site: str) -> str:
    return f"/etc/systemd/system/gunicorn-{site}@.service"


OPEN = "open({!r}, 'w').write('x'); print('written')"
FORBIDDEN = {
    "its own code": OPEN.format("/srv/blog/releases/one/source/blog/wsgi.py"),
    "its own directory": OPEN.format("/srv/blog/new"),
    "the system": OPEN.format("/etc/new"),
    "another site's state": OPEN.format("/srv/shop/var/new"),
    "another site's unit": "open('/etc/systemd/system/gunicorn-shop@.service'); print('read')",
    "the system bus": "import socket; socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket'); print('connected')",
    "the locks of services": OPEN.format("/run/lock/new"),
    "homes": "import os; print(os.listdir('/root'))",
    "another user": "import os; os.setuid(0); print('root')",
    "a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print('raw')",
    "a packet socket": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print('packet')",
    "a namespace": "import ctypes, os; print('new') if ctypes.CDLL(None).unshare(0x10000000) == 0 else exec('raise OSError')",
    "code in writable memory": "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC); print('mapped')",
    "a setuid file": "import os; open('/srv/blog/var/s', 'w'); os.chmod('/srv/blog/var/s', 0o4755); print('set')",
    "the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time()); print('set')",
    "the name of the host": "import socket; socket.sethostname('mine'); print('set')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_site_may_not_touch(server, what):
    assert inside(server, FORBIDDEN[what]).partition(":")[0] in ("PermissionError", "OSError", "FileNotFoundError")


# What each switch is for: a command that the level strict refuses.
AS_CLIENT = "import socket; socket.create_connection(('127.0.0.2', 8123), 2); print('done')"
ALLOWED = {
    "executable_memory": "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC); print('done')",
    "scheduling": "import os; os.nice(1); os.sched_setaffinity(0, os.sched_getaffinity(0)); print('done')",
    "ownership": "import os; open('/tmp/x', 'w'); os.chown('/tmp/x', os.getuid(), os.getgid()); print('done')",
    "namespaces": "import subprocess; subprocess.run(['unshare', '--user', '--map-root-user', '--mount', '--pid', '--fork', 'chroot', '/', 'echo', 'done'])",
    "netlink": "import socket; socket.if_nameindex(); print('done')",
    "writable": OPEN.format("/opt/pictures/new").replace("written", "done"),
    "writable in /run": "import socket; socket.socket(socket.AF_UNIX).connect('/run/attached/socket'); print('done')",
    "outbound": AS_CLIENT,
}


# A service of the server's with a socket.
OTHER = """
import os, signal, socket
listening = socket.socket(socket.AF_UNIX)
os.umask(0)
listening.bind("/run/attached/socket")
listening.listen()
signal.pause()
"""


@pytest.fixture
def users(server):
    """A user for each site that has only a unit, a place to write, and somebody to ask."""
    for site in ("standard", "bare", "sealed", "trusted"):
        server.check_output(f"id {site} >/dev/null 2>&1 || useradd --system {site}; mkdir --parents /srv/{site}/media /srv/{site}/var /opt/pictures")
    server.check_output("chmod 1777 /opt/pictures")
    start = f"systemd-run --quiet --unit attached --property RuntimeDirectory=attached python3 -c {shlex.quote(OTHER)}"
    server.check_output(f"[ -e /run/attached/socket ] || {start}")
    until(server, 10, "[ -e /run/attached/socket ]")
    listening = "ss --listening --tcp --numeric --no-header | grep --quiet 127.0.0.2:8123"
    server.check_output(f"{listening} || systemd-run --quiet --unit listener python3 -m http.server --bind 127.0.0.2 8123")
    until(server, 10, listening)


def alone(server, site: str, code: str) -> str:
    """What this code prints in the sandbox of a site's unit."""
    words = [*command(server.file(unit_file(site)).content_string), "python3", "-c", code]
    return server.run(" ".join(["%s"] * len(words)), *words).stdout.strip()


@pytest.mark.parametrize("switch", ALLOWED)
def test_a_switch_allows_what_it_is_for(server, users, switch):
    assert alone(server, "trusted", ALLOWED[switch]) == "done"
    assert alone(server, "blog", ALLOWED[switch]) == ""


def test_standard_allows_executable_memory_and_scheduling(server, users):
    assert [switch for switch in ALLOWED if alone(server, "standard", ALLOWED[switch]) == "done"] == ["executable_memory", "scheduling"]


def test_off_leaves_the_user_and_the_limits(server, users):
    assert "done" in alone(server, "bare", ALLOWED["executable_memory"])
    assert alone(server, "bare", "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name); os.listdir('/root')") == "bare"
    assert "site-bare.slice" in alone(server, "bare", "print(open('/proc/self/cgroup').read())")


# But for what is in the site's own journal.
SHOWN = """
import os
found = sorted(os.path.join(place, name)[5:] for place, _, names in os.walk("/run") for name in names)
print(*(path for path in found if not path.startswith("systemd/journal/")))
"""


def test_of_run_a_site_sees_what_it_needs(server, users):
    server.check_output("mkdir --parents /run/systemd/resolve /run/postgresql")
    server.check_output("touch /run/systemd/resolve/resolv.conf /run/postgresql/proof")
    needed = "systemd/notify"
    assert alone(server, "blog", SHOWN) == f"postgresql/proof {needed} systemd/resolve/resolv.conf"
    assert alone(server, "sealed", SHOWN) == needed
    assert alone(server, "trusted", SHOWN) == f"attached/socket postgresql/proof {needed} systemd/resolve/resolv.conf"
    assert "dbus/system_bus_socket" in alone(server, "bare", SHOWN)


def test_what_a_site_sends_to_dev_log_is_in_the_journal(server):
    code = "import logging.handlers; logging.handlers.SysLogHandler('/dev/log').handle(logging.makeLogRecord({'msg': 'proof of dev-log'}))"
    inside(server, code)
    until(server, 5, "journalctl --namespace blog --lines 100 --output cat | grep --quiet 'proof of dev-log'")
    assert "proof of dev-log" not in server.check_output("journalctl --output cat --boot")


# Twice what the journal of a site may hold.
FLOOD = """
import os
for number in range(200_000):
    os.write(2, f"{number} {'x' * 500}\\n".encode())
os.write(2, b"the newest\\n")
"""


def test_a_flood_of_a_site_s_log_takes_nothing_from_others_and_leaves_its_newest_lines(server):
    server.check_output("logger the system was here")
    inside(server, "import os; os.write(2, b'the neighbour was here\\n')", "shop")
    inside(server, FLOOD)
    until(server, 60, "journalctl --namespace blog --lines 5 --output cat | grep --quiet 'the newest'")
    assert int(server.check_output("du --summarize --block-size=M /var/log/journal/*.blog").split("M")[0]) <= 60
    assert server.check_output("journalctl --namespace blog --lines 100 --output cat | grep --count '^19999[0-9] x'") == "10"
    for namespace, line in {"shop": "the neighbour was here", "": "the system was here"}.items():
        assert line in server.check_output(f"journalctl --namespace={namespace} --output cat")


def test_a_site_s_units_start_in_quick_succession(server, users):
    """Debian 13 would refuse some of them, did the site's slice not keep the journal open."""
    assert [alone(server, "blog", "print('done')") for _ in range(20)] == ["done"] * 20


def test_a_site_reaches_no_other_journal(server, users):
    server.check_output("test -S /run/systemd/journal.shop/socket")
    assert "systemd/journal.shop" not in alone(server, "blog", SHOWN)
    write = "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'MESSAGE=from %s\\n' % b'blog', '/run/systemd/journal/socket')"
    alone(server, "blog", write)
    until(server, 5, "journalctl --namespace blog --lines 100 --output cat | grep --quiet 'from blog'")
    assert "from blog" not in server.check_output("journalctl --output cat") + server.check_output("journalctl --namespace shop --output cat")


def test_a_site_that_reaches_nothing_has_no_network_at_all(server, users):
    assert alone(server, "sealed", "print([line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line])") == "['lo']"
    assert alone(server, "sealed", AS_CLIENT) == ""
    assert alone(server, "sealed", "import socket; socket.socket(socket.AF_UNIX); print('made')") == "made"


@pytest.mark.parametrize("path", ["/srv/blog/media/new", "/srv/blog/var/new", "/tmp/new", "/dev/shm/new"])
def test_a_site_may_write(server, path):
    assert inside(server, OPEN.format(path)) == "written"


def test_what_it_writes_others_do_not_read(server):
    inside(server, OPEN.format("/srv/blog/var/secret") + "; " + OPEN.format("/tmp/secret"))
    assert server.file("/srv/blog/var/secret").mode == 0o640
    assert not server.file("/tmp/secret").exists


def test_it_sees_no_process_of_others(server):
    code = "import os; print({os.stat(f'/proc/{pid}').st_uid for pid in os.listdir('/proc') if pid.isdigit()} == {os.getuid()})"
    assert inside(server, code) == "True"


def test_it_comes_back_each_time_that_it_is_killed(server):
    for _ in range(7):
        until(server, 5, f"{kill(server, 'gunicorn-blog@one.service')} && {ASK.format(site='blog')} pass")


def test_what_waits_in_the_socket_of_a_killed_one_is_answered(server):
    server.check_output("systemctl kill --signal=KILL gunicorn-blog@one.service")
    assert inside(server, "print('late')") == "late"


def test_a_stop_lets_a_request_end(server):
    put(server, "/root/slow.sh", f"{ASK.format(site='shop')} 'import time; print(1, flush=True); time.sleep(2)' >/root/slow")
    server.check_output("systemd-run --quiet --collect --unit slow sh /root/slow.sh")
    until(server, 5, "ss --unix --no-header state established src /run/gunicorn-shop/one.sock | grep --quiet .")
    server.check_output(f"systemctl stop {UNITS.format(site='shop')}")
    until(server, 5, "! systemctl is-active --quiet slow")
    assert server.file("/root/slow").content_string == "1\n"
    assert not server.file("/run/gunicorn-shop/one.sock").exists
    server.check_output(f"systemctl start {UNITS.format(site='shop')}")


# From here on the hosts change.
TEMPLATE = "/etc/systemd/system/gunicorn-blog@.service"


def test_what_was_changed_by_hand_is_shown_and_repaired_and_nothing_restarts(play, servers):
    before = [server.file(TEMPLATE).content_string for server in servers]
    mains = [server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service") for server in servers]
    for server in servers:
        server.check_output(f"sed --in-place 's/^ProtectSystem=.*/ProtectSystem=no/' {TEMPLATE} && chmod 0666 {TEMPLATE} && systemctl daemon-reload")
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 1
    assert "-ProtectSystem=no" in shown.output
    play().expect_success()
    assert [server.file(TEMPLATE).content_string for server in servers] == before
    for server, main in zip(servers, mains, strict=True):
        assert server.file(TEMPLATE).mode == 0o644
        assert server.check_output("systemctl show --value --property NeedDaemonReload gunicorn-blog@one.service") == "no"
        assert server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service") == main


def test_bounds_that_changed_hold_when_the_next_unit_starts(play, servers):
    sites = {"blog": {"domains": ["blog.example.com"], "settings": "blog.settings", "limits": {"memory": "200M", "tasks": 70}}}
    mains = [server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service") for server in servers]
    play(sites=sites).expect_success()
    for server, main in zip(servers, mains, strict=True):
        assert alone(server, "blog", "print('started')") == "started"
        # Of all test hosts' groups, which a container sees, its own.
        group = server.check_output("systemctl show --value --property ControlGroup site-blog.slice")
        assert server.check_output(f"cat $(find /sys/fs/cgroup -path '*{group}/pids.max')") == "140"
        assert server.check_output("systemctl show --value --property MainPID gunicorn-blog@one.service") == main


def test_a_database_that_a_site_does_not_reach_is_refused(play, servers):
    for server in servers:
        server.check_output("grep --quiet db.example.com /etc/hosts || echo 10.99.0.7 db.example.com >>/etc/hosts")
    blog = {"domains": ["blog.example.com"], "settings": "blog.settings", "database": {"host": "db.example.com", "password": "kX4-qq"}}
    sentence = 'site "blog": key "outbound": on this server the host of its database is 10.99.0.7, which the site does not reach; add that, or the network'
    play("--check", sites={"blog": blog}).expect_failure(sentence)
    play("--check", sites={"blog": {**blog, "outbound": ["public", "10.99.0.0/24"]}}).expect_success()


def test_a_site_that_left_goes_and_what_others_put_there_stays(play, servers):
    record = json.dumps({"user": "shop", "root": "/srv/shop", "database": {"engine": "sqlite"}})
    for server in servers:
        server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/shop.json")
        server.check_output("printf '[Service]\\nExecStart=sleep infinity\\n' >/etc/systemd/system/gunicorn-shopping.service")
        server.check_output("printf '[Service]\\nExecStart=sleep infinity\\n' >/etc/systemd/system/site-shop-work.service")
        server.check_output("systemctl daemon-reload && systemctl start gunicorn-shopping.service site-shop-work.service")
    play(sites={"blog": {"domains": ["blog.example.com"], "settings": "blog.settings"}}).expect_success()
    for server in servers:
        assert not server.file("/run/gunicorn-shop/one.sock").exists
        assert server.run("pgrep --uid shop").rc == 1
        assert server.check_output("find /etc/systemd/system -name '*shop*'") == "/etc/systemd/system/gunicorn-shopping.service"
        assert server.service("gunicorn-shopping.service").is_running
        assert server.check_output("systemctl list-units --all --plain --no-legend 'gunicorn-shop@*' 'site-shop-*' 'systemd-journald*@shop.*'") == ""
        assert server.file("/srv/shop/releases/one/source/shop/wsgi.py").exists
