"""No run shuts the last door behind it."""

import json
import subprocess

import pytest
from house import ROOT, Project, Server

RELEASES = ["bookworm"]
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Ao3vh0VkTTkpGvqhE5lVFGjNQDTSvRIh4E2BvTR3e somebody@elsewhere"
OUR_FILE = "/etc/ssh/sshd_config.d/00-shortstop.conf"


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
    assert not server.succeeds(f"test -e {OUR_FILE}")
    server.run(mend_it)


def test_roots_door_stays_open_if_the_keys_are_somebody_else_s(project: Project, server: Server) -> None:
    project.play("-e", json.dumps({"base_deploy_keys": [OTHER_KEY]})).expect_failure('a new connection as "deploy" could not become root')
    assert enters(server, "root")
    assert not server.succeeds(f"test -e {OUR_FILE}")


def test_the_firewall_stays_open_if_it_would_shut_the_port_in_use(project: Project, server: Server) -> None:
    project.play("-e", "{base_ssh_port: 2222}").expect_failure("this run comes in by port 22, and base_ssh_port, which is 2222, is the only one")
    assert "inactive" in server.run("ufw status")
    assert enters(server, "root")
    assert not server.succeeds(f"test -e {OUR_FILE}")


def test_the_old_door_opens_again_if_the_client_cannot_speak_by_the_new_one(project: Project, server: Server) -> None:
    project.play("-e", "ansible_ssh_extra_args='-o KexAlgorithms=ecdh-sha2-nistp256'").expect_failure('a new connection as "deploy" could not become root')
    assert enters(server, "root")
    assert not server.succeeds(f"test -e {OUR_FILE}")
    assert "permitrootlogin no" not in server.run("sshd -T")


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


def test_a_second_run_knocks_less_often_than_the_firewall_limits(project: Project, server: Server) -> None:
    assert "22/tcp LIMIT Anywhere" in " ".join(server.run("ufw status").split())
    begun = server.run("date +@%s").strip()
    assert project.play().expect_success().changed == 0
    knocked = server.run(f"journalctl --unit ssh --since {begun} | grep -c 'Connection from'")
    assert 1 <= int(knocked) <= 5


def test_a_run_does_not_take_its_own_key_away(project: Project, server: Server) -> None:
    refused = 'base_deploy_keys lacks the key by which this run came in as "deploy"'
    project.play("-e", json.dumps({"base_deploy_keys": [OTHER_KEY]})).expect_failure(refused)
    assert enters(server, "deploy")


def test_a_run_does_not_shut_its_own_port(project: Project, server: Server) -> None:
    project.play("-e", "{base_ssh_port: 2222}").expect_failure("The doors stay as they are; set base_ssh_port to 22 and run again.")
    assert "2222" not in server.run("ufw status")
    assert enters(server, "deploy")
