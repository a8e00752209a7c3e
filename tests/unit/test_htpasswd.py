"""Passwords as crypt(3) hashes them."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.filter.htpasswd import htpasswd
from ansible_collections.shortstop.django.plugins.plugin_utils.sha512_crypt import sha512_crypt

LONG = "a very much longer text to encrypt.  This one even stretches over morethan one line."
# The first three are the specification's, the others what glibc answers.
KNOWN = [
    ("Hello world!", "saltstringsaltst", 10000, "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v."),
    (LONG, "anotherlongsalts", 1400, "POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1"),
    ("the minimum number is still observed", "roundstoolow", 1000, "kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpyUNGc0dqbpBYYBaHHrsX."),
    ("", "a", 1000, "q/ZSdy9IBSzcpbaIjdRTOu569QiYiP4n7Ab08Oq1Ir6J.GD1xR3BAwRIYHnavtE1Wzodknd9BxknlHhFBP/az1"),
    ("ünïcödé " * 20, "./09azAZ", 1001, "3jAbe8OqVKVfP7C.74ACXyAXFqA45gN6Fx4MmEOrkd3JQpKSqrnzE48bx2Stn6T8ImZLsrmKHmEee0EOMFCdj1"),
]


def test_it_works():
    hashed = "$6$rounds=1000$7d9fcb5b5e7f45fc$90vgJiYgSKGCBufhe0NdJw8SoTiXqHPgmu/neKB4nj5wscHNPg4sPiqaPE.2FgnJbyxeDp9Ur0s.H2iE/KHOS."
    assert htpasswd({"ada": "open sesame"}, "blog") == f"ada:{hashed}\n"


@pytest.mark.parametrize(("password", "salt", "rounds", "hashed"), KNOWN)
def test_a_known_answer(password, salt, rounds, hashed):
    assert sha512_crypt(password, salt, rounds) == f"$6$rounds={rounds}${salt}${hashed}"


def test_nobody():
    assert htpasswd({}, "blog") == ""


def test_the_same_users_get_the_same_lines_in_any_order():
    assert htpasswd({"grace": "b", "ada": "a"}, "blog") == htpasswd({"ada": "a", "grace": "b"}, "blog")


def test_the_same_password_looks_different_for_another_user_and_elsewhere():
    lines = htpasswd({"ada": "a", "grace": "a"}, "blog").splitlines() + htpasswd({"ada": "a"}, "shop").splitlines()
    assert len({line.split(":")[1] for line in lines}) == 3


def test_a_number():
    assert htpasswd({"ada": 7}, "blog") == htpasswd({"ada": "7"}, "blog")
