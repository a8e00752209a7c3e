"""What an operator's machine knows of her servers, and that it is nothing else."""

from __future__ import annotations

import re

import pytest

UAT = {"address": "127.0.0.2", "port": 2222, "user": "root", "domains": ["uat.example.com", "www.uat.example.com"]}
KNOWN = {"tatis": {"address": "127.0.0.1"}, "uat": UAT}
FILES = {"ssh_config": "dotfiles/ssh_config", "known_hosts": ".ssh/known_hosts"}


def ssh(server, name, command="id -un"):
    """What ada sees, who is there to answer nothing."""
    return server.run("runuser -u ada -- ssh -o BatchMode=yes -o ConnectTimeout=10 %s %s", name, command)


def logins(server, *names) -> list[str]:
    """As whom each server lets her in, or why it does not."""
    return [came_in.stdout.strip() or came_in.stderr for came_in in (ssh(server, name) for name in names)]


def written(server) -> str:
    """Both files, without the bytes that are no text."""
    return server.check_output("cd /home/ada && cat dotfiles/ssh_config .ssh/known_hosts | tr -d '\\377'")


def rebuild(server) -> None:
    """Both servers come back with other host keys."""
    server.check_output("rm /etc/ssh/ssh_host_* /etc/uat/key* && ssh-keygen -A && ssh-keygen -q -t ed25519 -N '' -f /etc/uat/key && systemctl restart ssh uat")


@pytest.mark.parametrize(("name", "user"), [("tatis", "deploy"), ("127.0.0.1", "deploy"), ("uat", "root"), ("127.0.0.2", "root")])
def test_a_server_lets_her_in_without_a_question(server, name, user):
    came_in = ssh(server, name)
    assert (came_in.stdout, came_in.stderr) == (f"{user}\n", "")


@pytest.mark.parametrize("name", FILES)
def test_what_is_hers_is_there_to_the_byte(server, name):
    file = f"/home/ada/{FILES[name]}"
    assert server.file(file).contains("BEGIN shortstop")
    assert server.run(f"sed '/^# BEGIN shortstop/,/^# END shortstop/d' {file} | cmp - /home/ada/before/{name}").rc == 0


def test_links_and_modes(server):
    assert server.file("/home/ada/.ssh/config").linked_to == "/home/ada/dotfiles/ssh_config"
    modes = {path: (server.file(f"/home/ada/{path}").user, server.file(f"/home/ada/{path}").mode) for path in (".ssh", ".ssh/id_ed25519", *FILES.values())}
    assert modes == {".ssh": ("ada", 0o700), ".ssh/id_ed25519": ("ada", 0o600), "dotfiles/ssh_config": ("ada", 0o640), ".ssh/known_hosts": ("ada", 0o644)}


def test_her_configuration_means_for_other_hosts_what_it_meant(server):
    now, before = (server.check_output(f"runuser -u ada -- ssh -G -F /home/ada/{file} example.com") for file in (".ssh/config", "before/ssh_config"))
    assert now == before
    assert "serveraliveinterval 77" in now


# From here on the hosts change.
def test_another_host_key_is_refused_until_the_server_was_made_anew(play, servers):
    for server in servers:
        rebuild(server)
    assert play(workstation_servers=KNOWN).expect_success().changed == 0
    for server in servers:
        for name in KNOWN:
            refused = ssh(server, name)
            assert (refused.rc, "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused.stderr) == (255, True)
    run = play("--diff").expect_success()
    assert run.changed == 1
    assert "-127.0.0.1 ssh-ed25519 " in run.output
    for server in servers:
        assert logins(server, "tatis", "uat") == ["deploy", "root"]


def test_her_own_line_with_another_key_stops_the_run_with_what_removes_it(play, servers):
    line = f"127.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'0' * 43}"
    for server in servers:
        server.check_output(f"cd /home/ada && echo '{line}' >old && ssh-keygen -H -f old && (echo; cat old) >>.ssh/known_hosts")
    before = [written(server) for server in servers]
    stopped = play(workstation_servers=KNOWN).expect_failure("trusts another key of 127.0.0.1 than the one that is pinned now")
    assert [written(server) for server in servers] == before
    command = re.search(r"ssh-keygen -f \S+ -R [0-9.]+", stopped.output)[0]
    for server in servers:
        server.check_output(f"runuser -u ada -- {command}")
    # It took the pin, too.
    assert play(workstation_servers=KNOWN).expect_success().changed == 1
    for server in servers:
        assert logins(server, "tatis", "uat") == ["deploy", "root"]


def test_another_inventory_has_servers_of_its_own_of_which_one_is_not_known(play, servers):
    run = play(workstation_name="second", workstation_servers={"third": {"address": "127.0.0.3", "fresh": True}, "fourth": {"address": "127.0.0.4"}})
    assert run.expect_success().changed == 2
    assert 'server "fourth": no host key is known' in run.output
    assert 'server "third": ' not in run.output
    for server in servers:
        assert logins(server, "third") == ["deploy"]
        assert "Host key verification failed" in ssh(server, "fourth").stderr
        assert "127.0.0.4 ssh-" not in written(server)
    assert play().expect_success().changed == 0


def test_the_hosts_file_has_their_domains_if_it_is_told_to(play, servers):
    for server in servers:
        server.check_output("cp /etc/hosts /root/hosts && echo 'ada ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ada")
    assert play(workstation_servers={"uat": UAT}, workstation_hosts_enabled=True).expect_success().changed == 3
    for server in servers:
        assert server.check_output("getent hosts www.uat.example.com").split()[0] == "127.0.0.2"
        assert server.file("/etc/hosts").mode == 0o644


def test_servers_that_left_leave_nothing_and_take_nobody_along(play, servers):
    for server in servers:
        assert not re.search(r"tatis|127.0.0.1\b", written(server))
        assert logins(server, "uat", "third") == ["root", "deploy"]
    assert play(workstation_servers={}, workstation_name="second").expect_success().changed == 2
    for server in servers:
        assert not re.search(r"third|127.0.0.3|second", written(server))
        assert logins(server, "uat") == ["root"]
    assert play(workstation_servers={}).expect_success().changed == 3
    for server in servers:
        server.check_output("cmp /etc/hosts /root/hosts && cmp /home/ada/dotfiles/ssh_config /home/ada/before/ssh_config")


def test_bad_input_is_refused_before_anything_is_touched(play):
    run = play(workstation_servers={"Tatis": {}, "uat": {"adress": "127.0.0.2"}}, workstation_ssh_dir="/home/ada/new")
    run.expect_failure('server "uat": key "adress" is not known; did you mean "address"?')
    assert 'server "Tatis": a name is made of' in run.output
    assert run.changed == 0
