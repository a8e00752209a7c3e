"""Cloud firewalls: what counts as the same, what is made of a new one, and what stops it."""

from __future__ import annotations

import pytest

WORLD = {"addresses": ["0.0.0.0/0", "::/0"]}
RULES = [{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["192.0.2.7"]}}, {"protocol": "tcp", "ports": "80", "sources": WORLD}]
WEB = {"name": "web", "tags": ["shortstop"], "inbound_rules": RULES}


def rule(ports: object = "80", protocol: str = "tcp", **sources: list) -> dict:
    return {"protocol": protocol, "ports": ports, "sources": sources or WORLD}


@pytest.fixture
def same(digitalocean, fake):
    """Whether a firewall of these rules is left alone by one of those."""

    def asking(there: list[dict], wanted: list[dict]) -> bool:
        digitalocean("firewall", name="web", inbound_rules=there)
        fake.requests.clear()
        result = digitalocean("firewall", name="web", inbound_rules=wanted)
        assert result["changed"] is bool(fake.changes())
        return not result["changed"]

    return asking


def test_it_works(digitalocean, fake):
    result = digitalocean("firewall", **WEB)
    (kept,) = fake.account.state["firewalls"].values()
    assert (result["changed"], result["firewall_id"], kept["status"]) == (True, kept["id"], "succeeded")
    assert kept["inbound_rules"] == RULES
    assert fake.changes() == ["POST /v2/tags", "POST /v2/firewalls"]


def test_a_second_run_only_looks(digitalocean, fake):
    digitalocean("firewall", **WEB)
    fake.requests.clear()
    result = digitalocean("firewall", **WEB)
    assert (result["changed"], fake.changes()) == (False, [])
    assert result["diff"]["before"] == result["diff"]["after"]


def test_everything_may_go_out_unless_it_is_told(digitalocean, fake):
    digitalocean("firewall", **WEB)
    (kept,) = fake.account.state["firewalls"].values()
    assert sorted((rule["protocol"], rule["ports"]) for rule in kept["outbound_rules"]) == [("icmp", "0"), ("tcp", "0"), ("udp", "0")]
    digitalocean("firewall", **WEB, outbound_rules=[{"protocol": "udp", "ports": "53", "destinations": WORLD}])
    assert [rule["ports"] for rule in kept["outbound_rules"]] == ["53"]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ([rule(80), rule(443)], [rule("443"), rule("80")]),
        ([rule("all")], [rule("0")]),
        ([rule("all")], [{"protocol": "tcp", "sources": WORLD}]),
        ([rule("all", "icmp")], [rule("0", "icmp")]),
        ([{"protocol": "icmp", "sources": WORLD}], [rule("8", "icmp")]),
        ([rule(addresses=["::/0", "0.0.0.0/0"])], [rule(addresses=["0.0.0.0/0", "::/0", "::/0"])]),
        ([rule(addresses=["192.0.2.7/32", "2001:DB8::/32"])], [rule(addresses=["2001:db8::/32", "192.0.2.7"])]),
        ([rule(addresses=["192.0.2.0/24"])], [rule(addresses=["192.0.2.7/24"])]),
        ([rule(addresses=["192.0.2.7"]), rule(addresses=["192.0.2.8"])], [rule(addresses=["192.0.2.8", "192.0.2.7"])]),
        ([rule(tags=["b", "a"])], [rule(tags=["a", "b"], addresses=[])]),
    ],
)
def test_the_same_in_another_spelling_is_no_change(same, there, wanted):
    assert same(there, wanted)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ([rule(80)], [rule(80), rule(443)]),
        ([rule(80), rule(443)], [rule(80)]),
        ([rule("all")], [rule("1-1024")]),
        ([rule(53)], [rule(53, "udp")]),
        ([rule(addresses=["192.0.2.7"])], [rule(addresses=["192.0.2.8"])]),
        ([rule(tags=["a"])], [rule(addresses=["192.0.2.7"])]),
        ([rule()], [rule(droplet_ids=[7])]),
    ],
)
def test_another_rule_is_a_change(same, there, wanted):
    assert not same(there, wanted)


