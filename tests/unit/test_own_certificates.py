"""Certificates that an inventory gives: what is said of those that do not fit their site."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from ansible_collections.shortstop.django.plugins.plugin_utils import certificates, contract

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
DOMAINS = ["blog.example.com", "www.blog.example.com"]


def pem_key(key=KEY, encryption=None) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


def pem_cert(names=DOMAINS, key=KEY, end=NOW + 90 * DAY, ocsp=False) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - 100 * DAY).not_valid_after(end)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    access = [AuthorityInformationAccessOID.CA_ISSUERS] + ([AuthorityInformationAccessOID.OCSP] if ocsp else [])
    where = [x509.AccessDescription(method, x509.UniformResourceIdentifier("http://ca.example.com/")) for method in access]
    builder = builder.add_extension(x509.AuthorityInformationAccess(where), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def errors(cert=None, key=None, **site) -> list[str]:
    site = {"domains": DOMAINS, "tls": "own", "certificate": {"cert": cert or pem_cert(), "key": key or pem_key()}, **site}
    found = contract.site_errors({"blog": site})
    assert all("PRIVATE" not in error for error in found)
    return [error.removeprefix('site "blog": key "certificate"') for error in found]


def test_it_works():
    assert errors() == []


def test_a_chain_begins_with_the_sites_own():
    authority = pem_cert(["ca.example.com"], OTHER_KEY)
    assert errors(pem_cert() + authority) == []
    assert ': "key" is not the key of "cert"; the site\'s own certificate comes first' in errors(authority + pem_cert())


def test_a_wildcard_is_for_one_label():
    assert errors(pem_cert(["*.example.com", "www.blog.example.com"])) == []
    assert errors(pem_cert(["*.example.com"])) == [': "cert" is not for "www.blog.example.com"; get one for all of the site\'s domains']


def test_a_certificate_without_names_is_for_none():
    assert errors(pem_cert([])) == [f': "cert" is not for "{domain}"; get one for all of the site\'s domains' for domain in DOMAINS]


def test_that_a_certificate_ends_stops_no_run():
    assert errors(pem_cert(end=NOW - DAY)) == []


@pytest.mark.parametrize(("end", "days"), [(12.5, 12), (0.5, 0), (-0.5, -1), (-3.5, -4)])
def test_the_days_that_are_left(end, days):
    assert certificates.days_left(pem_cert(end=NOW + end * DAY) + pem_cert()) == days


def test_a_key_of_another_certificate():
    assert errors(key=pem_key(OTHER_KEY)) == [': "key" is not the key of "cert"; the site\'s own certificate comes first']


@pytest.mark.parametrize("key", ["-----BEGIN PRIVATE KEY-----\nxxxx\n-----END PRIVATE KEY-----", pem_key(encryption=BestAvailableEncryption(b"x"))])
def test_a_key_that_cannot_be_read(key):
    assert errors(key=key) == [': "key" is no PEM private key without a passphrase; give the text itself, from the vault']


def test_a_certificate_that_cannot_be_read():
    said = ': "cert" is no PEM certificate; give the text itself, the site\'s own first, then its chain'
    assert errors("-----BEGIN CERTIFICATE-----\nxxxx\n-----END CERTIFICATE-----") == [said]


def test_a_certificate_is_needed_with_tls_own():
    assert contract.site_errors({"blog": {"domains": DOMAINS, "tls": "own"}}) == ['site "blog": key "certificate" is missing; tls: own needs {cert: …, key: …}']
    assert contract.site_errors({"blog": {"domains": DOMAINS, "tls": "own", "certificate": {"cert": pem_cert()}}}) == [
        'site "blog": key "certificate": "key" is missing; add it from the vault'
    ]


@pytest.mark.parametrize("tls", ["acme", "self-signed", "off"])
def test_a_certificate_is_for_tls_own_alone(tls):
    assert errors(tls=tls) == [' goes with "tls: own" only']


def test_the_house_may_have_one_certificate_for_all_sites():
    common = {"tls": "own", "certificate": {"cert": pem_cert(["*.example.com"]), "key": pem_key()}}
    assert contract.site_errors({"blog": {"domains": ["blog.example.com"]}}, common=common) == []
    assert contract.site_errors({"blog": {"domains": ["blog.example.org"]}}, common=common) == [
        'site "blog": key "certificate": "cert" is not for "blog.example.org"; get one for all of the site\'s domains'
    ]


@pytest.mark.parametrize("ocsp", [True, False])
def test_whether_the_authority_answers_by_ocsp(ocsp):
    assert certificates.has_ocsp(pem_cert(ocsp=ocsp)) is ocsp
