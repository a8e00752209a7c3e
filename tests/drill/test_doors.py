"""No run shuts the last door behind it."""

import subprocess

import pytest
from house import ROOT, Project, Server

RELEASE = "bookworm"


def enters(server: Server, user: str) -> bool:
    key = ROOT / ".cache/test_host_key"
    options = ["-o", "BatchMode=yes", "-o", "ControlPath=none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    return (
        subprocess.run(["ssh", "-i", key, "-p", str(server.port(22)), *options, f"{user}@127.0.0.1", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.fixture(autouse=True)
def one_site(project: Project) -> None:
    project.sites["tatis"] = project.bundled("tatis")


@pytest.mark.parametrize(
    ("break_it", "mend_it"),
    [
        # sshd lets only root in.
        ("echo AllowUsers root > /etc/ssh/sshd_config.d/10-local.conf; systemctl reload ssh", "rm /etc/ssh/sshd_config.d/10-local.conf; systemctl reload ssh"),
        # A later rule takes sudo away.
        ("echo 'deploy ALL=(ALL) PASSWD: ALL' > /etc/sudoers.d/zz-local", "rm /etc/sudoers.d/zz-local"),
    ],
)
def test_roots_door_stays_open_if_the_second_is_shut(project: Project, server: Server, break_it: str, mend_it: str) -> None:
    server.run(break_it)
    project.play().expect_failure('a new connection as "deploy" could not become root')
    assert enters(server, "root")
    assert not server.succeeds("test -e /etc/ssh/sshd_config.d/00-shortstop.conf")
    server.run(mend_it)


def test_a_server_whose_root_has_no_key_to_give_is_refused(project: Project, server: Server) -> None:
    # The first run above has given the deploy user its keys already; here is one who never had any.
    server.run("pkill --uid deploy; userdel --force --remove deploy; mv /root/.ssh/authorized_keys /root/.ssh/authorized_keys2")
    project.play().expect_failure('no SSH key would let "deploy" in, since root has none either; give at least one in base_deploy_keys')
    server.run("mv /root/.ssh/authorized_keys2 /root/.ssh/authorized_keys")
    assert enters(server, "root")


def test_then_root_is_shut_out_and_the_next_run_enters_as_deploy(project: Project, server: Server) -> None:
    project.play().expect_success()
    assert enters(server, "deploy")
    assert not enters(server, "root")
    assert project.play().expect_success().changed == 0
