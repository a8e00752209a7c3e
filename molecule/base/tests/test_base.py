"""What a server lets in, who is on it, and what it does by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from controls.linux import applied_at_boot
from on_server import put, stranger, until

SITES = ("blog", "shop")
FIREWALL = Path(__file__).parent.parent / "firewall.yml"
# Of Debian's kernel 3 is the strictest, and Ubuntu's still answers some then.
STRICTEST = {"debian": "3", "ubuntu": "4"}
SSH_FILE = "/etc/ssh/sshd_config.d/00-shortstop.conf"
ASK = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60"
COLLEAGUE, FORCED = 'from="10.0.0.9" ssh-ed25519 AAAAC3colleague', 'command="echo no" ssh-ed25519 AAAAC3forced'
SITE = {"domains": ["blog.{{ inventory_hostname }}.example.com"], "source": "tatis"}
# Says of each knock at an address whether sshd opened.
KNOCK = (
    "python3 -c '"
    "import socket, sys\n"
    "def knock():\n"
    "    try: socket.create_connection((sys.argv[1], 22), 3).close()\n"
    '    except OSError: return "out"\n'
    '    return "in"\n'
    "print(*(knock() for _ in range(int(sys.argv[2]))))' %s %s"
)
KERNEL = {
    "kernel.core_pattern": "|/bin/false",
    "kernel.sysrq": "0",
    "kernel.yama.ptrace_scope": "2",
    "net.ipv4.conf.all.log_martians": "1",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.tcp_syncookies": "1",
}


def rules(server) -> set[str]:
    """What the firewall lets in, without the distinction of IPv4 and IPv6."""
    lines = server.check_output("ufw status").splitlines()
    return {" ".join(line.partition("#")[0].replace("(v6)", "").split()) for line in lines if "ALLOW" in line or "LIMIT" in line}


def one_of(servers) -> tuple:
    """The last host, and the options of a run that goes to it alone, for what is the same on each release and takes several runs."""
    return servers[-1], ("--limit", servers[-1].backend.name)


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
    records = {name: json.loads(server.file(f"/etc/shortstop/sites/{name}.json").content_string) for name in ("blog", "shop")}
    database = {"engine": "postgres", "name": "blog", "user": "blog", "host": "", "port": 5432}
    assert records["blog"] == {"user": "blog", "root": "/srv/blog", "database": database}
    # The password of a database on another server is no part of it.
    remote = {"engine": "postgres", "name": "shop2", "user": "shop", "host": "db.example.com", "port": 5432}
    assert records["shop"] == {"user": "shop", "root": "/srv/shop", "database": remote}


def test_ssh_lets_in_keys_alone_and_not_root(server):
    wanted = {"permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "pubkeyauthentication yes"}
    assert wanted <= set(server.check_output("sshd -T").splitlines())
    ask = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes -o PreferredAuthentications=password,keyboard-interactive localhost true"
    refused = server.run(ask)
    assert refused.rc == 255
    assert "Permission denied (publickey)" in refused.stderr
    assert "This is a private system" in refused.stderr


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
    assert rules(server) == {"22/tcp LIMIT Anywhere", "22/tcp ALLOW 172.16.0.0/12", "5432/tcp ALLOW 10.0.0.5", "6000:6010/udp ALLOW Anywhere"}


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


def test_the_clock_is_kept(server):
    assert server.service("systemd-timesyncd").is_enabled


def test_the_journal_leaves_room_on_the_disk(server):
    assert "max 1G" in server.check_output("journalctl --boot --unit systemd-journald | grep 'System Journal' | tail -n 1").replace("1.0G", "1G")


def test_a_boot_restrains_the_kernel(server):
    told = applied_at_boot(server)
    assert {name: told.get(name) for name in KERNEL} == KERNEL
    assert told["kernel.perf_event_paranoid"] == STRICTEST[server.system_info.distribution]
    # Which comes later at a boot, and has an opinion of its own.
    assert server.check_output(". /etc/default/ufw && echo $IPT_SYSCTL") == ""


def test_no_module_is_loaded_that_a_site_could_ask_for(server):
    text = server.check_output("cat /etc/modprobe.d/*.conf")
    assert all(f"install {module} /bin/false" in text for module in ("dccp", "sctp", "rds", "tipc", "usb-storage", "udf"))


def test_no_memory_is_written_to_disk(server):
    assert server.check_output("su --login deploy --command 'ulimit -Hc'") == "0"


def test_a_forgotten_shell_ends(server):
    assert server.check_output("su --login deploy --command 'echo $TMOUT'") == "3600"


def test_new_files_are_their_owner_s_and_group_s_alone(server):
    assert server.check_output("useradd --create-home newcomer && stat --format %a /home/newcomer && userdel --remove newcomer 2>/dev/null") in ("750", "700")


def test_an_upgrade_restarts_what_has_old_libraries_but_no_site(server):
    library = "/usr/local/lib/proof.so"
    units = ("gunicorn-blog@proof", "site-blog-proof", "shortstop-deploy-proof", "postgresql-proof", "proof")
    unit = f"[Service]\\nEnvironment=LD_PRELOAD={library}\\nExecStart=/usr/bin/sleep infinity\\n"
    server.check_output(f"cp $(ls /lib/*/libz.so.1 /usr/lib/*/libz.so.1 2>/dev/null | head -n 1) {library}")
    for name in units:
        server.check_output(f"printf '{unit}' >/run/systemd/system/{name}.service")
    server.check_output(f"systemctl daemon-reload && systemctl start {' '.join(units)}")
    before = {name: server.check_output(f"systemctl show --value --property MainPID {name}") for name in units}
    server.check_output(f"rm {library} && cp $(ls /lib/*/libz.so.1 /usr/lib/*/libz.so.1 2>/dev/null | head -n 1) {library}")
    server.run("DEBIAN_FRONTEND=noninteractive needrestart -l")
    after = {name: server.check_output(f"systemctl show --value --property MainPID {name}") for name in units}
    server.check_output(f"systemctl stop {' '.join(units)}; rm /run/systemd/system/*proof.service {library}; systemctl daemon-reload")
    assert [name for name in units if before[name] != after[name]] == ["proof"]


def test_a_stranger_who_knocks_all_the_time_waits(server):
    with stranger(server, "hasty", "203.0.113") as there, stranger(server, "calm", "198.51.100") as elsewhere:
        assert server.check_output(f"{there} {KNOCK}", "203.0.113.1", "6") == "in in in in in out"
        assert server.check_output(f"{elsewhere} {KNOCK}", "198.51.100.1", "1") == "in"


def test_a_stranger_who_tries_keys_is_banned(server):
    with stranger(server, "guesser", "192.0.2") as there:
        server.run(f"for _ in 1 2 3 4 5; do {there} {ASK} admin@192.0.2.1 true; done")
        until(server, 60, "nft list table inet f2b-table | grep -q 192.0.2.2")
        assert server.check_output(f"{there} {KNOCK}", "192.0.2.1", "1") == "out"


def test_who_tries_root_or_the_deploy_user_counts_as_well_and_who_only_looks_does_not(server):
    failed = "fail2ban-client status sshd | sed -n 's/.*Total failed:\\s*//p'"
    before = int(server.check_output(failed))
    with stranger(server, "patient", "198.18.0") as there:
        assert server.check_output(f"{there} {KNOCK}", "198.18.0.1", "1") == "in"
        for user in ("root", "deploy"):
            assert "Permission denied" in server.run(f"{there} {ASK} {user}@198.18.0.1 true").stderr
        until(server, 60, f"[ $({failed}) -ge {before + 2} ]")
    assert int(server.check_output(failed)) == before + 2


# From here on the hosts change.
def test_what_was_changed_by_hand_is_shown_and_repaired(play, servers):
    for server in servers:
        server.check_output("sed --in-place 's/PermitRootLogin no/PermitRootLogin yes/' /etc/ssh/sshd_config.d/00-shortstop.conf && systemctl reload ssh")
        server.check_output("chown root /home/deploy/.ssh/authorized_keys && chmod 0644 /home/deploy/.ssh/authorized_keys")
        server.check_output("echo %s >>/home/deploy/.ssh/authorized_keys; echo %s >>/root/.ssh/authorized_keys", COLLEAGUE, FORCED)
        server.check_output("usermod --append --groups www-data,shadow blog")
        put(server, "/usr/lib/systemd/system/apport.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
        server.check_output("systemctl daemon-reload && systemctl start apport")
        server.check_output("ufw delete limit 22/tcp && ufw default allow incoming && usermod --shell /bin/bash blog && chmod 0600 /etc/sudoers.d/shortstop")
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 9  # with sshd's reload and the kernel's
    assert "-PermitRootLogin yes" in shown.output
    play().expect_success()
    for server in servers:
        assert "permitrootlogin no" in server.check_output("sshd -T").splitlines()
        keys = server.file("/home/deploy/.ssh/authorized_keys")
        assert (keys.user, keys.mode) == ("deploy", 0o600)
        assert (COLLEAGUE in keys.content_string, FORCED in keys.content_string) == (True, False)
        assert "22/tcp LIMIT Anywhere" in rules(server)
        assert "Default: deny (incoming)" in server.check_output("ufw status verbose")
        assert (server.user("blog").shell, server.user("blog").groups) == ("/usr/sbin/nologin", ["blog"])
        assert [server.run(f"systemctl {ask} apport").stdout.strip() for ask in ("is-enabled", "is-active")] == ["masked", "inactive"]
        assert server.file("/etc/sudoers.d/shortstop").mode == 0o440


def test_what_no_variable_names_any_more_is_closed_and_others_rules_stay(play, servers):
    """A rule of somebody else's looks like ours, but for our mark."""
    for server in servers:
        server.check_output("ufw allow from 10.0.0.5 to any port 5433 proto tcp comment PostgreSQL")
    tests = "172.16.0.0/12"
    entries = [{"port": 5432, "from": "10.0.0.6", "comment": "moved"}, {"port": 5432, "from": "fd00::5"}, {"port": 8000}]
    play(playbook=FIREWALL, base_firewall_rules=entries, base_never_banned=[tests, "192.0.2.7"]).expect_success()
    more = {"5432/tcp ALLOW 10.0.0.6", "5432/tcp ALLOW fd00::5", "8000/tcp ALLOW Anywhere", "22/tcp ALLOW 192.0.2.7"}
    always = {"22/tcp LIMIT Anywhere", f"22/tcp ALLOW {tests}", "5433/tcp ALLOW 10.0.0.5"}
    assert [rules(server) for server in servers] == [always | more] * len(servers)
    assert play("--check", playbook=FIREWALL, base_firewall_rules=[]).expect_success().changed == 1
    assert [rules(server) for server in servers] == [always | more] * len(servers)
    play(playbook=FIREWALL, base_firewall_rules=[]).expect_success()
    assert [rules(server) for server in servers] == [always] * len(servers)
    for server in servers:
        server.check_output("ufw delete allow from 10.0.0.5 to any port 5433 proto tcp")
    play(playbook=FIREWALL).expect_success()


