"""What comes back by itself after a kill that leaves no time to tidy up."""

import pytest


@pytest.fixture
def postgresql(server):
    """The unit of the PostgreSQL server."""
    return server.check_output("systemctl show --value --property Id 'postgresql@*'")


def until(server, seconds, condition):
    """Wait for a shell's condition on the server."""
    waited = server.run("timeout %s sh -c %s", str(seconds), f"until {condition}; do sleep 0.1; done")
    assert waited.rc == 0, f"not within {seconds} s: {condition}"


def kill(server, unit):
    """End the unit's main process; returns the condition that another one runs."""
    main = f"systemctl show --value --property MainPID {unit}"
    killed = server.check_output(main)
    server.check_output(f"kill -KILL {killed}")
    return f"main=$({main}) && [ $main != 0 ] && [ $main != {killed} ]"


def answers(domain, path="/"):
    return f"curl --silent --fail --output /dev/null --max-time 5 --header 'Host: {domain}' http://127.0.0.1{path}"


def psql(server, statement, user="tatis"):
    return server.check_output(f'runuser -u {user} -- psql --quiet --tuples-only --no-align --command "{statement}"')


def test_nginx_comes_back_each_time(server, domains):
    # More often than systemd would by itself allow within ten seconds.
    for _ in range(7):
        until(server, 5, f"{kill(server, 'nginx.service')} && {answers(domains['tatis'])}")


def test_postgresql_comes_back_with_what_it_acknowledged(server, domains, postgresql):
    psql(server, "CREATE TABLE killed (number int)")
    try:
        for number in range(1, 4):
            psql(server, f"INSERT INTO killed VALUES ({number})")
            until(server, 15, f"{kill(server, postgresql)} && {answers(domains['tatis'], '/healthz')}")
            assert psql(server, "SELECT count(*) FROM killed") == str(number)
    finally:
        psql(server, "DROP TABLE killed")


def test_postgresql_comes_back_if_it_is_killed_while_it_starts(server, domains, postgresql):
    starting = "[ $(systemctl is-active {unit}) = activating ] && kill -KILL $(head --lines 1 /var/lib/postgresql/*/main/postmaster.pid)"
    back = kill(server, postgresql)
    until(server, 15, starting.format(unit=postgresql))
    until(server, 15, f"{back} && {answers(domains['tatis'], '/healthz')}")


def test_postgresql_comes_back_beside_a_child_that_does_not_end(server, domains, postgresql):
    deaf = "trap '' TERM HUP PIPE; echo >/tmp/deaf; while true; do sleep 1; done"
    server.check_output("rm --force /tmp/deaf")
    server.check_output("setsid --fork runuser -u postgres -- psql --command %s >/dev/null 2>&1", f"COPY (SELECT 1) TO PROGRAM $${deaf}$$")
    until(server, 5, "[ -e /tmp/deaf ]")
    until(server, 15, f"{kill(server, postgresql)} && {answers(domains['tatis'], '/healthz')}")
