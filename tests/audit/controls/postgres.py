"""dev-sec's postgres baseline."""

from __future__ import annotations

from testinfra.host import Host

from controls import control

OWN_SCHEMAS = "('pg_catalog', 'information_schema')"


def told(server: Host, query: str, database: str = "tatis") -> list[str]:
    """The first column of the rows, as the database administrator sees them."""
    return server.check_output("runuser -u postgres -- psql --no-psqlrc --tuples-only --no-align --dbname %s --command %s", database, query).splitlines()


def entries(server: Host) -> list[list[str]]:
    """The lines of pg_hba.conf as words."""
    lines = server.file(told(server, "SHOW hba_file")[0]).content_string.splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("#")]


def access(server: Host, path: str) -> tuple[str, str, int]:
    file = server.file(path)
    return file.user, file.group, file.mode


@control("postgres-02")
def the_version_is_a_release(server: Host) -> None:
    assert told(server, "SELECT version() !~ '(devel|alpha|beta|rc[0-9])'") == ["t"]


@control("postgres-03")
def there_is_one_cluster(server: Host) -> None:
    assert len(server.check_output("pg_lsclusters --no-header").splitlines()) == 1
    assert len(server.check_output("pgrep --full --exact --uid postgres '.*bin/postgres -D .*'").split()) == 1


@control("postgres-04")
def only_two_languages_may_do_anything(server: Host) -> None:
    assert set(told(server, "SELECT lanname FROM pg_language WHERE NOT lanpltrusted")) == {"c", "internal"}


@control("postgres-05")
def no_language_is_there_that_nobody_needs(server: Host) -> None:
    assert set(told(server, "SELECT lanname FROM pg_language")) == {"c", "internal", "sql", "plpgsql"}


@control("postgres-06")
def every_role_has_a_password(server: Host) -> None:
    assert told(server, "SELECT rolname FROM pg_authid WHERE rolcanlogin AND rolpassword IS NULL") == []


@control("postgres-07")
def passwords_are_kept_as_scram(server: Host) -> None:
    assert told(server, "SHOW password_encryption") == ["scram-sha-256"]
    assert told(server, "SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'") == []


@control("postgres-08")
def one_role_rules(server: Host) -> None:
    assert told(server, "SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreatedb OR rolcreaterole") == ["postgres"]


@control("postgres-09")
def one_role_reads_passwords(server: Host) -> None:
    query = "SELECT DISTINCT (aclexplode(relacl)).grantee::regrole FROM pg_class WHERE relname = 'pg_authid'"
    assert told(server, query) == ["postgres"]


@control("postgres-10")
def the_configuration_is_the_database_s(server: Host) -> None:
    directory = told(server, "SELECT regexp_replace(setting, '/[^/]*$', '') FROM pg_settings WHERE name = 'config_file'")[0]
    assert access(server, directory) == ("postgres", "postgres", 0o700)
    assert access(server, f"{directory}/pg_hba.conf") == ("postgres", "postgres", 0o600)


@control("postgres-11")
def connections_can_be_encrypted(server: Host) -> None:
    assert told(server, "SHOW ssl") == ["on"]


@control("postgres-12")
def the_baseline_s_ciphers(server: Host) -> None:
    assert told(server, "SHOW ssl_ciphers") == ["ALL:!ADH:!LOW:!EXP:!MD5:@STRENGTH"]


@control("postgres-13")
def users_of_the_server_are_who_they_are(server: Host) -> None:
    local = [entry for entry in entries(server) if entry[0] == "local"]
    assert local
    assert {entry[-1] for entry in local} == {"peer"}


@control("postgres-14")
def nobody_is_believed(server: Host) -> None:
    methods = {entry[3] if entry[0] == "local" else entry[4] for entry in entries(server)}
    assert methods
    assert methods <= {"peer", "scram-sha-256"}


@control("postgres-15")
def what_crosses_a_network_is_encrypted(server: Host) -> None:
    assert {entry[0] for entry in entries(server)} <= {"local", "hostssl"}


@control("postgres-16")
def everything_is_logged(server: Host) -> None:
    names = ("log_connections", "log_disconnections", "log_duration", "log_hostname", "logging_collector")
    assert {name: told(server, f"SHOW {name}")[0] for name in names} == dict.fromkeys(names, "on")


@control("postgres-17")
def tables_are_not_everybody_s(server: Host) -> None:
    query = f"SELECT table_name FROM information_schema.table_privileges WHERE grantee = 'PUBLIC' AND table_schema NOT IN {OWN_SCHEMAS}"
    assert told(server, query) == []


@control("postgres-18")
def nobody_passes_a_right_on(server: Host) -> None:
    query = f"""SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
                WHERE a.is_grantable AND a.grantee <> c.relowner AND n.nspname NOT IN {OWN_SCHEMAS}"""
    assert told(server, query) == []


@control("postgres-19")
def no_function_lends_its_owner_s_rights(server: Host) -> None:
    query = f"SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE prosecdef AND n.nspname NOT IN {OWN_SCHEMAS}"
    assert told(server, query) == []


@control("postgres-20")
def data_and_logs_are_the_database_s(server: Host) -> None:
    assert access(server, told(server, "SHOW data_directory")[0]) == ("postgres", "postgres", 0o700)
    assert access(server, "/var/log/postgresql") == ("postgres", "postgres", 0o700)
