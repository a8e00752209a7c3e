# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The `$6$` form of a password, which crypt(3) of every Linux reads.

Ansible's own password_hash needs a package that a controller may lack, and Python 3.13 has no crypt any more. The steps are those of
Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512", where their letters and numbers come from.
"""

from __future__ import annotations

from hashlib import sha512

ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The order in which the digest's bytes are written, three at a time.
ORDER = [(a, b, c) if i % 3 == 0 else (b, c, a) if i % 3 == 1 else (c, a, b) for i in range(21) for a, b, c in [(i, i + 21, i + 42)]]
# The fewest that the format has. nginx goes through them at every request.
ROUNDS = 1000


def sha512_crypt(password: str, salt: str, rounds: int = ROUNDS) -> str:
    """Hash a password; the salt is up to 16 of ALPHABET."""
    secret, grain = password.encode(), salt.encode()
    inner = sha512(secret + grain + secret).digest()
    start = secret + grain + _repeated(inner, len(secret))
    length = len(secret)
    while length:
        start += inner if length & 1 else secret
        length >>= 1
    digest = sha512(start).digest()
    secrets = _repeated(sha512(secret * len(secret)).digest(), len(secret))
    grains = _repeated(sha512(grain * (16 + digest[0])).digest(), len(grain))
    for number in range(rounds):
        odd = number % 2
        mixed = secrets if odd else digest
        mixed += grains if number % 3 else b""
        mixed += secrets if number % 7 else b""
        digest = sha512(mixed + (digest if odd else secrets)).digest()
    return f"$6$rounds={rounds}${salt}${_written(digest)}"


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _written(digest: bytes) -> str:
    groups = [digest[a] << 16 | digest[b] << 8 | digest[c] for a, b, c in ORDER]
    text = "".join(ALPHABET[group >> shift & 63] for group in groups for shift in (0, 6, 12, 18))
    return text + ALPHABET[digest[63] & 63] + ALPHABET[digest[63] >> 6]
