"""Reserved addresses: kept with their droplet, taken from where they lie, and given back only when that is said."""

from __future__ import annotations

import pytest


@pytest.fixture
def droplet(fake) -> int:
    return fake.droplet("web", "shortstop")["id"]


@pytest.fixture
def leads(fake):
    """Which droplet each address leads to."""

    def read() -> dict:
        return {ip: address["droplet"] for ip, address in fake.account.state["reserved_ips"].items()}

    return read


def test_it_works(digitalocean, fake, droplet, leads):
    result = digitalocean("reserved_ip", droplet_id=droplet)
    assert (result["changed"], leads()) == (True, {result["ip"]: droplet})
    assert result["diff"] == {"before": {}, "after": {"ip": result["ip"], "droplet_id": droplet}}
    assert fake.changes() == ["POST /v2/reserved_ips"]


def test_a_second_run_only_looks(digitalocean, fake, droplet):
    first = digitalocean("reserved_ip", droplet_id=droplet, region="fra1")
    fake.requests.clear()
    second = digitalocean("reserved_ip", droplet_id=droplet, region="fra1")
    assert (second["changed"], second["ip"], fake.changes()) == (False, first["ip"], [])


def test_an_address_that_lies_in_the_region_is_taken(digitalocean, fake, droplet, leads):
    there = [fake.account.create_reserved_ip({"region": region})["ip"] for region in ("nyc3", "fra1", "fra1")]
    assert digitalocean("reserved_ip", droplet_id=droplet, region="fra1")["ip"] == there[1]
    assert leads() == {there[0]: None, there[1]: droplet, there[2]: None}
    assert fake.changes() == [f"POST /v2/reserved_ips/{there[1]}/actions"]


def test_an_address_that_lies_there_is_left_unless_a_region_is_told(digitalocean, fake, droplet):
    there = fake.account.create_reserved_ip({"region": "fra1"})["ip"]
    assert digitalocean("reserved_ip", droplet_id=droplet)["ip"] != there


def test_an_address_of_another_droplet_is_left_to_it(digitalocean, fake, droplet, leads):
    other = fake.droplet("db", "shortstop")["id"]
    taken = digitalocean("reserved_ip", droplet_id=other)["ip"]
    digitalocean("reserved_ip", droplet_id=droplet, region="fra1")
    assert leads()[taken] == other


def test_a_droplet_in_the_place_of_another_gets_its_address(digitalocean, fake, droplet):
    first = digitalocean("reserved_ip", droplet_id=droplet, region="fra1")["ip"]
    fake.account.destroy_droplet(str(droplet))
    assert digitalocean("reserved_ip", droplet_id=fake.droplet("web", "shortstop")["id"], region="fra1")["ip"] == first


def test_it_is_waited_for_and_told(digitalocean, fake, droplet):
    fake.trouble(looks_until_unlocked=2)
    ip = digitalocean("reserved_ip", droplet_id=droplet)["ip"]
    assert digitalocean.clock.slept == [3]
    assert digitalocean.shown == [f"  reserved IP of droplet {droplet}: waiting until {ip} leads to droplet {droplet}; it leads to none; 300 s left"]


def test_an_address_that_an_earlier_run_left_on_its_way_is_not_asked_for_again(digitalocean, fake, droplet, leads):
    ip = fake.account.create_reserved_ip({"droplet_id": droplet})["ip"]
    fake.trouble(looks_until_unlocked=3)
    result = digitalocean("reserved_ip", droplet_id=droplet)
    assert (result["changed"], leads(), fake.changes()) == (False, {ip: droplet}, [])
    assert digitalocean.shown[0] == f"  reserved IP of droplet {droplet}: waiting until each address has arrived; {ip} is on its way; 300 s left"


@pytest.mark.parametrize("given", [{}, {"region": "fra1"}], ids=["another", "one that lies there"])
def test_an_address_whose_answer_was_lost_is_not_asked_for_again(digitalocean, fake, droplet, leads, given):
    fake.account.create_reserved_ip({"region": "fra1"})
    fake.trouble(method="POST", reset="after")
    fake.trouble(looks_until_unlocked=9)
    ip = digitalocean("reserved_ip", droplet_id=droplet, **given)["ip"]
    assert leads()[ip] == droplet
    assert len(fake.changes()) == 1


@pytest.mark.parametrize("given", [{}, {"region": "fra1"}])
def test_a_check_only_looks(digitalocean, fake, droplet, given):
    there = fake.account.create_reserved_ip({"region": "fra1"})["ip"]
    result = digitalocean("reserved_ip", droplet_id=droplet, check_mode=True, **given)
    assert (result["changed"], result["ip"], fake.changes()) == (True, there if given else None, [])
    assert result["diff"]["after"] == {"ip": result["ip"], "droplet_id": droplet}


def test_releasing_needs_the_name_of_the_droplet(digitalocean, fake, droplet, leads):
    ip = digitalocean("reserved_ip", droplet_id=droplet)["ip"]
    fake.requests.clear()
    options = {"droplet_id": droplet, "state": "absent"}
    assert digitalocean.refused("reserved_ip", **options) == (
        f"reserved IP of droplet {droplet}: {ip} would be released, and may become anybody's; if that is meant, say confirm=web"
    )
    assert digitalocean("reserved_ip", **options, confirm="web", check_mode=True)["changed"]
    assert fake.changes() == []
    result = digitalocean("reserved_ip", **options, confirm="web")
    assert result == {"changed": True, "diff": {"before": {"ip": ip, "droplet_id": droplet}, "after": {}}}
    assert leads() == {}
    assert digitalocean("reserved_ip", **options)["changed"] is False
