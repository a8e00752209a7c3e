"""What the server is: each line tried, and not read from a file that says so."""

import pytest

SITES = ("tatis", "uat")
CONNECT = "import socket; socket.socket(socket.AF_UNIX).connect"


def as_user(host, user, command):
    return host.run(f"runuser -u {user} -- {command}")


def live(host, site):
    return host.file(f"/srv/{site}/current").linked_to.rpartition("/")[2]


def test_nothing_failed(host):
    assert host.run("systemctl is-system-running").stdout.strip() == "running"


@pytest.mark.parametrize("site", SITES)
def test_the_table_of_paths(host, site):
    release = live(host, site)
    expected = {
        f"/srv/{site}": ("root", "root", 0o711),
        f"/srv/{site}/releases/{release}": ("root", site, 0o750),
        f"/srv/{site}/static": ("root", "root", 0o755),
        f"/srv/{site}/media": (site, "www-data", 0o2750),
        f"/srv/{site}/var": (site, site, 0o700),
        f"/etc/shortstop/{site}/environment": ("root", "root", 0o600),
        f"/etc/shortstop/{site}/{release}.env": ("root", "root", 0o600),
        f"/run/gunicorn-{site}/{release}.sock": ("www-data", "root", 0o600),
    }
    found = {path: (file.user, file.group, file.mode) for path in expected for file in [host.file(path)]}
    assert found == expected


@pytest.mark.parametrize("site", SITES)
def test_a_sites_user_cannot_log_in(host, site):
    assert host.user(site).shell == "/usr/sbin/nologin"
    assert host.run(f"passwd --status {site}").stdout.split()[1] == "L"
    assert host.user(site).groups == [site]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("path", ["current/manage.py", "current/new.py", "current/venv/new.py", "current", "live.sock", "static/new.css", "new"])
def test_a_site_cannot_change_what_it_runs(host, site, path):
    assert as_user(host, site, f"touch --no-dereference /srv/{site}/{path}").rc != 0
    assert as_user(host, site, f"rm -f /srv/{site}/{path}/. /srv/{site}/{path}").rc != 0 or not host.file(f"/srv/{site}/{path}").exists


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("path", ["media", "var"])
def test_a_site_can_write_its_own(host, site, path):
    assert as_user(host, site, f"touch /srv/{site}/{path}/proof").rc == 0
    assert as_user(host, site, f"rm /srv/{site}/{path}/proof").rc == 0


@pytest.mark.parametrize(("site", "other"), [("tatis", "uat"), ("uat", "tatis")])
def test_a_site_reads_nothing_of_another(host, site, other):
    release = live(host, other)
    for path in (
        f"/etc/shortstop/{other}/environment",
        f"/etc/shortstop/{other}/{release}.env",
        f"/etc/shortstop/generated/{other}.secret_key",
        f"/srv/{other}/current/manage.py",
    ):
        assert as_user(host, site, f"cat {path}").rc != 0, path
    for path in (f"/srv/{other}", f"/srv/{other}/releases", f"/srv/{other}/releases/{release}", f"/srv/{other}/media", f"/srv/{other}/var"):
        assert as_user(host, site, f"ls {path}").rc != 0, path


@pytest.mark.parametrize(("site", "other"), [("tatis", "uat"), ("uat", "tatis")])
def test_a_site_connects_to_no_other_sites_socket(host, site, other):
    socket = f"/run/gunicorn-{other}/{live(host, other)}.sock"
    assert host.run(f"""python3 -c "{CONNECT}('{socket}')" """).rc == 0
    refused = as_user(host, site, f"""python3 -c "{CONNECT}('{socket}')" """)
    assert "PermissionError" in refused.stderr


@pytest.mark.parametrize(("site", "other"), [("tatis", "uat"), ("uat", "tatis")])
def test_a_site_reaches_no_other_sites_database(host, site, other):
    assert as_user(host, site, f"psql --dbname {site} --command 'SELECT 1'").rc == 0
    assert "no pg_hba.conf entry" in as_user(host, site, f"psql --dbname {other} --command 'SELECT 1'").stderr
    assert "Peer authentication failed" in as_user(host, site, f"psql --dbname {other} --username {other} --command 'SELECT 1'").stderr
    assert as_user(host, site, "psql --dbname postgres --command 'SELECT 1'").rc != 0


