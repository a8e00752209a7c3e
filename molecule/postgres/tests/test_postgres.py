"""Each site reaches its own database and nothing else, also after a kill, a change by hand, and the site's end."""

from __future__ import annotations

import json
import re

import pytest
from on_server import kill, until

SITES = ("blog", "shop")


@pytest.fixture(autouse=True)
def _users(servers):
    """The sites' users, which are role base's work."""
    for server in servers:
        for site in SITES:
            server.check_output(f"id {site} >/dev/null 2>&1 || useradd --system {site}")


def psql(server, user, statement, *options):
    return server.run(f'runuser -u {user} -- psql --quiet --tuples-only --no-align --command "{statement}" {" ".join(options)}')


def answer(server, user, statement, *options):
    done = psql(server, user, statement, *options)
    assert done.rc == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def unit(server):
    """The unit of the PostgreSQL server."""
    return server.check_output("systemctl show --value --property Id 'postgresql@*'")


@pytest.mark.parametrize("site", SITES)
def test_it_works(server, site):
    assert answer(server, site, "CREATE TEMPORARY TABLE proof (word text); INSERT INTO proof VALUES ('ßø') RETURNING word") == "ßø"


@pytest.mark.parametrize(("site", "other"), [SITES, SITES[::-1]])
def test_a_site_reaches_no_other_sites_database(server, site, other):
    assert "no pg_hba.conf entry" in psql(server, site, "SELECT 1", f"--dbname {other}").stderr
    assert "Peer authentication failed" in psql(server, site, "SELECT 1", f"--dbname {other} --username {other}").stderr
    assert psql(server, site, "SELECT 1", "--dbname postgres").rc != 0
    assert psql(server, site, "SELECT 1", "--username postgres").rc != 0


def test_roles_have_no_password_and_no_power(server):
    harmless = "rolpassword IS NULL AND NOT (rolsuper OR rolcreatedb OR rolcreaterole)"
    query = f"SELECT rolname FROM pg_authid WHERE rolname !~ '^(pg_|postgres$)' AND {harmless} ORDER BY 1"
    assert answer(server, "postgres", query).split() == list(SITES)


def test_databases_are_their_sites_own(server):
    query = "SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE NOT datistemplate ORDER BY 1"
    assert answer(server, "postgres", query).split() == [
        "blog|blog|UTF8",
        "legacy|shop|UTF8",
        "postgres|postgres|UTF8",
        "shop|shop|UTF8",
        "shop_analytics|shop|UTF8",
    ]


def test_a_further_database_is_its_site_s_alone(server):
    answer(server, "shop", "CREATE TABLE counted (word text); DROP TABLE counted", "--dbname shop_analytics")
    assert answer(server, "shop", "SELECT current_setting('statement_timeout')", "--dbname legacy") == "5min"
    assert "no pg_hba.conf entry" in psql(server, "blog", "SELECT 1", "--dbname shop_analytics").stderr
    asked = "has_database_privilege('blog', 'legacy', 'CONNECT'), has_schema_privilege('blog', 'public', 'USAGE')"
    assert answer(server, "postgres", f"SELECT {asked}", "--dbname legacy") == "f|f"


@pytest.mark.parametrize(("site", "other"), [SITES, SITES[::-1]])
def test_only_the_owner_may_connect_whatever_pg_hba_says(server, site, other):
    asked = [f"has_database_privilege('{site}', '{database}', 'CONNECT')" for database in (site, other, "postgres", "template1")]
    assert answer(server, "postgres", f"SELECT {', '.join(asked)}") == "t|f|f|f"


def test_only_the_owner_may_use_the_schema(server):
    query = "SELECT has_schema_privilege('{}', 'public', 'CREATE'), has_schema_privilege('{}', 'public', 'USAGE')"
    assert answer(server, "postgres", query.format("blog", "blog"), "--dbname blog") == "t|t"
    assert answer(server, "postgres", query.format("shop", "shop"), "--dbname blog") == "f|f"


