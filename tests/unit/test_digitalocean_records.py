"""Domains and record sets: what is made, changed and removed, and what is left alone."""

from __future__ import annotations

import pytest

ADDRESS, ANOTHER = "203.0.113.7", "203.0.113.99"
APEX = {"domain": "example.com", "type": "A", "values": [ADDRESS]}
WWW = {**APEX, "name": "www.example.com"}
RECORDS = "/v2/domains/example.com/records"


@pytest.fixture
def domain(fake) -> str:
    fake.account.create_domain({"name": "example.com"})
    return "example.com"


@pytest.fixture
def put(fake, domain):
    """Puts a record there by hand."""

    def putting(kind: str, name: str, data: str, **given: object) -> dict:
        return fake.account.create_record(domain, {"type": kind, "name": name, "data": data, **given})

    return putting


@pytest.fixture
def zone(fake):
    """The records, but for those that come with a domain."""

    def read() -> list[tuple]:
        records = fake.account.list_records("example.com", {})
        return sorted((record["type"], record["name"], record["data"], record["ttl"]) for record in records if record["type"] not in ("NS", "SOA"))

    return read


def test_it_works(digitalocean, fake, domain, zone):
    result = digitalocean("dns_record_set", **WWW)
    assert (result["changed"], result["fqdn"]) == (True, "www.example.com")
    assert result["records"] == [{"name": "www.example.com", "type": "A", "value": ADDRESS, "ttl": 1800}]
    assert zone() == [("A", "www", ADDRESS, 1800)]


def test_an_apex_that_is_set_three_times_stays_one_record(digitalocean, fake, domain, zone):
    changed = [digitalocean("dns_record_set", **APEX, name=name)["changed"] for name in ("@", "example.com", "Example.com.")]
    assert changed == [True, False, False]
    assert zone() == [("A", "@", ADDRESS, 1800)]
    assert fake.changes() == [f"POST {RECORDS}"]


@pytest.mark.parametrize("name", ["www", "www.example.com", "WWW.example.com."])
def test_a_name_is_the_same_in_any_spelling(digitalocean, put, name):
    put("A", "www", ADDRESS)
    assert digitalocean("dns_record_set", **APEX, name=name)["changed"] is False


def test_another_address_takes_the_place_of_the_old_one(digitalocean, fake, put, zone):
    record = put("A", "www", ADDRESS)
    result = digitalocean("dns_record_set", **{**WWW, "values": [ANOTHER]})
    assert zone() == [("A", "www", ANOTHER, 1800)]
    assert fake.changes() == [f"PUT {RECORDS}/{record['id']}"]
    assert result["diff"] == {"before": f"www.example.com 1800 A {ADDRESS}\n", "after": f"www.example.com 1800 A {ANOTHER}\n"}


def test_what_is_surplus_goes_and_what_is_missing_comes(digitalocean, fake, put, zone):
    for address in (ADDRESS, ADDRESS, "192.0.2.1", "192.0.2.2"):
        put("A", "www", address)
    digitalocean("dns_record_set", **{**WWW, "values": [ANOTHER, ADDRESS]})
    assert zone() == [("A", "www", ADDRESS, 1800), ("A", "www", ANOTHER, 1800)]
    assert [change.split()[0] for change in fake.changes()] == ["PUT", "DELETE", "DELETE"]
    digitalocean("dns_record_set", **{**WWW, "values": [ANOTHER, ADDRESS, "192.0.2.3"]})
    assert len(zone()) == 3


def test_the_name_is_never_without_a_record(digitalocean, fake, put):
    put("A", "www", ADDRESS)
    put("A", "www", "192.0.2.1")
    left = []
    for name in ("update_record", "delete_record"):
        act = getattr(fake.account, name)
        setattr(fake.account, name, lambda *words, act=act: (left.append(len(fake.account.list_records("example.com", {"type": "A"}))), act(*words))[1])
    digitalocean("dns_record_set", **{**WWW, "values": [ANOTHER]})
    assert left == [2, 2]


