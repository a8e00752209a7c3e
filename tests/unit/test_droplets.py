"""What a dict of droplets must be like, and which names lead where."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils.droplets import droplet_errors, droplet_plan, names_of, zone_of

SITES = {"blog": {"domains": ["example.com", "www.example.com"]}, "shop": {"domains": ["shop.example.org"]}}
DOMAINS = ["example.com", "example.org"]


def errors(droplets: object, common: object = None, domains: list = DOMAINS, sites: dict = SITES) -> list[str]:
    return droplet_errors(droplets, common or {}, domains, sites)


def made(name: str, number: int = 7, **given: object) -> dict:
    droplet = {"public_v4": f"203.0.113.{number}", "public_v6": f"2001:db8::{number}"}
    return {"droplet_name": name, "created": False, "rebuilt": False, **given, "droplet": {**droplet, **given.get("droplet", {})}}


def plan(droplets: dict, results: list[dict], reserved: list[dict] = [], domains: list[str] = DOMAINS, sites: dict = SITES) -> dict:  # noqa: B006
    return droplet_plan(sites, {name: {"tags": ["web"], **keys} for name, keys in droplets.items()}, domains, results, reserved)


def values(planned: dict) -> dict:
    return {(record["name"], record["type"]): record["values"] for record in planned["records"]}


def test_it_works():
    assert errors({"web1": {"region": "fra1", "sites": ["blog"], "ipv6": False, "tags": ["web"], "image": 12345}}) == []


@pytest.mark.parametrize(
    ("droplets", "sentence"),
    [
        ([], '"droplets" must be a dict of droplets by name, such as {web1: {region: fra1}}'),
        ({"Web_1": {"region": "fra1"}}, 'droplet "Web_1": a name is a host name of lower-case letters, digits, - and dots'),
        ({"web1": None}, 'droplet "web1": must be a dict of keys, such as {region: fra1}'),
        ({"web1": {}}, 'droplet "web1": key "region" is missing; say where it is to be, such as fra1'),
        ({"web1": {"region": "fra1", "sizes": "s"}}, 'droplet "web1": key "sizes" is not known; did you mean "size"?'),
        ({"web1": {"region": "fra1", "size": ""}}, 'droplet "web1": key "size" must be a size, such as s-1vcpu-1gb'),
        ({"web1": {"region": "fra1", "image": True}}, 'droplet "web1": key "image" must be an image, such as debian-13-x64, or the id of one'),
        ({"web1": {"region": "fra1", "ipv6": "yes"}}, 'droplet "web1": key "ipv6" must be true or false'),
        ({"web1": {"region": "fra1", "tags": "web"}}, 'droplet "web1": key "tags" must be a list of groups, such as [web, database]'),
        ({"web1": {"region": "fra1", "tags": ["a b"]}}, 'droplet "web1": key "tags": "a b" is no group (lower-case letters, digits, _ and -)'),
        ({"web1": {"region": "fra1", "sites": ["blok"]}}, 'droplet "web1": key "sites": there is no site "blok"; did you mean "blog"?'),
    ],
)
def test_what_is_wrong_is_said(droplets, sentence):
    assert errors(droplets) == [sentence]


def test_what_holds_for_all_is_looked_at_too():
    assert errors({"web1": {}}, {"region": "fra1"}) == []
    assert errors({"web1": {"region": "fra1"}}, {"monitor": True}) == ['droplet_common: key "monitor" is not known; did you mean "monitoring"?']
    assert errors({}, ["fra1"]) == ['"droplet_common" must be a dict of keys that every droplet gets']


def test_a_wildcard_is_a_record_and_in_no_hosts_file():
    planned = plan({"web1": {}}, [made("web1")], sites={"blog": {"domains": ["example.com", "*.example.com"]}})
    assert values(planned)["*.example.com", "A"] == ["203.0.113.7"]
    assert planned["servers"]["web1"]["domains"] == ["example.com"]


def test_a_name_outside_the_domains_is_told():
    assert errors({}, domains=["example.com"]) == ['site "shop": shop.example.org lies in none of droplet_domains; add the domain that holds it']
    assert errors({}, domains=[]) == []
    assert errors({}, domains=["localhost"]) == ['droplet_domains: "localhost" is no domain, such as example.com']


def test_a_name_that_is_none_is_told_and_one_that_goes_is_not():
    [sentence] = errors({}, sites={"blog": {"domains": ["http://example.com"]}, "old": {"state": "absent"}})
    assert sentence.startswith('site "blog": key "domains": \'http://example.com\' is no host name')


def test_every_name_leads_to_the_droplet_exactly():
    planned = plan({"web1": {}}, [made("web1")])
    assert values(planned) == {
        (name, kind): [address]
        for name in ("example.com", "www.example.com", "shop.example.org")
        for kind, address in (("A", "203.0.113.7"), ("AAAA", "2001:db8::7"))
    }
    assert {record["domain"] for record in planned["records"]} == set(DOMAINS)


def test_two_that_serve_a_site_share_its_names():
    planned = plan({"web1": {}, "web2": {"sites": ["blog"]}, "db1": {"tags": ["database"]}}, [made("web1", 1), made("web2", 2), made("db1", 3)])
    assert values(planned)["example.com", "A"] == ["203.0.113.1", "203.0.113.2"]
    assert values(planned)["shop.example.org", "A"] == ["203.0.113.1"]
    assert planned["servers"]["db1"]["domains"] == []


def test_a_reserved_address_takes_the_names_and_may_take_the_others_place():
    planned = plan({"web1": {}}, [made("web1")], [{"droplet_name": "web1", "ip": "198.51.100.1"}, {"droplet_name": "web2", "skipped": True}])
    [record] = [record for record in planned["records"] if (record["name"], record["type"]) == ("example.com", "A")]
    assert (record["values"], record["expected_values"]) == (["198.51.100.1"], ["198.51.100.1", "203.0.113.7"])
    assert planned["servers"]["web1"]["address"] == "203.0.113.7"


def test_no_ipv6_is_an_empty_set():
    assert values(plan({"web1": {}}, [made("web1", droplet={"public_v6": None})]))["example.com", "AAAA"] == []


def test_a_name_waits_for_all_of_its_droplets():
    planned = plan({"web1": {"sites": ["blog"]}, "web2": {}}, [made("web1"), made("web2", droplet={"public_v4": None})])
    assert (planned["records"], list(planned["servers"])) == ([], ["web1"])


def test_without_domains_there_are_no_records():
    assert plan({"web1": {}}, [made("web1")], domains=[])["records"] == []


@pytest.mark.parametrize("how", ["created", "rebuilt"])
def test_a_new_machine_is_fresh(how):
    assert plan({"web1": {}}, [made("web1", **{how: True})])["servers"]["web1"]["fresh"] is True
    assert plan({"web1": {}}, [made("web1")])["servers"]["web1"]["fresh"] is False


def test_the_longest_domain_is_a_names():
    assert zone_of("a.b.example.com", ["example.com", "b.example.com"]) == "b.example.com"
    assert zone_of("badexample.com", ["example.com"]) is None


def test_of_a_site_only_the_names_are_read():
    class Unreadable(dict):
        def __getitem__(self, key: str) -> object:
            assert key == "domains"
            return super().__getitem__(key)

    assert names_of({"blog": Unreadable(domains=["example.com"], environment={})}) == {"blog": {"domains": ["example.com"]}}