def test_sshd_reads_what_a_run_that_was_killed_wrote(play, servers):
    server, limit = one_of(servers)
    server.check_output(f"sed --in-place 's/PermitRootLogin no/PermitRootLogin yes/' {SSH_FILE} && systemctl reload ssh")
    until(server, 10, f"find /run/sshd.pid -newer {SSH_FILE} | grep -q .")
    server.check_output(f"sed --in-place 's/PermitRootLogin yes/PermitRootLogin no/' {SSH_FILE}")
    assert play(*limit).expect_success().changed == 2  # with sshd's reload


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


def test_a_user_or_group_that_shortstop_did_not_make_is_refused_before_anything_is_touched(play, servers):
    for server in servers:
        server.check_output("useradd --create-home --shell /bin/bash --groups www-data ada && groupadd readers")
    for user in ("ada", "readers"):
        refused = f'site "shop": the user or group "{user}" of this server is none that Shortstop made'
        run = play(sites={"blog": SITE, "shop": {**SITE, "domains": ["shop.{{ inventory_hostname }}.example.com"], "user": user}}).expect_failure(refused)
        assert run.changed == 0
    for server in servers:
        assert (server.user("ada").shell, server.user("ada").groups) == ("/bin/bash", ["ada", "www-data"])
        assert not server.user("readers").exists
        server.check_output("userdel --remove ada 2>/dev/null && groupdel readers")


def test_a_door_that_sshd_would_not_close_is_said_and_left_as_it_was(play, servers):
    server, limit = one_of(servers)
    server.check_output("sed --in-place 's/^Include/#Include/' /etc/ssh/sshd_config")
    said = '"Include /etc/ssh/sshd_config.d/*.conf" must come first in /etc/ssh/sshd_config'
    play(*limit).expect_failure(said)
    assert server.file(SSH_FILE).contains("^PermitRootLogin no$")
    server.check_output(f"rm {SSH_FILE}")
    play("--check", *limit).expect_success()
    play(*limit).expect_failure(said)
    assert [name for name in server.file("/etc/ssh/sshd_config.d").listdir() if "shortstop" in name] == []
    server.check_output("sed --in-place 's/^#Include/Include/' /etc/ssh/sshd_config")
    play(*limit).expect_success()
    assert "permitrootlogin no" in server.check_output("sshd -T").splitlines()