def test_records_of_others_stay(digitalocean, fake, put, zone):
    others = [
        put("A", "@", ADDRESS),
        put("AAAA", "www", "2001:db8::1"),
        put("TXT", "www", "text"),
        put("A", "www2", ADDRESS),
        put("MX", "@", "mail.", priority=1),
    ]
    before = zone()
    digitalocean("dns_record_set", **WWW)
    digitalocean("dns_record_set", **WWW, state="absent")
    assert zone() == before
    assert not [change for change in fake.changes() for other in others if str(other["id"]) in change]


def test_name_servers_of_the_domain_stay(digitalocean, fake, domain):
    before = fake.account.list_records("example.com", {"type": "NS"})
    digitalocean("dns_record_set", **APEX)
    assert fake.account.list_records("example.com", {"type": "NS"}) == before


def test_another_time_to_live_is_a_change(digitalocean, fake, put, zone):
    put("CNAME", "www", "web.example.net.")
    result = digitalocean("dns_record_set", domain="example.com", name="www", type="CNAME", values=["web.example.net"], ttl=300)
    assert result["changed"]
    assert zone() == [("CNAME", "www", "web.example.net", 300)]


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "Web.example.net.", "web.example.net"),
        ("CNAME", "example.com", "@"),
        ("CNAME", "@", "@"),
        ("MX", "10 mail.example.com.", "mail.example.com"),
        ("MX", "0 example.com", "@"),
        ("TXT", 'v=spf1 -all; and "more"', 'v=spf1 -all; and "more"'),
        ("CAA", '0 issue "letsencrypt.org"', "letsencrypt.org"),
        ("CAA", "128 issuewild letsencrypt.org.", "letsencrypt.org"),
        ("CAA", "0 iodef mailto:me@example.com", "mailto:me@example.com"),
        ("CAA", "0 issue ;", ";"),
        ("CAA", '0 issuewild ";"', ";"),
        ("CAA", "0 issue letsencrypt.org; validationmethods=dns-01", "letsencrypt.org; validationmethods=dns-01"),
    ],
)
def test_each_type_is_known_again(digitalocean, fake, domain, zone, kind, value, kept):
    options = {"domain": domain, "name": "*", "type": kind, "values": [value, value]}
    assert digitalocean("dns_record_set", **options)["changed"]
    assert [data for _kind, _name, data, _ttl in zone()] == [kept]
    assert digitalocean("dns_record_set", **options)["changed"] is False


def test_nobody_may_issue_certificates_and_then_one_may(digitalocean, put, zone):
    """A semicolon alone, which needs its dot on the way to the API as any authority does."""
    put("CAA", "@", ";.", flags=0, tag="issue")
    options = {"domain": "example.com", "type": "CAA"}
    assert digitalocean("dns_record_set", **options, values=["0 issue ;"])["changed"] is False
    result = digitalocean("dns_record_set", **options, values=["0 issue letsencrypt.org"])
    assert (result["diff"]["before"], zone()) == ("example.com 1800 CAA 0 issue ;\n", [("CAA", "@", "letsencrypt.org", 1800)])


