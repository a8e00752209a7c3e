"""Which host keys an operator's machine trusts, and where somebody else's lines say something else."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import replaced
from ansible_collections.shortstop.django.plugins.plugin_utils.known_hosts import Pins, pins

OLD, NEW, STRANGE = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43}" for letter in "ABC")
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ=="
BLOG = {"address": "192.0.2.10", "port": 22, "host_keys": []}
UAT = {"address": "192.0.2.10", "port": 2222, "host_keys": []}
UNKNOWN = (
    'server "blog": no host key is known, and none was learned, since this run has not made the server; either give its host_keys, as'
    " /etc/ssh/ssh_host_*_key.pub shows them on its own console, or connect once by hand (ssh blog) and compare the fingerprint"
)
SAYS_ELSE = 'server "blog": line {} of /home/ada/.ssh/known_hosts trusts another key of {} than the one that is pinned now; '
REMOVE = SAYS_ELSE + "if that is an old one, remove it with: ssh-keygen -f /home/ada/.ssh/known_hosts -R {}"


def decided(text: str = "", servers: dict | None = None, **scanned: str) -> Pins:
    return pins(text, servers or {"blog": BLOG}, "a", scanned=scanned, path="/home/ada/.ssh/known_hosts")


def pinned(*keys: str, hosts: tuple[str, ...] = ("192.0.2.10", "blog"), block: str = "a") -> str:
    return replaced("", block, "\n".join(f"{host} {key}" for host in hosts for key in keys))


def test_it_works():
    result = decided("", blog=f"# 192.0.2.10:22 SSH-2.0\n192.0.2.10 {RSA}\n192.0.2.10 {NEW}\n")
    assert result == Pins(lines=[f"192.0.2.10 {NEW}", f"192.0.2.10 {RSA}", f"blog {NEW}", f"blog {RSA}"])


def test_a_server_that_this_run_has_not_made_keeps_its_pins():
    assert decided(pinned(OLD)).lines == [f"192.0.2.10 {OLD}", f"blog {OLD}"]


def test_one_that_it_has_made_gets_new_ones():
    assert decided(pinned(OLD), blog=f"192.0.2.10 {NEW}\n").lines == [f"192.0.2.10 {NEW}", f"blog {NEW}"]


def test_given_keys_are_above_all():
    given_keys = {"blog": {**BLOG, "host_keys": [f"{NEW} root@blog"]}}
    assert decided(pinned(OLD), given_keys, blog=f"192.0.2.10 {STRANGE}\n").lines == [f"192.0.2.10 {NEW}", f"blog {NEW}"]


def test_another_port_is_another_server():
    result = decided("", {"blog": BLOG, "uat": UAT}, blog=f"192.0.2.10 {OLD}", uat=f"[192.0.2.10]:2222 {NEW}")
    assert result == Pins(lines=[f"192.0.2.10 {OLD}", f"blog {OLD}", f"[192.0.2.10]:2222 {NEW}", f"[uat]:2222 {NEW}"])


def test_names_that_are_swapped_leave_the_keys_with_the_addresses():
    text = replaced("", "a", f"192.0.2.10 {OLD}\nblog {OLD}\n192.0.2.11 {NEW}\nuat {NEW}")
    result = decided(text, {"blog": {**BLOG, "address": "192.0.2.11"}, "uat": BLOG})
    assert result.lines == [f"192.0.2.11 {NEW}", f"blog {NEW}", f"192.0.2.10 {OLD}", f"uat {OLD}"]


@pytest.mark.parametrize("lost", ["192.0.2.10", "blog"])
def test_what_ssh_keygen_took_comes_back_from_the_other_host(tmp_path: Path, lost):
    file = tmp_path / "known_hosts"
    file.write_text(pinned(OLD, RSA))
    subprocess.run(["ssh-keygen", "-f", file, "-R", lost], check=True, capture_output=True)
    assert lost not in file.read_text()
    assert decided(file.read_text()) == decided(pinned(OLD, RSA))


def test_an_unknown_server_is_told_and_not_learned():
    assert decided() == Pins(hints=[UNKNOWN])


def test_nothing_is_told_of_one_that_was_met_by_hand(tmp_path: Path):
    file = tmp_path / "known_hosts"
    file.write_text(f"192.0.2.10 {STRANGE}\n")
    assert decided(file.read_text()) == Pins()
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "192.0.2.10" not in file.read_text()
    assert decided(file.read_text()) == Pins()


def test_hashed_pins_are_pins(tmp_path: Path):
    file = tmp_path / "known_hosts"
    file.write_text(pinned(OLD))
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert decided(file.read_text()) == decided(pinned(OLD))


def test_a_made_server_that_does_not_answer_keeps_its_pins_and_is_told():
    said = 'server "blog": nothing answered as an SSH server at 192.0.2.10, port 22, so its host keys could not be learned'
    assert decided(pinned(OLD), blog="") == replace(decided(pinned(OLD)), errors=[said])
    assert decided("", blog="").errors == [said]


@pytest.mark.parametrize("hosts", ["192.0.2.10", "cloud.example.com,192.0.2.10", "192.0.2.10\t", "  192.0.2.10"])
def test_a_line_that_trusts_another_key_is_told_with_what_removes_it(hosts):
    result = decided(f"# mine\n{hosts} {OLD} by hand\n", blog=f"192.0.2.10 {NEW}")
    assert result == Pins(lines=[f"192.0.2.10 {NEW}", f"blog {NEW}"], errors=[REMOVE.format(2, "192.0.2.10", "192.0.2.10")])


def test_so_is_one_that_is_hashed(tmp_path: Path):
    file = tmp_path / "known_hosts"
    file.write_text(f"github.com {RSA}\n192.0.2.10 {OLD}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert decided(file.read_text() + pinned(NEW)).errors == [REMOVE.format(2, "192.0.2.10", "192.0.2.10")]


def test_of_several_one_at_a_time_so_that_the_pins_outlive_the_command():
    text = f"blog {OLD}\n192.0.2.10 {OLD}\n" + pinned(NEW)
    assert decided(text).errors == [REMOVE.format(2, "192.0.2.10", "192.0.2.10")]
    assert decided(f"blog {OLD}\n" + pinned(NEW, hosts=("blog",))).errors == [REMOVE.format(1, "blog", "blog")]


def test_the_command_is_one_that_a_shell_takes(tmp_path: Path):
    (error,) = pins(f"[192.0.2.10]:2222 {OLD}\n" + pinned(NEW, hosts=("[uat]:2222",)), {"uat": UAT}, "a", scanned={}, path="/home/a b/known_hosts").errors
    assert error.endswith(": ssh-keygen -f '/home/a b/known_hosts' -R '[192.0.2.10]:2222'")


@pytest.mark.parametrize(
    "line",
    [
        f"192.0.2.10 {NEW}",
        f"192.0.2.10 {RSA}",
        f"[192.0.2.10]:2222 {OLD}",
        f"192.0.2.* {OLD}",
        f"192.0.2.100 {OLD}",
        f"@revoked 192.0.2.10 {OLD}",
        f"@cert-authority 192.0.2.10 {OLD}",
        f"# 192.0.2.10 {OLD}",
        "192.0.2.10",
        "|1|x=|y= no key",
        "",
    ],
)
def test_a_line_that_contradicts_nothing(line):
    assert decided(f"{line}\n{pinned(NEW)}{line}").errors == []


def test_another_inventory_s_pin_is_told_without_a_command_that_would_take_both():
    (error,) = decided(pinned(OLD, block="b") + pinned(NEW)).errors
    said = "it is the inventory b that has it, so give the same host_keys in both, or another name to one of two servers"
    assert error == SAYS_ELSE.format(2, "192.0.2.10") + said


@given(st.text(), st.text())
def test_whatever_a_file_holds_the_pins_stay(above, below):
    text = f"{above}\n{pinned(OLD)}{below}"
    assert decided(text).lines == decided(pinned(OLD)).lines