def test_a_site_takes_no_more_connections_than_its_share(server):
    assert answer(server, "postgres", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'blog'") == "50"
    # Two releases of its workers and threads, and ten.
    assert answer(server, "postgres", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop'") == "74"
    answer(server, "postgres", "ALTER ROLE blog CONNECTION LIMIT 2")
    try:
        many = " & ".join(["psql --command 'SELECT pg_sleep(2)'"] * 4)
        said = server.run("runuser -u blog -- sh -c %s", f"{many} & wait")
        assert said.stderr.count('too many connections for role "blog"') == 2
    finally:
        answer(server, "postgres", "ALTER ROLE blog CONNECTION LIMIT 50")


def test_a_site_waits_for_nothing_for_ever_but_a_migration_may(server):
    shown = "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
    assert answer(server, "blog", shown) == "5min|5min"
    assert answer(server, "postgres", shown) == "0|0"
    options = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    assert server.check_output("PGOPTIONS=%s runuser -u blog -- psql --tuples-only --no-align --command %s", options, shown) == "0|0"


def as_server(server, command: str):
    """What a shell says that the server starts."""
    return psql(server, "postgres", f"COPY (SELECT 1) TO PROGRAM $${command}$$".replace("$", "\\$"))


def test_the_server_is_kept_to_its_own(server, unit):
    exposure = re.search(r"Overall exposure level for .*: ([0-9.]+) ", server.check_output(f"systemd-analyze security --no-pager {unit}"))
    print(f"\n{server.backend.name}: {unit} {exposure[1]}")
    assert float(exposure[1]) <= 4.5
    assert as_server(server, "touch /var/lib/postgresql/proof && rm /var/lib/postgresql/proof").rc == 0
    for command in ("touch /etc/postgresql/proof", "ls /home", "unshare --user true", "chmod 4755 /var/lib/postgresql/main"):
        assert as_server(server, command).rc != 0, command


def test_it_listens_on_no_network(server):
    assert server.run("ss --listening --tcp --numeric --no-header | grep 5432").stdout == ""
    assert server.run("ss --listening --unix --no-header | grep .s.PGSQL.5432").rc == 0


def test_passwords_would_be_kept_as_scram(server):
    assert answer(server, "postgres", "SHOW password_encryption") == "scram-sha-256"


def test_it_starts_at_boot(server, unit):
    assert server.check_output(f"systemctl is-enabled {unit}").startswith("enabled")


def test_it_comes_back_with_what_it_acknowledged(server, unit):
    answer(server, "blog", "CREATE TABLE killed (number int)")
    try:
        for number in range(1, 4):
            answer(server, "blog", f"INSERT INTO killed VALUES ({number})")
            until(server, 15, f"{kill(server, unit)} && runuser -u blog -- psql --command 'SELECT 1' >/dev/null 2>&1")
            assert answer(server, "blog", "SELECT count(*) FROM killed") == str(number)
    finally:
        answer(server, "blog", "DROP TABLE killed")


def test_it_comes_back_if_it_is_killed_while_it_starts(server, unit):
    back = kill(server, unit)
    until(server, 15, f"[ $(systemctl is-active {unit}) = activating ] && kill -KILL $(head --lines 1 /var/lib/postgresql/*/main/postmaster.pid)")
    until(server, 15, f"{back} && runuser -u blog -- psql --command 'SELECT 1' >/dev/null 2>&1")


def test_it_comes_back_beside_a_child_that_does_not_end(server, unit):
    deaf = "trap '' TERM HUP PIPE; echo >/var/lib/postgresql/deaf; while true; do sleep 1; done"
    server.check_output("rm --force /var/lib/postgresql/deaf")
    server.check_output("setsid --fork runuser -u postgres -- psql --command %s >/dev/null 2>&1", f"COPY (SELECT 1) TO PROGRAM $${deaf}$$")
    until(server, 5, "[ -e /var/lib/postgresql/deaf ]")
    until(server, 15, f"{kill(server, unit)} && runuser -u blog -- psql --command 'SELECT 1' >/dev/null 2>&1")


# From here on the hosts change.
def test_what_was_changed_by_hand_is_shown_and_repaired(play, servers):
    for server in servers:
        server.check_output("cd /etc/postgresql/*/main && sed --in-place 's/^local .*sameuser .*/local all all trust/' pg_hba.conf && chmod 0644 pg_hba.conf")
        server.check_output("systemctl reload postgresql")
        assert psql(server, "blog", "SELECT 1", "--dbname shop --username shop").rc == 0
    shown = play("--check", "--diff").expect_success()
    assert shown.changed == 2  # with the reload
    assert "-local all all trust" in shown.output
    play().expect_success()
    for server in servers:
        assert psql(server, "blog", "SELECT 1", "--dbname shop --username shop").rc != 0
        assert server.check_output("stat --format '%a %U' /etc/postgresql/*/main/pg_hba.conf") == "640 postgres"


def test_a_changed_setting_holds_at_once(play, servers):
    play(postgres_listen_addresses=["127.0.0.1"], postgres_client_addresses=["127.0.0.2/32"]).expect_success()
    for server in servers:
        assert answer(server, "postgres", "SHOW listen_addresses") == "127.0.0.1"
        assert "no pg_hba.conf entry" in psql(server, "blog", "SELECT 1", "--host 127.0.0.1").stderr
    play().expect_success()
    for server in servers:
        assert answer(server, "postgres", "SHOW listen_addresses") == ""


def test_what_was_taken_by_hand_is_taken_back(play, servers):
    for server in servers:
        answer(server, "postgres", "GRANT ALL ON DATABASE blog TO PUBLIC; ALTER ROLE blog CONNECTION LIMIT -1; ALTER ROLE blog IN DATABASE blog RESET ALL")
        answer(server, "postgres", "GRANT ALL ON SCHEMA public TO PUBLIC", "--dbname blog")
    assert play("--check").expect_success().changed == 4
    assert play().expect_success().changed == 4
    for server in servers:
        test_only_the_owner_may_connect_whatever_pg_hba_says(server, "blog", "shop")
        test_only_the_owner_may_use_the_schema(server)


def test_another_timeout_holds(play, servers):
    play(postgres_statement_timeout="300ms").expect_success()
    for server in servers:
        assert "canceling statement due to statement timeout" in psql(server, "blog", "SELECT pg_sleep(5)").stderr
    play().expect_success()


def test_a_site_that_left_keeps_its_data_until_it_is_purged(play, servers):
    left = {"blog": {"domains": ["blog.example.com"]}}
    record = json.dumps({"user": "shop", "root": "/srv/shop", "database": {"engine": "postgres"}})
    for server in servers:
        answer(server, "shop", "CREATE TABLE kept (word text)")
        server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/shop.json")
    play(sites=left).expect_success()
    for server in servers:
        assert answer(server, "shop", "SELECT count(*) FROM kept") == "0"
    play(sites={**left, "shop": {"state": "absent", "purge": True}}).expect_success()
    for server in servers:
        query = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
        assert answer(server, "postgres", query).split() == ["blog", "postgres", "template0", "template1"]