def test_an_address_that_was_put_there_in_another_spelling_is_known(digitalocean, put):
    put("AAAA", "www", "2001:DB8:0:0::1")
    assert digitalocean("dns_record_set", domain="example.com", name="www", type="AAAA", values=["2001:db8::1"])["changed"] is False


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("A", "2001:db8::1", 'value "2001:db8::1" must be an address of IPv4'),
        ("A", "web", 'value "web" must be an address of IPv4'),
        ("AAAA", "203.0.113.7", 'value "203.0.113.7" must be an address of IPv6'),
        ("CNAME", "web", 'value "web" must be a host name in full, such as mail.example.com'),
        ("MX", "mail.example.com", 'value "mail.example.com" must begin with a number from 0 to 65535'),
        ("MX", "10", 'value "" must be a host name in full, such as mail.example.com'),
        ("CAA", "issue letsencrypt.org", 'value "issue letsencrypt.org" must be like 0 issue letsencrypt.org'),
        ("CAA", "0 issue", 'value "0 issue" must be like 0 issue letsencrypt.org'),
        ("CAA", "0 issues letsencrypt.org", 'value "0 issues letsencrypt.org" must be like 0 issue letsencrypt.org'),
        ("CAA", "256 issue letsencrypt.org", 'value "256 issue letsencrypt.org" must begin with a number from 0 to 255'),
    ],
)
def test_a_value_that_is_none_of_its_type_is_told(digitalocean, domain, kind, value, sentence):
    message = digitalocean.refused("dns_record_set", domain=domain, type=kind, values=[value])
    assert message == f'domain "example.com": {kind} of "@": {sentence}'


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "www.example.org"}, "the name is not below the domain; write it in full, such as www.example.com, or as one label"),
        ({"name": "wwwexample.com"}, "the name is not below the domain; write it in full, such as www.example.com, or as one label"),
        ({"name": "www."}, "the name is not below the domain; write it in full, such as www.example.com, or as one label"),
        ({"name": "w w"}, "this is no name that DNS can have"),
        ({"values": []}, "there are no values; give some, or say state=absent"),
        ({"values": None}, "there are no values; give some, or say state=absent"),
        ({"type": "CNAME", "values": ["a.example.net", "b.example.net"]}, "a name has one CNAME; give one value"),
    ],
)
def test_what_makes_no_sense_is_told(digitalocean, domain, options, sentence):
    assert digitalocean.refused("dns_record_set", **{**APEX, **options}).endswith(f": {sentence}")


def test_a_domain_that_is_not_in_the_account_is_told(digitalocean):
    assert digitalocean.refused("dns_record_set", **APEX) == (
        'domain "example.com": A of "@": the domain is not in this account; add it with digitalocean_domain, or see whose token this is'
    )


def test_a_domain_that_is_not_in_the_account_has_no_records_to_remove(digitalocean):
    assert digitalocean("dns_record_set", **APEX, state="absent")["changed"] is False


def test_a_record_that_cannot_be_beside_another_is_told_in_the_words_of_the_api(digitalocean, put):
    put("CNAME", "www", "web.example.net.")
    assert digitalocean("dns_record_set", **WWW)["msg"].endswith("(422, CNAME records cannot share a name with other records)")


def test_a_set_on_a_later_page_is_found(digitalocean, fake, put):
    for number in range(210):
        put("A", f"host{number}", ADDRESS)
    put("A", "www", ADDRESS)
    assert digitalocean("dns_record_set", **WWW)["changed"] is False
    assert len(fake.asked("GET")) == 2


def test_a_check_only_looks(digitalocean, fake, put):
    put("A", "www", ANOTHER, ttl=60)
    result = digitalocean("dns_record_set", **WWW, check_mode=True)
    assert result["changed"]
    assert result["diff"] == {"before": f"www.example.com 60 A {ANOTHER}\n", "after": f"www.example.com 1800 A {ADDRESS}\n"}
    assert fake.changes() == []


def test_absent_removes_all_of_the_name_and_type(digitalocean, put, zone):
    put("A", "www", ADDRESS)
    put("A", "www", ANOTHER)
    result = digitalocean("dns_record_set", domain="example.com", name="www", type="A", state="absent")
    assert (result["changed"], result["records"], zone()) == (True, [], [])
    assert digitalocean("dns_record_set", domain="example.com", name="www", type="A", state="absent")["changed"] is False


def test_a_name_that_points_elsewhere_than_expected_is_left_alone(digitalocean, put):
    put("A", "www", ANOTHER)
    assert digitalocean.refused("dns_record_set", **WWW, expected_values=["192.0.2.1"]) == (
        f'domain "example.com": A of "www.example.com": it has {ANOTHER} today, where 192.0.2.1 was expected; if it is to be {ADDRESS},'
        " say confirm=www.example.com"
    )
    assert "where nothing was expected; if it is to be gone," in digitalocean.refused(
        "dns_record_set", **{**WWW, "values": None}, expected_values=[], state="absent"
    )


