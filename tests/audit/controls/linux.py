"""dev-sec's linux baseline."""

from __future__ import annotations

from testinfra.host import Host

from controls import control, settings

CRON = ("cron.d", "cron.hourly", "cron.daily", "cron.weekly", "cron.monthly")
# Programs that once were set-uid for a reason that no server has any more.
NEEDLESS_SUID = (
    "/usr/bin/rcp /usr/bin/rlogin /usr/bin/rsh /usr/bin/at /usr/bin/lockfile /usr/bin/mail-lock /usr/bin/mail-unlock /usr/bin/mail-touchlock"
    " /usr/bin/dotlockfile /usr/bin/arping /usr/bin/mtr /usr/bin/pkexec /usr/bin/fusermount /usr/bin/Xorg /usr/bin/X /usr/bin/screen"
    " /usr/lib/openssh/ssh-keysign /usr/libexec/openssh/ssh-keysign /usr/lib/eject/dmcrypt-get-device /usr/lib/pt_chown"
    " /usr/lib/vte/gnome-pty-helper /usr/lib/polkit-1/polkit-agent-helper-1 /usr/sbin/pppd /usr/sbin/usernetctl /usr/sbin/netreport"
    " /usr/sbin/mount.nfs /usr/sbin/mount.cifs /usr/sbin/suexec"
).split()
UNUSED_FILESYSTEMS = {"cramfs", "freevxfs", "jffs2", "hfs", "hfsplus", "squashfs", "udf", "vfat"}
BOTH = ("all", "default")


def each(pattern: str, value: str, names: tuple[str, ...] = BOTH) -> dict[str, str]:
    return {pattern.format(name): value for name in names}


# A container cannot show a kernel's settings, so what is asked is what systemd would apply at a boot.
SYSCTLS = {
    "sysctl-01": {"net.ipv4.ip_forward": "0"},
    "sysctl-02": each("net.ipv4.conf.{}.rp_filter", "1"),
    "sysctl-03": {"net.ipv4.icmp_ignore_bogus_error_responses": "1"},
    "sysctl-04": {"net.ipv4.icmp_echo_ignore_broadcasts": "1"},
    "sysctl-05": {"net.ipv4.icmp_ratelimit": "100"},
    "sysctl-06": {"net.ipv4.icmp_ratemask": "88089"},
    "sysctl-07": {"net.ipv4.tcp_timestamps": "0"},
    "sysctl-08": {"net.ipv4.conf.all.arp_ignore": "1"},
    "sysctl-09": {"net.ipv4.conf.all.arp_announce": "2"},
    "sysctl-10": {"net.ipv4.tcp_rfc1337": "1"},
    "sysctl-11": {"net.ipv4.tcp_syncookies": "1"},
    "sysctl-12": each("net.ipv4.conf.{}.shared_media", "0"),
    "sysctl-13": each("net.ipv4.conf.{}.accept_source_route", "0"),
    "sysctl-14": each("net.ipv4.conf.{}.accept_redirects", "0"),
    "sysctl-15": each("net.ipv4.conf.{}.secure_redirects", "0"),
    "sysctl-16": each("net.ipv4.conf.{}.send_redirects", "0"),
    "sysctl-17": each("net.ipv4.conf.{}.log_martians", "1"),
    "sysctl-19": {"net.ipv6.conf.all.forwarding": "0"},
    "sysctl-20": each("net.ipv6.conf.{}.accept_redirects", "0"),
    "sysctl-21": each("net.ipv6.conf.{}.router_solicitations", "0"),
    "sysctl-22": each("net.ipv6.conf.{}.accept_ra_rtr_pref", "0"),
    "sysctl-23": each("net.ipv6.conf.{}.accept_ra_pinfo", "0"),
    "sysctl-24": each("net.ipv6.conf.{}.accept_ra_defrtr", "0"),
    "sysctl-25": each("net.ipv6.conf.{}.accept_ra", "0"),
    "sysctl-26": each("net.ipv6.conf.{}.autoconf", "0"),
    "sysctl-27": each("net.ipv6.conf.{}.dad_transmits", "0"),
    "sysctl-28": each("net.ipv6.conf.{}.max_addresses", "1"),
    "sysctl-29": {"kernel.modules_disabled": "1"},
    "sysctl-30": {"kernel.sysrq": "0"},
    "sysctl-31a": {"fs.suid_dumpable": "0"},
    "sysctl-31b": {"kernel.core_pattern": "|/bin/false"},
    "sysctl-32": {"kernel.randomize_va_space": "2"},
    "sysctl-34": {"fs.protected_hardlinks": "1", "fs.protected_symlinks": "1"},
    "sysctl-35": {"kernel.yama.ptrace_scope": "2"},
}

