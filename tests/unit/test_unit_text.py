"""The unit that role gunicorn writes: what each level and each switch changes of it."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils import site_keys


def changed(unit_of, **keys: object) -> tuple[set[str], set[str]]:
    """The lines that go and those that come, against a site as it is by default."""
    before, after = set(unit_of().splitlines()), set(unit_of(**keys).splitlines())
    return before - after, after - before


FILTER = "SystemCallFilter=~@privileged @resources"
FAMILIES = "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6"
SWITCHES = {
    "executable_memory": ({"MemoryDenyWriteExecute=yes"}, set()),
    "scheduling": ({FILTER}, {"SystemCallFilter=~@privileged"}),
    "ownership": (set(), {"SystemCallFilter=@chown"}),
    "namespaces": ({"RestrictNamespaces=yes"}, {"SystemCallFilter=@mount @setuid chroot"}),
    "netlink": ({FAMILIES}, {f"{FAMILIES} AF_NETLINK"}),
}


def test_every_switch_is_here():
    assert SWITCHES.keys() == set(site_keys.SANDBOX_SWITCHES)


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch(unit_of, switch):
    assert changed(unit_of, sandbox={"allow": [switch]}) == SWITCHES[switch]


def test_a_project_below_the_top_of_its_source(unit_of):
    top = "WorkingDirectory=/srv/blog/releases/%i/source"
    assert changed(unit_of, source_project_dir="backend") == ({top}, {f"{top}/backend"})


def test_standard(unit_of):
    assert changed(unit_of, sandbox={"level": "standard", "allow": ["executable_memory", "scheduling"]}) == (
        {"MemoryDenyWriteExecute=yes", FILTER},
        {"SystemCallFilter=~@privileged"},
    )


def test_off_leaves_the_user_the_limits_and_the_network(unit_of):
    text = unit_of(sandbox={"level": "off"})
    names = [line.partition("=")[0] for line in text.partition("# Sandbox:")[2].partition("[Install]")[0].splitlines()[1:] if line and line[0] != "#"]
    assert names == ["User", "Group", "UMask", "Slice", "LogNamespace", "MemoryMax", "TasksMax", "OOMScoreAdjust", "IPAddressDeny", "IPAddressAllow"]


def test_what_a_site_may_write(unit_of):
    assert changed(unit_of, sandbox={"writable": ["/mnt/pictures", "/runner"]}) == (set(), {"ReadWritePaths=/mnt/pictures", "ReadWritePaths=/runner"})


def test_a_directory_below_run_is_mounted_for_the_site(unit_of):
    assert changed(unit_of, sandbox={"writable": ["/run/redis"]}) == (set(), {"BindPaths=/run/redis"})


SOCKETS = "BindReadOnlyPaths=-/run/systemd/notify"
NAMES = "BindReadOnlyPaths=-/run/systemd/resolve -/run/resolvconf -/run/NetworkManager"
DATABASE = "BindReadOnlyPaths=-/run/postgresql"


def test_of_run_a_site_sees_what_it_needs(unit_of):
    text = unit_of()
    assert [line for line in text.splitlines() if "/run" in line.partition("=")[2]] == [
        "TemporaryFileSystem=/run:ro,mode=0755,nosuid,nodev,noexec",
        SOCKETS,
        NAMES,
        DATABASE,
        "InaccessiblePaths=-/etc/systemd/system -/dev/ptmx -/dev/pts -/run/systemd/journal/stdout",
    ]


@pytest.mark.parametrize("database", [{"engine": "sqlite", "host": ""}, {"engine": "postgres", "host": "db.example.com"}])
def test_a_site_sees_the_database_s_socket_only_if_its_database_is_there(unit_of, database):
    assert DATABASE not in unit_of(database=database).splitlines()


def test_off_leaves_run_as_it_is(unit_of):
    assert "/run" not in unit_of(sandbox={"level": "off", "writable": ["/run/redis"]})


def test_a_site_that_reaches_nothing_has_no_network(unit_of):
    gone, come = changed(unit_of, outbound=[])
    assert NAMES in gone
    assert come == {"PrivateNetwork=yes", "IPAddressDeny=any", "RestrictAddressFamilies=~AF_INET AF_INET6"}
