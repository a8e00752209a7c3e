"""What is written arrives byte for byte in units, and what every login reads is the same there or refused."""

from __future__ import annotations

import base64
import functools
import json
import string
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from on_server import put

from ansible_collections.shortstop.django.plugins.plugin_utils.environment import environment_file, server_environment_errors

LOST_RUN = Path(__file__).resolve().parents[1] / "lost_run.yml"
SITES = ("blog", "shop")
SHOW = "import base64, json, os, sys; print(base64.b64encode(json.dumps({k: os.environ[k] for k in os.environ if k[0] == sys.argv[1]}).encode()).decode())"

# All characters but the two that no file can carry, and often those that are special somewhere.
CHARACTERS = st.one_of(st.sampled_from("#$\"'\\%` \t=!;&|~*?\r\x1b"), st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]))
VALUES = st.text(CHARACTERS, max_size=30)
# Most of these a login reads as a unit does.
PLAIN = st.text(string.ascii_letters + string.digits + " !%&()*+,./:;<=>?@[]^_{|}~-", max_size=30)
NAMES = st.from_regex(r"V[A-Z_]{1,8}", fullmatch=True)
MANY = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])


def unit_environment(server, *files: str, initial: str = "V") -> dict[str, str]:
    """The variables with this initial that a unit with these files has."""
    options = " ".join(f"--property EnvironmentFile={file}" for file in files)
    said = server.check_output(f"systemd-run --quiet --pipe --wait --collect {options} python3 -c '{SHOW}' {initial}")
    return json.loads(base64.b64decode(said))


def login_environment(server, initial: str = "V") -> dict[str, str]:
    """The variables with this initial that a login has."""
    return json.loads(base64.b64decode(server.check_output(f"""su --login nobody --shell /bin/sh --command "python3 -c '{SHOW}' {initial}" """)))


@pytest.mark.parametrize("site", SITES)
def test_it_works(server, site):
    file = server.file(f"/etc/shortstop/{site}/environment")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
    told = unit_environment(server, file.path, initial="D")
    assert told["DJANGO_ALLOWED_HOSTS"] == {"blog": "blog.example.com,www.blog.example.com", "shop": "shop.example.com,.shop.example.com"}[site]
    assert told["DATABASE_URL"] == {"blog": "postgres:///blog", "shop": "sqlite:////srv/shop/var/db.sqlite3"}[site]
    assert told["DJANGO_DEBUG"] == "0"


def test_a_site_is_told_its_own_names(server):
    told = unit_environment(server, "/etc/shortstop/blog/environment", initial="D")
    assert told["DJANGO_CSRF_TRUSTED_ORIGINS"] == "https://blog.example.com,https://www.blog.example.com"
    assert told["DJANGO_SETTINGS_MODULE"] == "blog.settings"
    assert (told["DJANGO_MEDIA_ROOT"], told["DJANGO_STATE_DIR"]) == ("/srv/blog/media", "/srv/blog/var")


def test_a_variable_has_further_names(server):
    told = unit_environment(server, "/etc/shortstop/blog/environment", initial="D")
    assert told["DB_NAME"] == "blog"
    assert told["DOMAIN_KEY"] == told["DJANGO_SECRET_KEY"]
    assert unit_environment(server, "/etc/shortstop/shop/environment", initial="S")["SECRET_KEY"] == "a key that the operator gives for another purpose"


def test_a_site_is_told_where_its_further_databases_are(server):
    assert unit_environment(server, "/etc/shortstop/blog/environment", initial="D")["DARK_DATABASE_URL"] == "postgres:///blog_dark"
    assert unit_environment(server, "/etc/shortstop/shop/environment", initial="D")["DARK_DATABASE_URL"] == "sqlite:////srv/shop/var/dark.sqlite3"


def test_django_accepts_what_stands_below_a_wildcard(server):
    told = unit_environment(server, "/etc/shortstop/shop/environment", initial="D")
    assert told["DJANGO_CSRF_TRUSTED_ORIGINS"] == "https://shop.example.com,https://*.shop.example.com"


def test_a_given_secret_arrives_byte_for_byte(server):
    told = unit_environment(server, "/etc/shortstop/blog/environment", initial="D")
    assert told["DJANGO_SECRET_KEY"] == 'molecule "only" $HOME `id` \\ # %s and long enough to be one: 3f6a8c1e'


