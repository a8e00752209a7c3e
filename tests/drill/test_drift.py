"""What somebody changed on a server behind Ansible's back: a check shows it and changes nothing, a run repairs it, and the next run finds nothing to do."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from house import Project, Server

RELEASES = ["bookworm", "trixie"]


@dataclass(frozen=True)
class Drift:
    """A change on the server, the task that a run shows for it, and a command that succeeds once it is repaired."""

    change: str
    task: str
    repaired: str
    shown: str = ""  # what --diff prints of it


PSQL = "runuser -u postgres -- psql -XAtqc"
DRIFTS = {
    "a package gone": Drift(
        "dpkg --purge --force-depends needrestart",
        "Packages | Install the packages of every server",
        "dpkg-query -W -f '${db:Status-Abbrev}' needrestart | grep -q ^ii",
    ),
    "the mode of a file": Drift(
        "chmod 0666 /etc/nginx/conf.d/shortstop.conf", "Configuration | Write nginx.conf", "test $(stat -c %a /etc/nginx/conf.d/shortstop.conf) = 644"
    ),
    "the owner of a directory": Drift(
        "chown daemon /etc/shortstop/sites", "Files | Write the sites' records", "test $(stat -c %U /etc/shortstop/sites) = root"
    ),
    "a line of a vhost": Drift(
        "sed -i 's/server_name tatis/server_name drifted/' /etc/nginx/sites-available/tatis.conf",
        "Configuration | Write nginx.conf",
        "! grep -q drifted /etc/nginx/sites-available/tatis.conf",
        "drifted.example.com",
    ),
    "a vhost that is not enabled": Drift(
        "rm /etc/nginx/sites-enabled/tatis.conf", "Configuration | Write nginx.conf", "test -e /etc/nginx/sites-enabled/tatis.conf"
    ),
    "a line of login.defs": Drift("sed -i 's/^UMASK.*/UMASK 022/' /etc/login.defs", "Files | Set a umask", "grep -q '^UMASK.*027' /etc/login.defs"),
    "a sysctl": Drift(
        "echo 'kernel.dmesg_restrict = 0' >>/etc/sysctl.d/99-shortstop.conf",
        "Files | Write the kernel",
        "! grep -q 'dmesg_restrict = 0' /etc/sysctl.d/99-shortstop.conf",
    ),
    "a unit": Drift(
        "echo 'Environment=A=drifted' >>/etc/systemd/system/gunicorn-tatis@.service",
        "Units | Write the slice, socket and service",
        "! systemctl cat gunicorn-tatis@x.service | grep -q drifted",
        "drifted",
    ),
    "a rule of ufw gone": Drift("ufw delete limit 22/tcp", "Firewall | Allow SSH", "ufw show added | grep -q 'limit 22/tcp'"),
    "a rule of ufw for visitors gone": Drift("ufw delete allow 'Nginx Full'", "Firewall | Allow HTTP and HTTPS", "ufw show added | grep -q 'Nginx Full'"),
    "a line of pg_hba.conf": Drift(
        "sed -i '1i local all all trust' /etc/postgresql/*/main/pg_hba.conf",
        "Configure | Write pg_hba.conf",
        "! grep -q trust /etc/postgresql/*/main/pg_hba.conf",
        "trust",
    ),
    "a privilege on a database": Drift(
        f"{PSQL} 'GRANT CONNECT ON DATABASE tatis TO PUBLIC'",
        "Databases | Revoke all privileges on databases",
        f"test $({PSQL} \"SELECT has_database_privilege('daemon_of_nobody', 'tatis', 'CONNECT')\") = f",
    ),
    "a privilege on a schema": Drift(
        "runuser -u postgres -- psql -XAtqd tatis -c 'GRANT USAGE ON SCHEMA public TO PUBLIC'",
        "Databases | Revoke all privileges on schema public",
        "test $(runuser -u postgres -- psql -XAtqd tatis -c \"SELECT has_schema_privilege('daemon_of_nobody', 'public', 'USAGE')\") = f",
    ),
    "a bound of a role": Drift(
        f"{PSQL} 'ALTER ROLE tatis CONNECTION LIMIT -1'",
        "Databases | Create a role",
        f"test $({PSQL} \"SELECT rolconnlimit FROM pg_roles WHERE rolname = 'tatis'\") = 50",
    ),
    "a timeout of a role": Drift(
        f"{PSQL} 'ALTER ROLE tatis IN DATABASE tatis RESET statement_timeout'",
        "Databases | Set statement_timeout",
        "runuser -u postgres -- psql -XAtqc 'SELECT setconfig FROM pg_db_role_setting' | grep -q statement_timeout=5min",
    ),
    "a site's variables": Drift(
        "echo 'DEBUG=\"1\"' >>/etc/shortstop/tatis/environment", "Variables | Write", "! grep -q 'DEBUG=\"1\"' /etc/shortstop/tatis/environment"
    ),
    "a site's user": Drift("usermod --shell /bin/bash tatis", "Site users | Create a user", "getent passwd tatis | grep -q nologin$"),
    "a key of the deploy user": Drift(
        "echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Ao3vh0VkTTkpGvqhE5lVFGjNQDTSvRIh4E2BvTR3e drifted' >>/home/deploy/.ssh/authorized_keys",
        "Deploy user | Install its SSH keys",
        "! grep -q drifted /home/deploy/.ssh/authorized_keys",
    ),
    "a line of sshd's": Drift(
        "sed -i 's/^PermitRootLogin no/PermitRootLogin yes/' /etc/ssh/sshd_config.d/00-shortstop.conf",
        "SSH | Close the door",
        "sshd -T | grep -qx 'permitrootlogin no'",
        "PermitRootLogin yes",
    ),
    "a service stopped": Drift("systemctl stop nginx.service", "Service | Start and enable nginx", "systemctl is-active nginx.service"),
    "a service disabled": Drift("systemctl disable nginx.service", "Service | Start and enable nginx", "systemctl is-enabled nginx.service"),
    "the engine": Drift(
        # Python keeps a compiled copy of what it runs, which is not to count as a change of the check's.
        "echo '# drifted' >>/usr/local/lib/shortstop/engine/deploy.py && shortstop releases tatis",
        "Engine | Install the program",
        "! grep -q drifted /usr/local/lib/shortstop/engine/deploy.py",
        "drifted",
    ),
    "a certificate gone": Drift("rm /etc/shortstop/certificates/tatis.pem", "Certificates | Sign", "test -s /etc/shortstop/certificates/tatis.pem"),
}


@pytest.fixture(scope="module")
def drifted(project: Project, server: Server) -> dict[str, str]:
    """A server on which all of them happened, and what a check and a run say of it."""
    project.sites["tatis"] = {**project.bundled("tatis"), "tls": "self-signed"}
    # The keys are named, or those that are there would count as given.
    project.variables["base_deploy_keys"] = [server.run("cat /root/.ssh/authorized_keys").strip()]
    project.play().expect_success()
    assert project.play().expect_success().changed == 0
    # A role that is in no group and owns nothing has what PUBLIC has.
    server.run(f"{PSQL} 'CREATE ROLE daemon_of_nobody'")
    for drift in DRIFTS.values():
        assert server.succeeds(drift.repaired), f"{drift.repaired} is to succeed before anything changes"
        server.run(drift.change)
        assert not server.succeeds(drift.repaired), f"{drift.change} is to change something that {drift.repaired} sees"
    before = set(server.fingerprint().splitlines())
    check = project.play("--check", "--diff").expect_success()
    assert before ^ set(server.fingerprint().splitlines()) == set(), "a check changed something"
    return {"check": check.output, "run": project.play("--diff").expect_success().output}


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_check_and_a_run_show_it_and_the_run_repairs_it(drifted: dict[str, str], server: Server, kind: str) -> None:
    drift = DRIFTS[kind]
    for said in drifted.values():
        told = changes(said, drift.task)
        assert told, f"no task {drift.task!r} changed anything"
        assert drift.shown in told
    assert server.succeeds(drift.repaired)


def test_the_next_run_changes_nothing(drifted: dict[str, str], project: Project) -> None:
    assert project.play().expect_success().changed == 0


def changes(output: str, task: str) -> str:
    """What a run printed of the tasks that begin so, where one of them changed something."""
    parts = [part for part in output.split("\nTASK [") if f": {task}" in part.partition("]")[0]]
    return "".join(part for part in parts if "\nchanged: [" in part)
