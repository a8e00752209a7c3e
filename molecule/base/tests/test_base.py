"""What a server lets in, who is on it, and what it does by itself."""

from __future__ import annotations

import pytest

SITES = ("blog", "shop")


def rules(server) -> set[str]:
    """What the firewall lets in, without the distinction of IPv4 and IPv6."""
    lines = server.check_output("ufw status").splitlines()
    return {" ".join(line.partition("#")[0].replace("(v6)", "").split()) for line in lines if "ALLOW" in line}


def test_nothing_failed(server):
    assert server.run("systemctl is-system-running").stdout.strip() == "running"


@pytest.mark.parametrize("site", SITES)
def test_a_site_s_user_cannot_log_in(server, site):
    user = server.user(site)
    assert (user.shell, user.home, user.groups) == ("/usr/sbin/nologin", f"/srv/{site}", [site])
    assert server.check_output(f"passwd --status {site}").split()[1] == "L"
    assert user.uid < 1000


def test_each_site_has_a_record(server):
    assert server.file("/etc/shortstop/sites").listdir() == ["blog.json", "shop.json"]


def test_ssh_lets_in_keys_alone_and_not_root(server):
    wanted = {"permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "pubkeyauthentication yes"}
    assert wanted <= set(server.check_output("sshd -T").splitlines())
    ask = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes -o PreferredAuthentications=password,keyboard-interactive localhost true"
    refused = server.run(ask)
    assert refused.rc == 255
    assert "Permission denied (publickey)" in refused.stderr


def test_the_deploy_user_comes_in_with_a_key_and_becomes_root(server):
    file = server.file("/home/deploy/.ssh/authorized_keys")
    assert (file.user, file.mode, file.content_string) == ("deploy", 0o600, server.file("/root/.ssh/authorized_keys").content_string)
    assert server.check_output("runuser -u deploy -- sudo --non-interactive id --user") == "0"
    assert server.check_output("passwd --status deploy").split()[1] == "L"
    assert server.file("/etc/sudoers.d/shortstop").mode == 0o440


def test_the_firewall_lets_in_what_was_said_and_nothing_else(server):
    verbose = server.check_output("ufw status verbose")
    assert "Status: active" in verbose
    assert "Default: deny (incoming)" in verbose
    assert rules(server) == {"22/tcp ALLOW Anywhere", "5432/tcp ALLOW 10.0.0.5", "6000:6010/udp ALLOW Anywhere"}


def test_the_firewall_comes_with_the_boot(server):
    assert server.file("/etc/ufw/ufw.conf").contains("^ENABLED=yes$")
    assert server.service("ufw").is_enabled


def test_security_upgrades_install_themselves(server):
    told = server.check_output("apt-config dump")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in told
    assert 'APT::Periodic::Update-Package-Lists "1";' in told
    assert server.run("unattended-upgrade --dry-run").rc == 0


def test_the_host_s_own_packages_are_there(server):
    assert server.package("tree").is_installed


# From here on the hosts change.
def test_what_was_changed_by_hand_is_shown_and_repaired(play, servers):
    for server in servers:
        server.check_output("sed --in-place 's/PermitRootLogin no/PermitRootLogin yes/' /etc/ssh/sshd_config.d/00-shortstop.conf && systemctl reload ssh")
        server.check_output("chown root /home/deploy/.ssh/authorized_keys && chmod 0644 /home/deploy/.ssh/authorized_keys")
        server.check_output("ufw delete allow 22/tcp && ufw default allow incoming && usermod --shell /bin/bash blog && chmod 0600 /etc/sudoers.d/shortstop")
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 7  # with sshd's reload
    assert "-PermitRootLogin yes" in shown.output
    play().expect_success()
    for server in servers:
        assert "permitrootlogin no" in server.check_output("sshd -T").splitlines()
        keys = server.file("/home/deploy/.ssh/authorized_keys")
        assert (keys.user, keys.mode) == ("deploy", 0o600)
        assert "22/tcp ALLOW Anywhere" in rules(server)
        assert "Default: deny (incoming)" in server.check_output("ufw status verbose")
        assert server.user("blog").shell == "/usr/sbin/nologin"
        assert server.file("/etc/sudoers.d/shortstop").mode == 0o440


def test_sshd_has_read_what_was_written(servers):
    # Its own child processes answer with what it has read, not with what the file says.
    for server in servers:
        server.check_output("test -e /root/proof || ssh-keygen -q -t ed25519 -N '' -f /root/proof")
        server.check_output("cat /root/proof.pub >>/root/.ssh/authorized_keys")
        refused = server.run("ssh -o StrictHostKeyChecking=no -o BatchMode=yes -i /root/proof root@localhost true")
        assert (refused.rc, "Permission denied" in refused.stderr) == (255, True)


def test_a_server_that_this_is_not_written_for_is_refused(play):
    play("--extra-vars", '{"__base_releases": ["sarge"]}').expect_failure("Shortstop is written for sarge")


def test_a_door_that_is_none_is_refused_before_anything_is_touched(play):
    refused = "numbers up to 65535, or ranges such as 6000:6010; 99999, 22-23 is none"
    run = play(base_ssh_port=99999, base_firewall_rules=[{"port": "22-23"}]).expect_failure(refused)
    assert run.changed == 0