def test_a_secret_that_nobody_gave_is_this_hosts_own(servers):
    secrets = []
    for server in servers:
        file = server.file("/etc/shortstop/generated/shop.secret_key")
        assert (file.user, file.mode, len(file.content_string.strip())) == ("root", 0o600, 67)
        assert not server.file("/etc/shortstop/generated/blog.secret_key").exists
        assert unit_environment(server, "/etc/shortstop/shop/environment", initial="D")["DJANGO_SECRET_KEY"] == file.content_string.strip()
        secrets.append(file.content_string)
    assert len(set(secrets)) == len(servers)


def test_nobody_else_reads_a_site_s_variables(server):
    for path in ("/etc/shortstop/blog", "/etc/shortstop/generated", "/etc/shortstop/blog/environment"):
        assert server.run(f"runuser -u nobody -- ls {path}/").rc != 0
        assert server.run(f"runuser -u nobody -- cat {path}").rc != 0


def test_the_server_s_variables_reach_units_and_logins(server):
    assert server.file("/etc/environment").mode == 0o640
    assert unit_environment(server, "/etc/environment", initial="H")["HOUSE_GREETING"] == "hello, all of you"
    assert login_environment(server, initial="H")["HOUSE_GREETING"] == "hello, all of you"


def test_the_site_s_file_carries_every_value_byte_for_byte_into_a_unit(server):
    @MANY
    @given(st.dictionaries(NAMES, VALUES, min_size=10, max_size=40))
    def carried(variables: dict[str, str]) -> None:
        put(server, "/run/carried", environment_file(variables))
        assert unit_environment(server, "/run/carried") == variables

    carried()


def test_etc_environment_carries_alike_or_refuses(server):
    kept = server.file("/etc/environment").content_string
    accepted = []

    @MANY
    @given(st.dictionaries(NAMES, PLAIN | VALUES, min_size=1, max_size=9))
    def carried(variables: dict[str, str]) -> None:
        variables = {name: value for name, value in variables.items() if not server_environment_errors({name: value})}
        assume(variables)
        accepted.extend(variables.values())
        put(server, "/etc/environment", environment_file(variables))
        assert unit_environment(server, "/etc/environment") == variables
        assert login_environment(server) == variables

    try:
        carried()
    finally:
        put(server, "/etc/environment", kept)
    assert len(set(accepted)) > 20


@pytest.mark.parametrize("value", ["a # b", "a ", "it costs $5", "it's", 'a "b"', "back\\slash", "two\nlines"])
def test_what_a_login_would_read_differently_is_refused_before_anything_is_touched(play, servers, value):
    before = [server.file("/etc/environment").content_string for server in servers]
    play(environment_variables={"HOUSE_GREETING": value}).expect_failure("HOUSE_GREETING")
    assert [server.file("/etc/environment").content_string for server in servers] == before


# From here on the hosts change.
def test_no_secret_is_shown_however_loud_a_run_is(play, servers):
    generated = [server.file("/etc/shortstop/generated/shop.secret_key").content for server in servers]
    for server in servers:
        server.check_output("for file in /etc/environment /etc/shortstop/*/environment; do echo MINE=2 >>$file; done")
        server.check_output("sed --in-place 's/hello, all/goodbye, all/' /etc/environment")
    run = play("-vvv", "--diff").expect_success()
    assert run.changed == 2
    assert "and long enough to be one" not in run.output
    assert "all of you" not in run.output
    for secret in generated:
        assert secret.decode().strip() not in run.output
        assert base64.b64encode(secret).decode() not in run.output


FOREIGN = 'PATH="/usr/local/bin:/usr/bin:/bin"\nTHEIRS=1\n# a remark\n'


