"""What a site reaches over IP: the lines that systemd gets, and whether they let an address through."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils import outbound

DENIED = "IPAddressDeny=" + " ".join(map(str, outbound.NOT_PUBLIC))


@pytest.mark.parametrize(
    ("given", "more", "lines"),
    [
        (["public"], {}, [DENIED]),
        (["public", "10.0.0.11"], {}, [DENIED, "IPAddressAllow=10.0.0.11/32"]),
        (["public"], {"nameservers": ["192.0.2.53", "fe80::1%eth0"]}, [DENIED, "IPAddressAllow=192.0.2.53/32 fe80::1/128"]),
        (["public"], {"database": "10.0.0.11"}, [DENIED, "IPAddressAllow=10.0.0.11/32"]),
        (["public"], {"database": "db.example.com"}, [DENIED]),
        (["10.0.0.0/24", "10.0.0.0/24"], {}, ["IPAddressDeny=any", "IPAddressAllow=10.0.0.0/24"]),
        ([], {"database": "10.0.0.11", "nameservers": ["192.0.2.53"]}, ["IPAddressDeny=any", "IPAddressAllow=10.0.0.11/32"]),
        ([], {"nameservers": ["192.0.2.53"]}, ["PrivateNetwork=yes", "IPAddressDeny=any", "RestrictAddressFamilies=~AF_INET AF_INET6"]),
        (["any", "10.0.0.11"], {"nameservers": ["192.0.2.53"]}, []),
    ],
)
def test_the_lines(given, more, lines):
    assert outbound.rules(given, **more) == lines


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.0.0.53", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.100.100.200"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::a9fe:a9fe", "fd00:ec2::254", "ff02::1", "64:ff9b:1::7f00:1"),
    ],
)
def test_what_is_not_public(address):
    assert list(outbound.unreached(["public"], [address])) == [address]


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2606:4700::1111"])
def test_what_is_public(address):
    assert list(outbound.unreached(["public"], [address])) == []


def test_what_python_knows_as_private_is_not_public():
    known = [*ipaddress.IPv4Network("0.0.0.0/0").subnets(new_prefix=12)]
    private = [network for network in known if network.is_private or network.is_multicast or network.is_reserved or network.is_loopback]
    assert private
    assert all(list(outbound.unreached(["public"], [str(network[1])])) for network in private)


@pytest.mark.parametrize(("given", "reached"), [([], False), (["any"], True), (["10.0.0.0/24"], True), (["10.0.1.0/24", "public"], False)])
def test_an_address_in_a_private_network(given, reached):
    assert list(outbound.unreached(given, ["10.0.0.11"])) == ([] if reached else ["10.0.0.11"])


def test_an_address_with_the_name_of_its_link():
    assert list(outbound.unreached(["fe80::/10"], ["fe80::1%eth0"])) == []
