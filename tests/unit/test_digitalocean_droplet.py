"""Droplets: found, made, changed and destroyed, and what stops all that."""

from __future__ import annotations

import pytest

WEB = {"name": "web", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-13-x64"}
LARGE, UBUNTU = {**WEB, "size": "s-2vcpu-2gb"}, {**WEB, "image": "ubuntu-24-04-x64"}
POST = "POST /v2/droplets"


def test_it_works(digitalocean, fake):
    result = digitalocean("droplet", **WEB, tags=["shortstop:web"], ipv6=True)
    assert (result["changed"], result["created"], result["resized"], result["rebuilt"]) == (True, True, False, False)
    droplet = result["droplet"]
    assert (droplet["name"], droplet["status"], droplet["region"], droplet["size"]) == ("web", "active", "fra1", "s-1vcpu-1gb")
    assert (droplet["image"], droplet["tags"]) == ("debian-13-x64", ["shortstop", "shortstop:web"])
    assert droplet["public_v6"].startswith("2001:db8::")
    assert fake.changes() == [POST]


def test_a_second_run_only_looks(digitalocean, fake):
    first = digitalocean("droplet", **WEB)
    fake.requests.clear()
    second = digitalocean("droplet", **WEB)
    assert (second["changed"], second["created"], second["droplet"]) == (False, False, first["droplet"])
    assert fake.changes() == []
    assert second["diff"]["before"] == second["diff"]["after"]


def test_the_public_address_is_the_public_one(digitalocean, fake):
    droplet = digitalocean("droplet", **WEB)["droplet"]
    (kept,) = fake.account.state["droplets"].values()
    assert [network["type"] for network in fake.account.get_droplet(str(droplet["id"]))["networks"]["v4"]] == ["private", "public"]
    assert (droplet["public_v4"], droplet["private_v4"]) == (kept["_addresses"]["public_v4"], kept["_addresses"]["private_v4"])


def test_it_tells_what_it_waits_for(digitalocean):
    digitalocean("droplet", **WEB)
    wait = '  droplet "web": waiting until it is active and has a public address; it'
    assert digitalocean.shown == [f"{wait} is new; 300 s left", f"{wait} has no public address yet; 297 s left"]


def test_a_droplet_that_never_becomes_active_is_not_waited_for_for_ever(digitalocean, fake):
    fake.trouble(looks_until_active=None)
    result = digitalocean("droplet", **WEB, wait_timeout=20)
    assert result["msg"].startswith('droplet "web": waited 20 s until it is active and has a public address, but it is new;')
    assert digitalocean.clock.slept == [3, 3, 3, 3, 3, 3, 2]


def test_a_droplet_that_an_earlier_run_left_new_is_waited_for(digitalocean, fake):
    fake.trouble(looks_until_active=None)
    digitalocean("droplet", **WEB, wait_timeout=1)
    fake.trouble(looks_until_active=1)
    result = digitalocean("droplet", **WEB)
    assert (result["changed"], result["droplet"]["status"]) == (False, "active")
    assert fake.changes() == [POST]


def test_what_is_asked_for_is_what_the_api_is_told(digitalocean, fake):
    key = fake.account.create_key({"name": "me", "public_key": "ssh-ed25519 AAAA me"})
    further = {"monitoring": True, "ipv6": True, "backups": True, "vpc_uuid": "uuid"}
    digitalocean("droplet", **{**WEB, "image": "1234"}, **further, ssh_keys=[str(key["id"]), key["fingerprint"]], user_data="#cloud-config")
    body = next(request["body"] for request in fake.requests if request["method"] == "POST")
    assert (body.pop("ssh_keys"), body.pop("user_data")) == ([key["id"], key["fingerprint"]], "…")
    assert body == {**WEB, **further, "image": 1234, "tags": ["shortstop"]}


def test_the_first_pages_are_not_all_pages(digitalocean, fake, monkeypatch):
    from ansible_collections.shortstop.django.plugins.module_utils import digitalocean_api as client

    monkeypatch.setattr(client, "PER_PAGE", 7)
    for number in range(30):
        fake.droplet(f"web{number}", "shortstop")
    found = digitalocean("droplets_info")["droplets"]
    assert len({droplet["name"] for droplet in found}) == 30
    assert [path.rpartition("&per")[0][-6:] for path in fake.asked("GET")] == [f"page={number}" for number in (1, 2, 3, 4, 5)]


def test_a_droplet_on_a_later_page_is_not_made_again(digitalocean, fake, monkeypatch):
    from ansible_collections.shortstop.django.plugins.module_utils import digitalocean_api as client

    monkeypatch.setattr(client, "PER_PAGE", 7)
    for _number in range(30):
        fake.droplet("web")
    fake.droplet("web", "shortstop")
    assert digitalocean("droplet", **WEB)["changed"] is False


def test_a_check_only_looks(digitalocean, fake):
    result = digitalocean("droplet", **WEB, check_mode=True)
    assert (result["changed"], result["created"], result["droplet"]["id"], result["droplet"]["public_v4"]) == (True, True, None, None)
    assert result["diff"] == {"before": {}, "after": {**WEB, "tags": ["shortstop"], "status": None}}
    assert fake.changes() == []


def test_a_droplet_of_somebody_else_is_not_taken_for_ours(digitalocean, fake):
    other = fake.droplet("Web", "theirs")
    where = f"(id {other['id']}, {other['_addresses']['public_v4']})"
    assert digitalocean.refused("droplet", **WEB) == (
        f'droplet "web": there is one without tag "shortstop" {where}; tag it to have it managed, since another would be a second one;'
        " if that is meant, say confirm=web"
    )
    assert digitalocean("droplet", **WEB, state="absent", confirm="web")["changed"] is False
    result = digitalocean("droplet", **WEB, confirm="web")
    assert result["droplet"]["id"] != other["id"]
    assert digitalocean("droplet", **WEB)["droplet"] == result["droplet"]


def test_two_of_ours_are_left_to_their_owner(digitalocean, fake):
    ids = [fake.droplet("web", "shortstop")["id"] for _ in range(2)]
    for options in ({}, {"confirm": "web"}, {"state": "absent", "confirm": "web"}):
        message = digitalocean.refused("droplet", **WEB, **options)
        assert message.startswith(f'droplet "web": there are 2 of this name with tag "shortstop" (id {ids[0]}, 203.0.113.')
        assert message.endswith("; destroy or rename all but one of them")


@pytest.mark.parametrize("name", ["region", "size", "image"])
def test_what_a_new_droplet_needs_is_asked_for(digitalocean, name):
    assert digitalocean.refused("droplet", **{**WEB, name: None}) == f'droplet "web": {name} is missing; it is needed for state=present'


def test_a_tag_that_is_missing_is_added_and_none_is_removed(digitalocean, fake):
    droplet = fake.droplet("web", "Shortstop", "by-hand")
    result = digitalocean("droplet", **WEB, tags=["shortstop:web", "BY-HAND"])
    assert result["changed"]
    assert droplet["tags"] == ["Shortstop", "by-hand", "shortstop:web"]
    assert result["diff"]["after"]["tags"] == sorted(droplet["tags"])
    assert fake.changes() == ["POST /v2/tags", "POST /v2/tags/shortstop:web/resources"]


def test_a_connection_reset_after_the_post_makes_no_second_droplet(digitalocean, fake):
    fake.trouble(method="POST", reset="after")
    result = digitalocean("droplet", **WEB)
    assert (result["created"], len(fake.account.state["droplets"])) == (True, 1)
    assert fake.changes() == [POST]
    assert f"the connection to {fake.url} failed at POST /v2/droplets (" in digitalocean.shown[0]
    assert digitalocean.shown[0].endswith("); looking whether it was done all the same in 2 s")


def test_a_droplet_that_shows_late_is_not_made_again(digitalocean, fake):
    fake.trouble(listed_after=2)
    fake.trouble(method="POST", reset="after")
    assert digitalocean("droplet", **WEB)["created"]
    assert fake.changes() == [POST]
    assert digitalocean.clock.slept[:3] == [2, 5, 10]


def test_a_connection_reset_before_the_post_is_tried_again(digitalocean, fake):
    fake.trouble(method="POST", reset="before")
    assert digitalocean("droplet", **WEB)["created"]
    assert fake.changes() == [POST, POST]
    assert len(fake.account.state["droplets"]) == 1


def test_a_key_that_was_added_just_now_is_waited_for(digitalocean, fake):
    key = fake.account.create_key({"name": "me", "public_key": "ssh-ed25519 AAAA me"})
    fake.trouble(keys_are_known_after=2)
    assert digitalocean("droplet", **WEB, ssh_keys=[key["fingerprint"]])["created"]
    assert "are invalid key identifiers for Droplet creation." in digitalocean.shown[0]
    assert len(fake.account.state["droplets"]) == 1


def test_a_key_that_is_not_there_is_told(digitalocean):
    message = digitalocean("droplet", **WEB, ssh_keys=["12"])["msg"]
    assert message == 'droplet "web": the API refuses POST /v2/droplets (422, 12 are invalid key identifiers for Droplet creation.)'
    assert sum(digitalocean.clock.slept) == 60


def test_another_size_stops_the_run(digitalocean, fake):
    fake.droplet("web", "shortstop")
    assert digitalocean.refused("droplet", **LARGE, confirm="www") == (
        'droplet "web": its size is s-1vcpu-1gb, not s-2vcpu-2gb: it would be switched off, resized and switched on; if that is meant, say confirm=web'
    )


def test_a_confirmed_size_is_resized_to(digitalocean, fake):
    fake.droplet("web", "shortstop")
    result = digitalocean("droplet", **LARGE, confirm="web")
    assert (result["changed"], result["resized"], result["rebuilt"], result["droplet"]["status"]) == (True, True, False, "active")
    assert (result["diff"]["before"]["size"], result["diff"]["after"]["size"]) == ("s-1vcpu-1gb", "s-2vcpu-2gb")
    done = [request["body"] for request in fake.requests if request["method"] == "POST"]
    assert done == [{"type": "shutdown"}, {"type": "resize", "size": "s-2vcpu-2gb", "disk": False}, {"type": "power_on"}]
    assert digitalocean("droplet", **LARGE)["changed"] is False


def test_a_system_that_does_not_end_loses_its_power(digitalocean, fake):
    fake.droplet("web", "shortstop")
    fake.trouble(ignores_shutdown=True)
    digitalocean("droplet", **LARGE, confirm="web")
    assert [request["body"]["type"] for request in fake.requests if request["method"] == "POST"] == ["shutdown", "power_off", "resize", "power_on"]
    assert sum(digitalocean.clock.slept) >= 60


def test_a_resize_that_fails_leaves_the_droplet_on(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    fake.trouble(body='"resize"', status=422, message="This size is unavailable.")
    assert digitalocean("droplet", **LARGE, confirm="web")["msg"].endswith("(422, This size is unavailable.)")
    assert (kept["status"], kept["size_slug"]) == ("active", "s-1vcpu-1gb")


def test_another_image_stops_the_run(digitalocean, fake):
    fake.droplet("web", "shortstop")
    assert digitalocean.refused("droplet", **UBUNTU) == (
        'droplet "web": its image is debian-13-x64, not ubuntu-24-04-x64: it would be rebuilt, and all that is on its disk lost;'
        " if that is meant, say confirm=web"
    )


def test_a_confirmed_image_is_rebuilt_from(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    result = digitalocean("droplet", **UBUNTU, confirm="web")
    assert (result["rebuilt"], result["resized"], result["droplet"]["image"]) == (True, False, "ubuntu-24-04-x64")
    assert result["droplet"]["public_v4"] == kept["_addresses"]["public_v4"]
    assert fake.changes() == [f"POST /v2/droplets/{kept['id']}/actions"]


def test_all_that_would_be_lost_is_told_before_it_is_confirmed(digitalocean, fake):
    fake.droplet("web", "shortstop")
    message = digitalocean.refused("droplet", **{**LARGE, "image": "1234"})
    assert "resized and switched on; its image is debian-13-x64, not 1234: it would be rebuilt" in message


def test_an_edition_that_lost_its_name_is_no_other_image(digitalocean, fake):
    fake.droplet("web", "shortstop")["image"]["slug"] = None
    assert digitalocean("droplet", **WEB)["changed"] is False


def test_a_snapshot_is_known_by_its_number(digitalocean, fake):
    fake.droplet("web", "shortstop", image="1234")
    assert digitalocean("droplet", **{**WEB, "image": "1234"})["changed"] is False
    assert "its image is 1234, not 1235" in digitalocean.refused("droplet", **{**WEB, "image": "1235"})


def test_another_region_stops_the_run_whatever_is_confirmed(digitalocean, fake):
    fake.droplet("web", "shortstop")
    assert digitalocean.refused("droplet", **{**WEB, "region": "nyc3"}, confirm="web") == (
        'droplet "web": it is in fra1, not in nyc3, and a droplet cannot move; make one of another name'
    )


def test_a_droplet_that_is_off_is_switched_on_only_when_confirmed(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    kept["status"] = "off"
    assert digitalocean.refused("droplet", **WEB) == 'droplet "web": it is switched off, and would be switched on; if that is meant, say confirm=web'
    result = digitalocean("droplet", **WEB, confirm="web")
    assert (result["changed"], result["droplet"]["status"]) == (True, "active")


def test_a_check_of_all_that_is_confirmed_only_looks(digitalocean, fake):
    fake.droplet("web", "shortstop")
    result = digitalocean("droplet", **{**LARGE, "image": "1234"}, tags=["more"], confirm="web", check_mode=True)
    assert (result["changed"], result["resized"], result["rebuilt"]) == (True, True, True)
    assert result["diff"]["after"] == {**LARGE, "image": "1234", "tags": ["more", "shortstop"], "status": "active"}
    assert digitalocean("droplet", **WEB, state="absent", confirm="web", check_mode=True)["changed"]
    assert fake.changes() == []


def test_an_action_that_fails_is_told(digitalocean, fake):
    fake.droplet("web", "shortstop")
    fake.trouble(actions_fail=True)
    assert digitalocean("droplet", **UBUNTU, confirm="web")["msg"] == 'droplet "web": the API tried rebuild, and failed; look into the control panel'


def test_an_action_whose_answer_was_lost_is_not_begun_again(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    fake.trouble(method="POST", reset="after")
    assert digitalocean("droplet", **UBUNTU, confirm="web")["rebuilt"]
    assert fake.changes() == [f"POST /v2/droplets/{kept['id']}/actions"]


def test_an_earlier_action_is_not_taken_for_the_one_whose_answer_was_lost(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    digitalocean("droplet", **UBUNTU, confirm="web")
    fake.requests.clear()
    fake.trouble(method="POST", reset="before")
    digitalocean("droplet", **WEB, confirm="web")
    assert kept["image"]["slug"] == "debian-13-x64"
    assert fake.changes() == [f"POST /v2/droplets/{kept['id']}/actions"] * 2


def test_a_droplet_that_is_busy_is_waited_for(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    fake.trouble(method="POST", status=422, message="Droplet already has a pending event.", times=2)
    assert digitalocean("droplet", **UBUNTU, confirm="web")["rebuilt"]
    assert fake.changes() == [f"POST /v2/droplets/{kept['id']}/actions"] * 3


def test_destroying_needs_the_name(digitalocean, fake):
    kept = fake.droplet("web", "shortstop")
    where = f"(id {kept['id']}, {kept['_addresses']['public_v4']})"
    assert digitalocean.refused("droplet", name="web", state="absent") == (
        f'droplet "web": it {where} would be destroyed, and all that is on its disk lost; if that is meant, say confirm=web'
    )


def test_a_confirmed_droplet_is_destroyed_and_its_namesakes_stay(digitalocean, fake):
    kept, other = fake.droplet("web", "shortstop"), fake.droplet("web")
    result = digitalocean("droplet", name="web", state="absent", confirm="web")
    assert (result["changed"], result["diff"]["before"]["name"], result["diff"]["after"]) == (True, "web", {})
    assert list(fake.account.state["droplets"]) == [str(other["id"])]
    assert fake.changes() == [f"DELETE /v2/droplets/{kept['id']}"]
    assert digitalocean("droplet", name="web", state="absent")["changed"] is False


def test_a_droplet_is_waited_for_until_it_is_gone(digitalocean, fake):
    fake.droplet("web", "shortstop")
    fake.trouble(looks_until_gone=2)
    digitalocean("droplet", name="web", state="absent", confirm="web")
    assert fake.account.state["droplets"] == {}
    assert digitalocean.shown[0] == '  droplet "web": waiting until it is gone; it is still there; 300 s left'


def test_a_droplet_whose_destruction_was_not_answered_is_gone(digitalocean, fake):
    fake.droplet("web", "shortstop")
    fake.trouble(method="DELETE", reset="after")
    assert digitalocean("droplet", name="web", state="absent", confirm="web")["changed"]
    assert fake.account.state["droplets"] == {}
