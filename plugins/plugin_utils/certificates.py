# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The certificates that an inventory gives: whether they are what their site needs. No sentence holds a key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

try:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    from cryptography.x509.oid import AuthorityInformationAccessOID
except ImportError:  # Ansible brings it along; only its sanity tests load plugins without.
    pass


def certificate_errors(certificate: dict, domains: list[str]) -> Iterator[str]:
    """Say what keeps `{cert, key}`, both PEM, from serving these names. That it ends is no mistake of the inventory."""
    try:
        chain = x509.load_pem_x509_certificates(certificate["cert"].encode())
    except ValueError:
        yield 'key "certificate": "cert" is no PEM certificate; give the text itself, the site\'s own first, then its chain'
        return
    try:
        key = load_pem_private_key(certificate["key"].encode(), password=None)
    except (ValueError, TypeError):
        yield 'key "certificate": "key" is no PEM private key without a passphrase; give the text itself, from the vault'
        return
    own = chain[0]
    if _spki(key.public_key()) != _spki(own.public_key()):
        yield 'key "certificate": "key" is not the key of "cert"; the site\'s own certificate comes first'
    for domain in domains:
        if not any(_covers(name, domain) for name in _names(own)):
            yield f'key "certificate": "cert" is not for "{domain}"; get one for all of the site\'s domains'


def has_ocsp(cert: str) -> bool:
    """Whether the authority of a PEM certificate answers questions on it (OCSP)."""
    try:
        access = x509.load_pem_x509_certificate(cert.encode()).extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        return False
    return any(description.access_method == AuthorityInformationAccessOID.OCSP for description in access.value)


def days_left(cert: str) -> int:
    """The whole days until a PEM certificate ends; of a chain, the first. Negative once it has ended."""
    certificate = x509.load_pem_x509_certificate(cert.encode())
    # cryptography before 42 says it without a time zone.
    end = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after.replace(tzinfo=timezone.utc)
    return (end - datetime.now(timezone.utc)).days


def _spki(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return []


def _covers(name: str, domain: str) -> bool:
    return name == domain or (name.startswith("*.") and name[2:] == domain.partition(".")[2])