def test_a_change_is_shown_and_made_in_place(digitalocean, fake):
    firewall_id = digitalocean("firewall", **WEB)["firewall_id"]
    fake.requests.clear()
    result = digitalocean("firewall", **{**WEB, "inbound_rules": RULES[1:], "droplet_ids": [7, 7]})
    assert (result["changed"], result["firewall_id"]) == (True, firewall_id)
    assert result["diff"]["before"]["inbound_rules"] == RULES
    assert (result["diff"]["after"]["inbound_rules"], result["diff"]["after"]["droplet_ids"]) == (RULES[1:], [7])
    assert fake.changes() == ["POST /v2/tags", f"PUT /v2/firewalls/{firewall_id}"]


def test_tags_in_rules_are_made_too(digitalocean, fake):
    digitalocean("firewall", name="db", inbound_rules=[rule(5432, tags=["shortstop:web"])])
    assert fake.account.state["tags"] == ["shortstop:web"]


def test_it_is_waited_for_and_told(digitalocean, fake):
    fake.trouble(looks_until_completed=3)
    digitalocean("firewall", **WEB)
    assert digitalocean.shown[0] == '  firewall "web": waiting until it stands before its droplets; its status is waiting; 300 s left'
    assert digitalocean.clock.slept == [3, 3]


def test_a_firewall_that_an_earlier_run_left_waiting_is_waited_for(digitalocean, fake):
    fake.trouble(looks_until_completed=100)
    assert "waited 1 s until it stands before its droplets, but its status is waiting" in digitalocean("firewall", **WEB, wait_timeout=1)["msg"]
    fake.trouble(looks_until_completed=4)
    assert digitalocean("firewall", **WEB)["changed"] is False
    assert digitalocean.clock.slept == [1, 3]


def test_a_firewall_that_fails_is_told(digitalocean, fake):
    fake.trouble(actions_fail=True)
    assert digitalocean("firewall", **WEB)["msg"] == 'firewall "web": it could not be put before its droplets; look into the control panel'


def test_a_check_only_looks(digitalocean, fake):
    result = digitalocean("firewall", **WEB, check_mode=True)
    assert (result["changed"], result["firewall_id"], fake.changes()) == (True, None, [])
    assert (result["diff"]["before"], result["diff"]["after"]["tags"]) == ({}, ["shortstop"])


def test_a_firewall_whose_answer_was_lost_is_not_made_twice(digitalocean, fake):
    fake.trouble(method="POST", path="firewalls", reset="after")
    assert digitalocean("firewall", **WEB)["changed"]
    assert fake.asked("POST") == ["POST /v2/tags", "POST /v2/firewalls"]


def test_a_firewall_on_a_later_page_is_found(digitalocean, fake):
    for number in range(201):
        fake.account.create_firewall({"name": f"other{number}"})
    digitalocean("firewall", **WEB)
    assert digitalocean("firewall", **WEB)["changed"] is False


def test_absent_removes_it(digitalocean, fake):
    digitalocean("firewall", **WEB)
    assert digitalocean("firewall", name="web", state="absent", check_mode=True)["changed"]
    assert len(fake.account.state["firewalls"]) == 1
    result = digitalocean("firewall", name="web", state="absent")
    assert (result["changed"], result["diff"]["before"]["inbound_rules"], result["diff"]["after"]) == (True, RULES, {})
    assert fake.account.state["firewalls"] == {}
    assert digitalocean("firewall", name="web", state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"inbound_rules": None}, "inbound_rules are missing; without any, no droplet behind it could be reached"),
        ({"inbound_rules": []}, "inbound_rules are missing; without any, no droplet behind it could be reached"),
        ({"inbound_rules": [rule(addresses=["office"])]}, '"office" is no address and no network'),
    ],
)
def test_what_makes_no_sense_is_told(digitalocean, options, sentence):
    assert digitalocean.refused("firewall", **{**WEB, **options}) == f'firewall "web": {sentence}'
