"""What is wrong with the servers of an operator's machine, a sentence each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shortstop.django.plugins.module_utils.marked_block import MuddledError, replaced
from ansible_collections.shortstop.django.plugins.plugin_utils import servers as machine

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
NO_NAME = "a name is made of lower-case letters, digits, dots, - and _, and begins and ends with a letter or digit"
NO_ADDRESS = 'key "address" must be an IP address or a host name, in lower case, without user and port'
NO_KEYS = 'key "host_keys" must be a list of public keys, such as "ssh-ed25519 AAAA…"; a fingerprint is not enough'


def server_errors(servers: dict, name: str = "production", paths: tuple[str, ...] = ("~/.ssh/id_ed25519",), **options: bool) -> list[str]:
    return machine.server_errors(servers, name, list(paths), **options)


def test_it_works():
    whole = {"address": "192.0.2.10", "user": "ada", "port": 2222, "domains": ["blog.example.com"], "fresh": True, "host_keys": [f"{KEY} root@blog"]}
    servers = {"blog": whole, "web_1": {"address": "2001:db8::1"}, "db1.example.com": {"address": "db1.example.com"}, "192.0.2.12": {"address": "192.0.2.12"}}
    assert server_errors(servers, names_enabled=True) == []


@pytest.mark.parametrize("name", ["", "Blog", "*", "blog uat", "!blog", "-blog", "blog-", "a,b", "blog\n", 'a"b', "a" * 300, 7])
def test_a_name_that_ssh_would_read_as_something_else(name):
    assert server_errors({name: {"address": "192.0.2.10"}}) == [f'server "{name}": {NO_NAME}']


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("192.0.2.10", "must be a dict of keys, such as {address: 192.0.2.10}"),
        (None, "must be a dict of keys, such as {address: 192.0.2.10}"),
        ({}, 'key "address" is missing; give the IP address or host name by which ssh reaches it'),
        ({"address": None}, NO_ADDRESS),
        ({"address": "root@192.0.2.10"}, NO_ADDRESS),
        ({"address": "192.0.2.10:22"}, NO_ADDRESS),
        ({"address": "192.0.2.10\nProxyCommand true"}, NO_ADDRESS),
        ({"address": "-oProxyCommand=true"}, NO_ADDRESS),
        ({"address": "fe80::1%eth0"}, NO_ADDRESS),
        ({"address": "2001:DB8::1"}, NO_ADDRESS),
        ({"address": "192.0.2.300"}, NO_ADDRESS),
        ({"address": "192.0.2.10", "adress": ""}, 'key "adress" is not known; did you mean "address"?'),
        ({"address": "192.0.2.10", "user": "ada lovelace"}, 'key "user" must be the name of a user on the server'),
        ({"address": "192.0.2.10", "user": 7}, 'key "user" must be the name of a user on the server'),
        ({"address": "192.0.2.10", "port": "22"}, 'key "port" must be a whole number, 1 to 65535, without quotes'),
        ({"address": "192.0.2.10", "port": 65536}, 'key "port" must be a whole number, 1 to 65535, without quotes'),
        ({"address": "192.0.2.10", "fresh": "yes"}, 'key "fresh" must be true or false, without quotes'),
        ({"address": "192.0.2.10", "domains": "blog.example.com"}, 'key "domains" must be a list of host names, such as [blog.example.com]'),
        ({"address": "192.0.2.10", "domains": ["a b"]}, 'key "domains" must be a list of host names, such as [blog.example.com]'),
        ({"address": "192.0.2.10", "host_keys": KEY}, NO_KEYS),
        ({"address": "192.0.2.10", "host_keys": ["SHA256:dOKPaAmh8b3RlZ1mDmJyPqV2J0zYzGQ0mQmQ1sV4sVw"]}, NO_KEYS),
        ({"address": "192.0.2.10", "host_keys": [KEY.replace("ed25519 ", "rsa ")]}, NO_KEYS),
        ({"address": "192.0.2.10", "host_keys": [KEY[:-1]]}, NO_KEYS),
        ({"address": "192.0.2.10", "host_keys": [f"{KEY}\n* {KEY}"]}, NO_KEYS),
    ],
)
def test_a_server_that_cannot_be(server, said):
    assert server_errors({"blog": server}) == [f'server "blog": {said}']


def test_a_name_that_is_another_server_s_address():
    servers = {"192.0.2.11": {"address": "192.0.2.10"}}
    assert server_errors(servers) == ['server "192.0.2.11": is named after another address than its own, 192.0.2.10; give it another name']


def test_the_hosts_file_takes_ip_addresses_alone():
    servers = {"blog": {"address": "blog.example.com", "domains": ["www.example.com"]}}
    assert server_errors(servers) == []
    said = 'server "blog": key "address" must be an IP address, since the hosts file names it for its domains'
    assert server_errors(servers, names_enabled=True) == [said]


def test_what_two_servers_claim():
    servers = {
        "blog": {"address": "192.0.2.10", "domains": ["a.example.com"]},
        "uat": {"address": "192.0.2.10", "port": 22, "domains": ["a.example.com"]},
        "third": {"address": "192.0.2.10", "port": 2222},
    }
    assert server_errors(servers) == [
        'server "uat": address 192.0.2.10, port 22 is also claimed by server "blog"; each needs its own',
        'server "uat": domain a.example.com is also claimed by server "blog"; each needs its own',
    ]


@pytest.mark.parametrize("path", ['/home/"ada"/.ssh', "/home/it's", "/home/$USER/.ssh", "/home/%u/.ssh", "/home\\ada", "/home/ada\nHost *", ""])
def test_a_path_that_ssh_would_read_as_another(path):
    assert server_errors({}, paths=(path,)) == [f"{path}: a path with a quote, $, %, \\ or a line break cannot stand in the configuration of ssh"]


@pytest.mark.parametrize("name", ["", " blog", "blog\r", "blog\nHost *"])
def test_a_name_of_a_block_that_would_not_be_found_again(name):
    assert server_errors({}, name=name) == ["workstation_name must be a text of one line, without spaces around it"]
    with pytest.raises(MuddledError):
        replaced("", name, "ours")


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
SERVERS = st.dictionaries(st.sampled_from(["address", "user", "port", "domains", "fresh", "host_keys", "x"]), ANYTHING)


@given(st.dictionaries(st.sampled_from(["blog", "uat", "B", 1]) | st.text(), SERVERS | ANYTHING), st.booleans())
def test_whatever_is_given_is_answered_with_sentences(servers, names_enabled):
    assert all(error.startswith("server ") for error in server_errors(servers, names_enabled=names_enabled))
