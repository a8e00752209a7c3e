"""What the server is: each line tried, and not read from a file that says so."""

import re

import pytest

SITES = ("tatis", "uat")
CONNECT = "import socket; socket.socket(socket.AF_UNIX).connect"


def as_user(server, user, command):
    return server.run(f"runuser -u {user} -- {command}")


def live(server, site):
    return server.file(f"/srv/{site}/current").linked_to.rpartition("/")[2]


def test_nothing_failed(server):
    assert server.run("systemctl is-system-running").stdout.strip() == "running"


@pytest.mark.parametrize("site", SITES)
def test_the_table_of_paths(server, site):
    release = live(server, site)
    expected = {
        f"/srv/{site}": ("root", "root", 0o711),
        f"/srv/{site}/releases/{release}": ("root", site, 0o750),
        f"/srv/{site}/static": ("root", "root", 0o755),
        f"/srv/{site}/media": (site, "www-data", 0o2750),
        f"/srv/{site}/var": (site, site, 0o700),
        f"/etc/shortstop/{site}/environment": ("root", "root", 0o600),
        f"/etc/shortstop/{site}/{release}.env": ("root", "root", 0o600),
        f"/run/gunicorn-{site}/{release}.sock": ("www-data", "www-data", 0o600),
    }
    found = {path: (file.user, file.group, file.mode) for path in expected for file in [server.file(path)]}
    assert found == expected


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("path", ["media", "var"])
def test_a_site_can_write_its_own(server, site, path):
    assert as_user(server, site, f"touch /srv/{site}/{path}/proof").rc == 0
    assert as_user(server, site, f"rm /srv/{site}/{path}/proof").rc == 0


@pytest.mark.parametrize(("site", "other"), [("tatis", "uat"), ("uat", "tatis")])
def test_a_site_connects_to_no_other_sites_socket(server, site, other):
    socket = f"/run/gunicorn-{other}/{live(server, other)}.sock"
    assert server.run(f"""python3 -c "{CONNECT}('{socket}')" """).rc == 0
    refused = as_user(server, site, f"""python3 -c "{CONNECT}('{socket}')" """)
    assert "PermissionError" in refused.stderr


@pytest.mark.parametrize(("site", "other"), [("tatis", "uat"), ("uat", "tatis")])
def test_a_site_reaches_no_other_sites_database(server, site, other):
    assert as_user(server, site, f"psql --dbname {site} --command 'SELECT 1'").rc == 0
    assert "no pg_hba.conf entry" in as_user(server, site, f"psql --dbname {other} --command 'SELECT 1'").stderr
    assert "Peer authentication failed" in as_user(server, site, f"psql --dbname {other} --username {other} --command 'SELECT 1'").stderr
    assert as_user(server, site, "psql --dbname postgres --command 'SELECT 1'").rc != 0


def test_postgresql_listens_on_no_network(server):
    assert server.run("ss --listening --tcp --numeric --no-header | grep 5432").stdout == ""
    assert server.run("ss --listening --unix --no-header | grep .s.PGSQL.5432").rc == 0


def test_only_ssh_and_nginx_are_open(server):
    rules = server.run("ufw status").stdout.splitlines()
    opened = {re.split("ALLOW|LIMIT", line)[0].replace("(v6)", "").strip() for line in rules if "Anywhere" in line}
    assert rules[0] == "Status: active"
    # HTTP/3, where nginx speaks it, comes by UDP.
    http3 = set() if server.backend.name.endswith("bookworm") else {"443/udp"}
    assert opened == {"22/tcp", "Nginx Full"} | http3
    assert "deny (incoming)" in server.run("ufw status verbose").stdout


def test_only_ssh_and_nginx_listen(server):
    listening = server.run("ss --listening --tcp --numeric --no-header").stdout.splitlines()
    public = {line.split()[3].rpartition(":")[2] for line in listening if not line.split()[3].startswith("127.")}
    assert public == {"22", "80", "443"}


@pytest.mark.parametrize("site", SITES)
def test_a_site_runs_as_its_user_in_a_sandbox(server, site):
    unit = f"gunicorn-{site}@{live(server, site)}.service"
    users = server.run(f"ps -o user= -p $(cat /sys/fs/cgroup/systemd$(systemctl show --value --property ControlGroup {unit})/cgroup.procs | paste -sd,)")
    assert set(users.stdout.split()) == {site}
    assert server.run(f"systemd-analyze security --threshold=15 {unit}").rc == 0


def test_a_site_can_read_all_that_deploys_run_as_it(server):
    """However narrow root's own umask is."""
    assert server.check_output("cd /usr/local/lib/shortstop && runuser -u tatis -- find tools inside ! -readable") == ""
    assert server.file("/usr/local/lib/shortstop/tools/bin/uv").exists


@pytest.mark.parametrize("site", SITES)
def test_a_boot_starts_what_is_live(server, site):
    assert {server.run(f"systemctl is-enabled gunicorn-{site}@{live(server, site)}.{kind}").stdout.strip() for kind in ("socket", "service")} == {"enabled"}


def environment(server, site):
    main = server.run(f"systemctl show --value --property MainPID gunicorn-{site}@{live(server, site)}.service").stdout.strip()
    return server.file(f"/proc/{main}/environ").content_string.split("\0")


def test_the_servers_variables_reach_sites_and_logins(server):
    assert "HOUSE_GREETING=hello, all of you" in environment(server, "tatis")
    assert "HOUSE_GREETING=hello, all of you" in environment(server, "uat")
    assert server.run("su --login deploy --command 'printenv HOUSE_GREETING'").stdout == "hello, all of you\n"
    assert server.file("/etc/environment").mode == 0o640


def test_a_given_secret_arrives_byte_for_byte(server):
    variables = environment(server, "tatis")
    assert 'DJANGO_SECRET_KEY=molecule "only" $HOME `id` \\ # %s and long enough to be one: 3f6a8c1e' in variables
