"""Which sites a database host keeps, and which hosts share a database, out of what all web hosts say of them."""

from __future__ import annotations

import pytest

from ansible_collections.shortstop.django.plugins.plugin_utils.database_sites import database_sites, sharing_hosts
from ansible_collections.shortstop.django.plugins.plugin_utils.finished_sites import finished_database

HERE = {"host": "db1", "password": "secret"}
ELSEWHERE = {"host": "db2", "password": "secret"}
GONE = {"state": "absent", "purge": True}


def kept(*web: dict, host: str = "db1", names: tuple[str, ...] = ("db1", "10.0.0.4")) -> dict[str, dict]:
    """What a database host keeps, of web hosts web0, web1… with these variables."""
    hostvars = {f"web{number}": variables for number, variables in enumerate(web)}
    return database_sites(hostvars, list(hostvars), host, names)


def test_the_sites_that_name_this_host():
    sites = {name: {"database": {**HERE, "host": where}} for name, where in {"blog": "db1", "shop": "10.0.0.4", "wiki": "db2"}.items()}
    assert kept({"sites": {**sites, "local": {}, "small": {"database": "sqlite"}}}).keys() == {"blog", "shop"}


def test_a_host_s_own_sites_are_all_there():
    own = {"blog": {}, "small": {"database": "sqlite"}, "far": {"database": ELSEWHERE}}
    assert kept({"sites": own}, {"sites": {"theirs": {}}}, host="web0") == own


def test_a_host_without_sites():
    assert kept({}, {"sites": {}}) == {}


@pytest.mark.parametrize("turned", [False, True])
def test_a_present_site_wins_over_one_that_another_host_purges(turned):
    web = [{"sites": {"blog": {"database": HERE}}}, {"sites": {"blog": {**GONE, "database": HERE}}}]
    assert kept(*(reversed(web) if turned else web)) == {"blog": {"database": HERE}}


@pytest.mark.parametrize("turned", [False, True])
def test_a_site_that_moved_to_another_database_host_leaves_this_one(turned):
    web = [{"sites": {"blog": {"database": ELSEWHERE}}}, {"sites": {"blog": {**GONE, "database": HERE}}}]
    assert kept(*(reversed(web) if turned else web)) == {"blog": {**GONE, "database": HERE}}


def test_a_host_s_own_site_of_another_s_name_that_is_elsewhere():
    web = [{"sites": {"blog": {"database": "sqlite"}}}, {"sites": {"blog": {**GONE, "database": {**HERE, "host": "web0"}}}}]
    assert kept(*web, host="web0", names=("web0",))["blog"]["state"] == "absent"


def test_what_holds_for_all_sites_of_a_web_host():
    web = {"site_common": {"database": HERE, "workers": 7, "user": "no house-wide key"}, "sites": {"blog": {"workers": 3}, "shop": {}}}
    assert kept(web) == {"blog": {"database": HERE, "workers": 3}, "shop": {"database": HERE, "workers": 7}}


@pytest.mark.parametrize("of", ["sites", "kept"])
def test_the_short_form_of_an_absent_site_goes_by_its_record(of):
    record = {"state": "absent", "user": "web", "database": {"engine": "postgres", "name": "shop2", "user": "web", "host": "db1"}}
    web = {"sites": {"shop": GONE, "blog": {"database": HERE}}, "__site_installed": {of: {"shop": record, "blog": {"database": ELSEWHERE}}}}
    assert kept(web) == {"shop": {**record, **GONE}, "blog": {"database": HERE}}


@pytest.mark.parametrize("database", [{**HERE, "name": "blog"}, {**HERE, "user": "blog"}], ids=["database", "role"])
def test_what_a_present_site_uses_is_not_purged_under_another_name(database):
    web = [{"sites": {"old": {**GONE, "database": database}}}, {"sites": {"blog": {"database": HERE}}}]
    assert kept(*web)["old"]["purge"] is False


def test_what_a_present_site_has_beside_its_first_database_is_not_purged_either():
    sites = {"blog": {"database": HERE, "databases": {"old": {"name": "shop"}}}, "shop": {**GONE, "database": HERE}}
    assert kept({"sites": sites})["shop"]["purge"] is False
    sites["blog"]["databases"] = {"old": {}}
    assert kept({"sites": sites})["shop"]["purge"] is True


def test_a_present_site_elsewhere_holds_nothing_here():
    web = [{"sites": {"old": {**GONE, "database": {**HERE, "name": "blog"}}}}, {"sites": {"blog": {"database": ELSEWHERE}}}]
    assert kept(*web)["old"]["purge"] is True


def test_hosts_that_share_a_database():
    hostvars = {
        "web1": {"sites": {"blog": {"database": HERE}}},
        "web2": {"sites": {"blog": {}}, "site_common": {"database": {**HERE, "port": "5432"}}},
        "web3": {"sites": {"blog": {"database": ELSEWHERE}}},
        "web4": {"sites": {"blog": {"database": {**HERE, "name": "other"}}}},
        "web5": {"sites": {"blog": {"database": "sqlite"}, "shop": {"database": HERE}}},
        "db1": {},
    }
    assert sharing_hosts(hostvars, "blog", finished_database("blog", {"database": HERE})) == ["web1", "web2"]


def test_a_database_on_the_site_s_own_server_is_shared_by_none():
    assert sharing_hosts({"web1": {"sites": {"blog": {}}}, "web2": {"sites": {"blog": {}}}}, "blog", finished_database("blog", {})) == []