def test_postgresql_listens_on_no_network(host):
    assert host.run("ss --listening --tcp --numeric --no-header | grep 5432").stdout == ""
    assert host.run("ss --listening --unix --no-header | grep .s.PGSQL.5432").rc == 0


def test_site_roles_have_no_password_and_no_power(host):
    query = "SELECT rolname FROM pg_authid WHERE rolname !~ '^(pg_|postgres$)' AND rolpassword IS NULL AND NOT (rolsuper OR rolcreatedb OR rolcreaterole) ORDER BY 1"
    listed = as_user(host, "postgres", f'psql --tuples-only --no-align --command "{query}"').stdout.split()
    assert listed == ["tatis", "uat"]


def test_only_ssh_and_nginx_are_open(host):
    rules = host.run("ufw status").stdout.splitlines()
    opened = {line.split("ALLOW")[0].replace("(v6)", "").strip() for line in rules if "ALLOW" in line}
    assert rules[0] == "Status: active"
    assert opened == {"22/tcp", "Nginx Full"}
    assert "deny (incoming)" in host.run("ufw status verbose").stdout


def test_only_ssh_and_nginx_listen(host):
    listening = host.run("ss --listening --tcp --numeric --no-header").stdout.splitlines()
    public = {line.split()[3].rpartition(":")[2] for line in listening if not line.split()[3].startswith("127.")}
    assert public == {"22", "80"}


@pytest.mark.parametrize("line", ["permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "pubkeyauthentication yes"])
def test_ssh_lets_in_keys_alone_and_not_root(host, line):
    assert line in host.run("sshd -T").stdout.splitlines()


def test_the_deploy_user_comes_in_with_a_key_and_becomes_root(host):
    assert host.file("/home/deploy/.ssh/authorized_keys").mode == 0o600
    assert as_user(host, "deploy", "sudo --non-interactive id --user").stdout.strip() == "0"
    assert host.run("passwd --status deploy").stdout.split()[1] == "L"


def test_security_upgrades_install_themselves(host):
    settings = host.run("apt-config dump").stdout
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings
    assert 'APT::Periodic::Update-Package-Lists "1";' in settings
    assert host.run("unattended-upgrade --dry-run").rc == 0


@pytest.mark.parametrize("site", SITES)
def test_a_site_runs_as_its_user_in_a_sandbox(host, site):
    unit = f"gunicorn-{site}@{live(host, site)}.service"
    users = host.run(f"ps -o user= -p $(cat /sys/fs/cgroup/systemd$(systemctl show --value --property ControlGroup {unit})/cgroup.procs | paste -sd,)")
    assert set(users.stdout.split()) == {site}
    assert host.run(f"systemd-analyze security --threshold=15 {unit}").rc == 0


@pytest.mark.parametrize("site", SITES)
def test_a_boot_starts_what_is_live(host, site):
    assert {host.run(f"systemctl is-enabled gunicorn-{site}@{live(host, site)}.{kind}").stdout.strip() for kind in ("socket", "service")} == {"enabled"}


def test_a_given_secret_arrives_byte_for_byte(host):
    main = host.run(f"systemctl show --value --property MainPID gunicorn-tatis@{live(host, 'tatis')}.service").stdout.strip()
    variables = host.file(f"/proc/{main}/environ").content_string.split("\0")
    assert 'DJANGO_SECRET_KEY=molecule "only" $HOME `id` \\ # %s and long enough to be one: 3f6a8c1e' in variables


def test_a_secret_that_nobody_gave_is_this_hosts_own(host):
    file = host.file("/etc/shortstop/generated/uat.secret_key")
    assert (file.user, file.mode, len(file.content_string.strip())) == ("root", 0o600, 67)
    assert not host.file("/etc/shortstop/generated/tatis.secret_key").exists
