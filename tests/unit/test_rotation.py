"""Which secrets can be rotated, and the sentences where one cannot."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils.rotation import rotation_errors

REMOTE = {"engine": "postgres", "host": "db1.example.com", "user": "blog", "password": "kX4-new"}
LOCAL = {"engine": "postgres", "host": "", "user": "blog", "password": ""}
LIVE = {"DJANGO_SECRET_KEY": "kX4-used", "DJANGO_PG_USER_NAME": "blog", "DJANGO_PG_PASSWORD": "kX4-old"}


def errors(what: str = "secret_key", *, live: dict = LIVE, database: dict = LOCAL, **environment: str) -> list[str]:
    found = rotation_errors({"name": "blog", "environment": environment, "database": database}, what, live)
    assert all(sentence.startswith('site "blog": ') and "kX4" not in sentence for sentence in found)
    return [sentence.removeprefix('site "blog": ') for sentence in found]


def test_it_works():
    assert errors() == []


def test_where_nothing_is_live_there_is_nothing_to_rotate():
    assert errors("secret_key,database_password", live={}) == ["nothing of it is live yet, so there is nothing to rotate; release it first"]


def test_a_key_of_the_inventory_is_changed_there():
    assert errors(DJANGO_SECRET_KEY="kX4-used") == [
        'key "environment": DJANGO_SECRET_KEY comes from the inventory, which still gives the key in use; write a new one there,'
        " give the one in use as DJANGO_SECRET_KEY_FALLBACKS beside it, and run this again"
    ]


@pytest.mark.parametrize("fallbacks", ["kX4-used", "kX4-used,kX4-older", "kX4-older,kX4-used"])
def test_a_new_key_of_the_inventory_with_the_one_in_use_as_its_fallback_is_released(fallbacks):
    assert errors(DJANGO_SECRET_KEY="kX4-new", DJANGO_SECRET_KEY_FALLBACKS=fallbacks) == []


@pytest.mark.parametrize("fallbacks", [{}, {"DJANGO_SECRET_KEY_FALLBACKS": ""}, {"DJANGO_SECRET_KEY_FALLBACKS": "kX4-older"}])
def test_a_new_key_of_the_inventory_without_the_one_in_use_is_refused(fallbacks):
    assert errors(DJANGO_SECRET_KEY="kX4-new", **fallbacks) == [
        'key "environment": DJANGO_SECRET_KEY_FALLBACKS lacks the key in use, so whoever is signed in would be signed out; give it there,'
        " or run site.yml if that is what you want"
    ]


def test_fallbacks_of_a_key_that_the_host_makes_are_the_host_s_to_make():
    assert errors(DJANGO_SECRET_KEY_FALLBACKS="kX4-older") == [
        'key "environment": DJANGO_SECRET_KEY_FALLBACKS is given and DJANGO_SECRET_KEY is not; the host makes both then, so leave it out'
    ]


def test_a_key_that_came_from_an_inventory_is_not_the_host_s_to_rotate():
    assert errors(live={"DJANGO_SECRET_KEY": "kX4 with spaces"}) == [
        "the DJANGO_SECRET_KEY in use was not made by this host, which cannot rotate it; release the site without it first"
    ]


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ({**LOCAL, "engine": "sqlite"}, "sqlite has no password, so there is nothing to rotate"),
        (LOCAL, "PostgreSQL on its own server knows it by its system user (peer authentication), so it has no password to rotate"),
        ({**REMOTE, "password": "kX4-old"}, "the inventory still gives the password in use; write a new one there, and run this again"),
    ],
)
def test_a_password_that_is_none_or_the_same_is_refused(database, sentence):
    assert errors("database_password", database=database) == [f'key "database": {sentence}']
    assert errors(database=database) == []


def test_another_password_is_released():
    assert errors("database_password", database=REMOTE) == []


def test_a_rotation_that_did_not_end_goes_on_with_its_password_and_no_other():
    live = {**LIVE, "DJANGO_PG_USER_NAME": "blog-rotating", "DJANGO_PG_PASSWORD": "kX4-new"}
    assert errors("database_password", live=live, database=REMOTE) == []
    assert errors("database_password", live=live, database={**REMOTE, "password": "kX4-third"}) == [
        'key "database": a rotation began with another password than the inventory gives now, and did not end; give that one again,'
        " run this to its end, and then rotate anew"
    ]


def test_both_are_looked_at():
    assert len(errors("secret_key, database_password", DJANGO_SECRET_KEY="kX4-used")) == 2