ABSENT = {
    "package-01": ("inetd", "xinetd", "openbsd-inetd", "inetutils-inetd"),
    "package-02": ("telnetd", "inetutils-telnetd"),
    "package-03": ("rsh-server", "rsh-redone-server"),
    "package-05": ("nis", "ypserv"),
    "package-06": ("tftpd", "tftpd-hpa", "atftpd"),
    "package-09": ("prelink",),
}


def applied_at_boot(server: Host) -> dict[str, str]:
    """What systemd-sysctl reads, its last word on each; a leading `-` only says that a failure does not matter."""
    text = server.check_output("$(find /lib/systemd /usr/lib/systemd -name systemd-sysctl | head -n 1) --cat-config")
    return {name.removeprefix("-").replace("/", "."): value for name, value in settings(text).items()}


def ask_sysctls(name: str, wanted: dict[str, str]) -> None:
    @control(name)
    def ask(server: Host) -> None:
        told = applied_at_boot(server)
        assert {key: told.get(key) for key in wanted} == wanted


def ask_absence(name: str, packages: tuple[str, ...]) -> None:
    @control(name)
    def ask(server: Host) -> None:
        assert not [package for package in packages if server.package(package).is_installed]


for _name, _wanted in SYSCTLS.items():
    ask_sysctls(_name, _wanted)
for _name, _packages in ABSENT.items():
    ask_absence(_name, _packages)


def accounts(server: Host, file: str = "/etc/passwd") -> list[list[str]]:
    return [line.split(":") for line in server.file(file).content_string.splitlines()]


@control("os-01")
def nobody_comes_in_because_of_where_from(server: Host) -> None:
    assert not server.file("/etc/hosts.equiv").exists
    assert not server.file("/etc/ssh/shosts.equiv").exists


@control("os-02")
def shadow_is_root_s(server: Host) -> None:
    file = server.file("/etc/shadow")
    assert (file.user, file.group, file.mode) == ("root", "shadow", 0o640)


@control("os-03")
def passwd_is_root_s_to_write(server: Host) -> None:
    file = server.file("/etc/passwd")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


@control("os-03b")
def passwd_holds_no_hash(server: Host) -> None:
    assert {account[1] for account in accounts(server)} == {"x"}


@control("os-04")
def nothing_runs_from_where_one_stands(server: Host) -> None:
    for user in ("root", "deploy"):
        path = server.check_output("su --login %s --command 'printenv PATH'", user)
        assert all(part.startswith("/") for part in path.split(":")), path


@control("os-05")
def logins_have_an_end(server: Host) -> None:
    told = {name: value.strip() for name, value in settings(server.file("/etc/login.defs").content_string.replace("\t", " ")).items()}
    wanted = {"pass_max_days": "60", "pass_min_days": "7", "login_retries": "5", "login_timeout": "60", "umask": "027"}
    assert {name: told.get(name) for name in wanted} == wanted


@control("os-06")
def nothing_needless_runs_as_root(server: Host) -> None:
    privileged = set(server.check_output("find / -xdev -type f -perm /6000").split())
    assert privileged, "find finds nothing, not even su"
    assert not privileged & set(NEEDLESS_SUID)


@control("os-07")
def numbers_belong_to_one(server: Host) -> None:
    for file in ("/etc/passwd", "/etc/group"):
        numbers = [account[2] for account in accounts(server, file)]
        assert len(numbers) == len(set(numbers))


@control("os-09")
def no_home_holds_a_password_or_trusts_a_host(server: Host) -> None:
    homes = {account[5] for account in accounts(server)} - {"/"}
    assert not [file for home in homes for name in (".rhosts", ".netrc") if (file := f"{home}/{name}") and server.file(file).exists]


@control("os-10")
def unused_filesystems_are_not_loaded(server: Host) -> None:
    text = server.check_output("cat /etc/modprobe.d/*.conf")
    refused = {words[1] for line in text.splitlines() if (words := line.split())[:1] == ["install"] and words[2:] == ["/bin/false"]}
    assert refused >= UNUSED_FILESYSTEMS


@control("os-11")
def logs_are_root_s(server: Host) -> None:
    directory = server.file("/var/log")
    assert directory.user == "root"
    assert not directory.mode & 0o002


@control("os-13")
def what_root_does_at_set_times_is_root_s(server: Host) -> None:
    found = {name: (file.user, file.group, file.mode) for name in CRON for file in [server.file(f"/etc/{name}")]}
    assert found == dict.fromkeys(CRON, ("root", "root", 0o700))
    table = server.file("/etc/crontab")
    assert not table.exists or (table.user == "root" and not table.mode & 0o077)


@control("package-08")
def somebody_keeps_the_kernel_s_records(server: Host) -> None:
    assert server.package("auditd").is_installed


@control("sysctl-33")
def data_is_not_run(server: Host) -> None:
    flags = {flag for line in server.file("/proc/cpuinfo").content_string.splitlines() if line.startswith(("flags", "Features")) for flag in line.split()}
    assert server.system_info.arch != "x86_64" or "nx" in flags
