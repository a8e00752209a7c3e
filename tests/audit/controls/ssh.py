"""dev-sec's ssh baseline: ssh-… is the client on the server, sshd-… the server."""

from __future__ import annotations

from testinfra.host import Host

from controls import control, settings

CIPHERS = {"chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"}
EXCHANGES = {
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
}
# They sign what is encrypted, and not what was.
MACS = {"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com"}

CLIENT = {
    "ssh-02": {"addressfamily": "inet"},
    "ssh-03": {"port": "22"},
    "ssh-05": {"batchmode": "no"},
    "ssh-06": {"checkhostip": "yes"},
    "ssh-07": {"stricthostkeychecking": "ask"},
    "ssh-11": {"forwardagent": "no"},
    "ssh-12": {"forwardx11": "no"},
    "ssh-13": {"hostbasedauthentication": "no"},
    "ssh-16": {"passwordauthentication": "no"},
    "ssh-17": {"gssapiauthentication": "no"},
    "ssh-18": {"gssapidelegatecredentials": "no"},
    "ssh-19": {"tunnel": "false"},
    "ssh-20": {"permitlocalcommand": "no"},
}
SERVER = {
    "sshd-06": {"permitrootlogin": "no"},
    "sshd-07": {"port": "22"},
    "sshd-08": {"addressfamily": "inet"},
    "sshd-11": {"strictmodes": "yes"},
    "sshd-12": {"syslogfacility": "AUTH"},
    "sshd-13": {"loglevel": "VERBOSE"},
    "sshd-17": {"permituserenvironment": "no"},
    "sshd-18": {"logingracetime": "30"},
    "sshd-19": {"maxauthtries": "2"},
    "sshd-20": {"maxsessions": "10"},
    "sshd-21": {"maxstartups": "10:30:60"},
    "sshd-22": {"pubkeyauthentication": "yes", "authenticationmethods": "publickey"},
    "sshd-23": {"ignorerhosts": "yes"},
    "sshd-24": {"ignoreuserknownhosts": "yes"},
    "sshd-25": {"hostbasedauthentication": "no"},
    "sshd-27": {"passwordauthentication": "no"},
    "sshd-28": {"permitemptypasswords": "no"},
    "sshd-29": {"kbdinteractiveauthentication": "no"},
    "sshd-30": {"kerberosauthentication": "no"},
    "sshd-31": {"kerberosorlocalpasswd": "no"},
    "sshd-32": {"kerberosticketcleanup": "yes"},
    "sshd-33": {"gssapiauthentication": "no"},
    "sshd-34": {"gssapicleanupcredentials": "yes"},
    "sshd-35": {"tcpkeepalive": "no"},
    "sshd-36": {"clientaliveinterval": "300"},
    "sshd-38": {"permittunnel": "no"},
    "sshd-39": {"allowtcpforwarding": "no", "allowstreamlocalforwarding": "no"},
    "sshd-40": {"allowagentforwarding": "no"},
    "sshd-41": {"gatewayports": "no"},
    "sshd-42": {"x11forwarding": "no"},
    "sshd-43": {"x11uselocalhost": "yes"},
    "sshd-44": {"printmotd": "no"},
    "sshd-45": {"printlastlog": "no"},
    "sshd-46": {"banner": "none"},
}


def client(server: Host) -> dict[str, str]:
    """What ssh on the server does unless it is told otherwise."""
    return settings(server.check_output("ssh -G example.com"))


def daemon(server: Host) -> dict[str, str]:
    """What sshd would do if it started now."""
    return settings(server.check_output("sshd -T"))


def ask_options(name: str, reads: object, wanted: dict[str, str]) -> None:
    @control(name)
    def ask(server: Host) -> None:
        told = reads(server)
        assert {key: told.get(key) for key in wanted} == wanted


def ask_algorithms(name: str, reads: object, option: str, good: set[str]) -> None:
    @control(name)
    def ask(server: Host) -> None:
        offered = set(reads(server)[option].split(","))
        assert not offered - good


for _name, _wanted in CLIENT.items():
    ask_options(_name, client, _wanted)
for _name, _wanted in SERVER.items():
    ask_options(_name, daemon, _wanted)
for _option, _good, _of_client, _of_server in (
    ("ciphers", CIPHERS, "ssh-08", "sshd-01"),
    ("kexalgorithms", EXCHANGES, "ssh-09", "sshd-02"),
    ("macs", MACS, "ssh-10", "sshd-03"),
):
    ask_algorithms(_of_client, client, _option, _good)
    ask_algorithms(_of_server, daemon, _option, _good)


@control("ssh-01")
def the_client_s_settings_are_root_s_to_write(server: Host) -> None:
    for path in ("/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d"):
        file = server.file(path)
        assert (file.user, file.group, file.mode & 0o022) == ("root", "root", 0)


@control("sshd-04")
def the_directory_is_root_s(server: Host) -> None:
    directory = server.file("/etc/ssh")
    assert (directory.user, directory.group, directory.mode) == ("root", "root", 0o755)


@control("sshd-05")
def the_settings_are_root_s(server: Host) -> None:
    for path in ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/00-shortstop.conf"):
        file = server.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


@control("sshd-47")
def it_does_not_say_which_package_it_is(server: Host) -> None:
    # Not each sshd tells this setting of its own.
    said = server.check_output("bash -c 'exec 3<>/dev/tcp/127.0.0.1/22 && head -n 1 <&3'")
    assert said.startswith("SSH-2.0-OpenSSH_")
    assert "Debian" not in said


@control("sshd-09")
def it_listens_where_it_is_said_and_nowhere_else(server: Host) -> None:
    listening = server.check_output("ss --listening --tcp --numeric --processes --no-header | grep sshd").splitlines()
    assert {line.split()[3] for line in listening} == {"0.0.0.0:22", "[::]:22"}


@control("sshd-10")
def it_speaks_version_2(server: Host) -> None:
    ask = "import socket; print(socket.create_connection(('127.0.0.1', 22), 5).recv(99).decode())"
    assert server.check_output(f'python3 -c "{ask}"').startswith("SSH-2.0-")


@control("sshd-14")
def its_keys_are_root_s(server: Host) -> None:
    paths = [line.split()[1] for line in server.check_output("sshd -T").splitlines() if line.startswith("hostkey ")]
    found = {path: (file.user, file.group, file.mode) for path in paths for file in [server.file(path)]}
    assert found == dict.fromkeys(["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_4096_key"], ("root", "root", 0o600))


@control("sshd-16")
def whoever_is_not_in_yet_talks_to_nobody(server: Host) -> None:
    user = server.user("sshd")
    assert (user.shell, server.file("/run/sshd").mode & 0o022) == ("/usr/sbin/nologin", 0)


@control("sshd-37")
def a_client_that_is_gone_is_let_go(server: Host) -> None:
    assert 0 < int(daemon(server)["clientalivecountmax"]) <= 3


@control("sshd-48")
def primes_are_long(server: Host) -> None:
    lengths = {int(line.split()[4]) for line in server.file(daemon(server)["modulifile"]).content_string.splitlines() if not line.startswith("#")}
    assert lengths
    assert min(lengths) >= 3071


@control("sshd-50")
def the_rsa_key_is_long(server: Host) -> None:
    assert server.check_output("ssh-keygen -lf /etc/ssh/ssh_host_rsa_4096_key.pub").split()[0] == "4096"