@pytest.mark.parametrize(
    "options", [{"expected_values": [ANOTHER]}, {}, *({"expected_values": [], "confirm": name} for name in ("www.example.com", "example.com"))]
)
def test_a_name_that_points_where_it_may_is_changed(digitalocean, put, zone, options):
    put("A", "www", ANOTHER)
    assert digitalocean("dns_record_set", **WWW, **options)["changed"]
    assert zone() == [("A", "www", ADDRESS, 1800)]


@pytest.mark.parametrize("there", [[], [ADDRESS]])
def test_a_name_that_loses_nothing_needs_no_word(digitalocean, put, there):
    for address in there:
        put("A", "www", address)
    result = digitalocean("dns_record_set", **{**WWW, "values": [ADDRESS, "192.0.2.1"]}, expected_values=[])
    assert result["changed"]


def test_a_record_whose_answer_was_lost_is_not_made_twice(digitalocean, fake, domain, zone):
    fake.trouble(method="POST", reset="after")
    digitalocean("dns_record_set", **{**WWW, "values": [ADDRESS, ANOTHER]})
    assert len(zone()) == 2
    assert fake.changes() == [f"POST {RECORDS}"] * 2


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_whose_answer_was_lost_is_made_again(digitalocean, fake, put, zone, method):
    put("A", "www", ANOTHER)
    put("A", "www", "192.0.2.1")
    fake.trouble(method=method, reset="after")
    digitalocean("dns_record_set", **WWW)
    assert zone() == [("A", "www", ADDRESS, 1800)]


def test_a_domain_is_added_once(digitalocean, fake):
    result = digitalocean("domain", name="Example.com.")
    assert (result["changed"], result["name_servers"]) == (True, ["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"])
    assert result["diff"] == {"before": {}, "after": {"domain": "example.com"}}
    assert digitalocean("domain", name="example.com")["changed"] is False
    assert fake.changes() == ["POST /v2/domains"]


def test_a_check_adds_no_domain(digitalocean, fake):
    result = digitalocean("domain", name="example.com", check_mode=True)
    assert (result["changed"], result["name_servers"], fake.changes()) == (True, [], [])


def test_a_domain_whose_answer_was_lost_is_not_added_again(digitalocean, fake):
    fake.trouble(method="POST", reset="after")
    assert digitalocean("domain", name="example.com")["changed"]
    assert fake.changes() == ["POST /v2/domains"]


def test_removing_a_domain_needs_its_name(digitalocean, fake, domain):
    options = {"name": domain, "state": "absent"}
    assert digitalocean.refused("domain", **options, confirm="www.example.com") == (
        'domain "example.com": removing it removes all of its records, whoever made them; if that is meant, say confirm=example.com'
    )
    assert digitalocean("domain", **options, confirm=domain, check_mode=True)["changed"]
    assert fake.changes() == []
    assert digitalocean("domain", **options, confirm=domain) == {"changed": True, "diff": {"before": {"domain": domain}, "after": {}}}
    assert digitalocean("domain", **options)["changed"] is False


@pytest.mark.parametrize("check", [False, True])
def test_one_value_of_a_set_goes_and_the_others_stay_as_they_are(digitalocean, fake, put, zone, check):
    put("A", "www", ADDRESS)
    put("A", "www", ANOTHER, ttl=60)
    result = digitalocean("dns_record_set", check_mode=check, **WWW, state="absent")
    assert (result["changed"], result["records"]) == (True, [{"name": "www.example.com", "type": "A", "value": ANOTHER, "ttl": 60}])
    assert result["diff"]["before"].splitlines() == [f"www.example.com 1800 A {ADDRESS}", f"www.example.com 60 A {ANOTHER}"]
    assert zone() == [*([("A", "www", ADDRESS, 1800)] if check else []), ("A", "www", ANOTHER, 60)]
    assert len(fake.changes()) == (0 if check else 1)


def test_a_value_that_is_not_there_is_gone_already(digitalocean, fake, put):
    put("A", "www", ANOTHER)
    assert digitalocean("dns_record_set", **WWW, state="absent")["changed"] is False
    assert fake.changes() == []