def test_what_others_wrote_stays_and_what_was_changed_by_hand_is_repaired(play, servers):
    for server in servers:
        server.check_output("printf %s " + f"'{FOREIGN}'" + " | cat - /etc/environment >/root/new && cat /root/new >/etc/environment")
        server.check_output("sed --in-place 's/hello, all/goodbye, all/' /etc/environment")
        server.check_output("chown nobody /etc/environment && chmod 0666 /etc/environment")
        server.check_output("chmod 0644 /etc/shortstop/blog/environment && chmod 0755 /etc/shortstop/blog && echo X=1 >>/etc/shortstop/blog/environment")
    assert play("--check").expect_success().changed == 3
    play().expect_success()
    for server in servers:
        file = server.file("/etc/environment")
        assert file.content_string.startswith(FOREIGN)
        assert file.content_string.endswith("\nMINE=2\n")
        assert "hello, all of you" in file.content_string
        assert (file.user, file.mode) == ("root", 0o640)
        assert server.file("/etc/shortstop/blog").mode == 0o700
        own = server.file("/etc/shortstop/blog/environment")
        assert (own.mode, "X=1" in own.content_string) == (0o600, False)


def test_two_runs_at_once_lose_nothing(play, servers):
    runs = []

    def write(number: int) -> None:
        runs.append(play(environment_variables={"HOUSE_GREETING": f"run {number}"}))

    several = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in several:
        thread.start()
    for thread in several:
        thread.join()
    assert [run.status for run in runs] == [0, 0], "\n".join(run.output[-2000:] for run in runs)
    for server in servers:
        text = server.file("/etc/environment").content_string
        assert text.startswith(FOREIGN)
        assert text.endswith("\nMINE=2\n")
        assert text.count("shortstop.django") == 2
        assert unit_environment(server, "/etc/environment", initial="H")["HOUSE_GREETING"] in ("run 0", "run 1")


def test_what_the_server_had_goes_with_the_last_variable_and_its_mode_is_whose_it_was(play, servers):
    for server in servers:
        server.check_output("chmod 0600 /etc/environment")
    play(environment_variables={}).expect_success()
    for server in servers:
        file = server.file("/etc/environment")
        assert (file.content_string, file.mode) == (f"{FOREIGN}MINE=2\n", 0o600)


@pytest.fixture
def rotate(play):
    return functools.partial(play, playbook=LOST_RUN, only="shop", environment_variables={})


def test_a_run_that_nobody_follows_is_waited_for_before_its_secrets_are_taken_back(rotate, servers):
    before = []
    for server in servers:
        server.check_output("mkdir --parents /srv/shop && ln -sfn old.sock /srv/shop/live.sock")
        server.check_output("cp /etc/shortstop/shop/environment /etc/shortstop/shop/old.env")
        before.append(server.file("/etc/shortstop/generated/shop.secret_key").content_string.strip())
    rotate().expect_success()
    for server, key in zip(servers, before, strict=True):
        new, fallback = server.file("/etc/shortstop/generated/shop.secret_key").content_string.split()
        told = unit_environment(server, "/etc/shortstop/shop/environment", initial="D")
        assert (told["DJANGO_SECRET_KEY"], told["DJANGO_SECRET_KEY_FALLBACKS"], fallback) == (new, key, key)
        assert told == unit_environment(server, "/etc/shortstop/shop/new.env", initial="D")
        assert not server.file("/etc/shortstop/shop/environment.before").exists


def test_a_run_that_does_not_end_is_said_and_nothing_changes(rotate, servers):
    for server in servers:
        server.check_output("systemd-run --unit=shortstop-deploy-shop sleep infinity")
    said = 'site "shop": waited 1 s until its run has ended, but shortstop-deploy-shop.service is active; wait for it, then rotate again'
    assert rotate(__environment_run_limit=1).expect_failure(said).changed == 0
    for server in servers:
        server.check_output("systemctl stop shortstop-deploy-shop")


def test_a_site_that_left_takes_its_variables_along_and_a_purged_one_its_secret(play, servers):
    left = {"blog": {"domains": ["blog.example.com"]}}
    record = json.dumps({"user": "shop", "root": "/srv/shop", "database": {"engine": "sqlite"}})
    for server in servers:
        server.check_output(f"mkdir --parents /etc/shortstop/sites && echo '{record}' >/etc/shortstop/sites/shop.json")
    play(sites=left).expect_success()
    for server in servers:
        assert not server.file("/etc/shortstop/shop").exists
        assert server.file("/etc/shortstop/generated/shop.secret_key").exists
    play(sites={**left, "shop": {"state": "absent", "purge": True}}).expect_success()
    for server in servers:
        assert not server.file("/etc/shortstop/generated/shop.secret_key").exists
