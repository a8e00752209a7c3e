"""SSH keys of the account: known by what they are, whatever they are called."""

from __future__ import annotations

import pytest

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFAe5DTsfrIqQyPFKNjvLTgyHBASEGzWTHU11NEgTGbJ"
KEY = {"name": "me@laptop", "public_key": f"{PUBLIC} me@laptop\n"}


def test_it_works(digitalocean, fake):
    result = digitalocean("ssh_key", **KEY)
    (kept,) = fake.account.state["keys"].values()
    assert (result["changed"], result["ssh_key"]) == (True, kept)
    assert kept["name"] == "me@laptop"
    assert result["diff"] == {"before": {}, "after": kept}


@pytest.mark.parametrize("public_key", [PUBLIC, f"  {PUBLIC} another comment\n"])
def test_a_key_that_is_there_keeps_its_name(digitalocean, fake, public_key):
    kept = fake.account.create_key({"name": "by hand", "public_key": f"{PUBLIC} me"})
    result = digitalocean("ssh_key", name="me@laptop", public_key=public_key)
    assert (result["changed"], result["ssh_key"]) == (False, kept)
    assert fake.changes() == []


def test_a_key_on_a_later_page_is_found(digitalocean, fake):
    for number in range(200):
        fake.account.create_key({"name": f"key{number}", "public_key": f"ssh-ed25519 {number:04}"})
    fake.account.create_key(KEY)
    assert digitalocean("ssh_key", **KEY)["changed"] is False


def test_a_check_only_looks(digitalocean, fake):
    result = digitalocean("ssh_key", **KEY, check_mode=True)
    assert (result["changed"], result["ssh_key"]["id"], fake.changes()) == (True, None, [])


def test_a_key_whose_answer_was_lost_is_not_added_again(digitalocean, fake):
    fake.trouble(method="POST", reset="after")
    assert digitalocean("ssh_key", **KEY)["ssh_key"]["fingerprint"]
    assert fake.changes() == ["POST /v2/account/keys"]


def test_a_key_that_somebody_else_adds_meanwhile_is_told_in_the_words_of_the_api(digitalocean, fake):
    listed = fake.account.list_keys
    fake.account.list_keys = lambda query: (listed(query)[:], fake.account.create_key(KEY))[0]
    message = digitalocean("ssh_key", **KEY)["msg"]
    assert message == 'SSH key "me@laptop": the API refuses POST /v2/account/keys (422, SSH Key is already in use on your account)'


def test_absent_removes_it(digitalocean, fake):
    kept, other = fake.account.create_key(KEY), fake.account.create_key({"name": "other", "public_key": "ssh-ed25519 AAAA"})
    assert digitalocean("ssh_key", **KEY, state="absent", check_mode=True)["changed"]
    assert fake.changes() == []
    assert digitalocean("ssh_key", **KEY, state="absent") == {"changed": True, "diff": {"before": kept, "after": {}}}
    assert list(fake.account.state["keys"].values()) == [other]
    assert digitalocean("ssh_key", **KEY, state="absent")["changed"] is False


def test_a_private_key_is_refused_and_not_shown(digitalocean):
    secret = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
    message = digitalocean.refused("ssh_key", name="me", public_key=f"-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n")
    assert message == 'SSH key "me": public_key is a private key, which must not leave its machine; give the file that ends in .pub'


@pytest.mark.parametrize("public_key", ["ssh-ed25519", f"{PUBLIC}\n{PUBLIC}"])
def test_what_is_no_key_is_told(digitalocean, public_key):
    message = digitalocean.refused("ssh_key", name="me", public_key=public_key)
    assert message == 'SSH key "me": public_key must be one line of a type and a key, such as ssh-ed25519 AAAA… me@laptop'
