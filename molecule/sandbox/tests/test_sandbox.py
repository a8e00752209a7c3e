"""A site of compiled packages works in the sandbox, in all of its units; what systemd thinks of each; and what travels to them."""

from __future__ import annotations

import json
import re

import pytest
from on_server import until

RESULTS = {"psycopg": "lab on lab", "pillow": "jpeg png webp", "numpy": "solved", "cryptography": "signed"}
MOST = 1.2  # exposure


def live(server) -> str:
    return server.file("/srv/lab/current").linked_to.rpartition("/")[2]


def ask(server, path: str = "/") -> dict:
    return json.loads(server.check_output(f"curl --silent --fail --header 'Host: lab.example.com' --unix-socket /srv/lab/live.sock http://localhost{path}"))


def test_it_works(server):
    assert ask(server) == RESULTS


def test_a_child_process_works(server):
    assert ask(server, "/child/") == {"child": "imported"}


def test_a_timer_works(server):
    server.check_output("rm --force /srv/lab/var/tidy.json && systemctl start site-lab-tidy.service")
    assert json.loads(server.file("/srv/lab/var/tidy.json").content_string) == RESULTS


def test_a_daemon_works(server):
    server.check_output("rm --force /srv/lab/var/worker.json")
    until(server, 30, "[ -e /srv/lab/var/worker.json ]")
    assert json.loads(server.file("/srv/lab/var/worker.json").content_string) == RESULTS


def test_a_command_of_the_operators_works(server):
    server.check_output("rm --force /srv/lab/var/manage.json && shortstop manage lab work manage")
    assert json.loads(server.file("/srv/lab/var/manage.json").content_string) == RESULTS


def test_what_it_keeps_is_there_for_nginx(server):
    assert server.run("runuser -u www-data -- cat /srv/lab/media/picture.png | head --bytes 4").stdout_bytes[1:] == b"PNG"


def test_a_restarted_database_needs_no_restart_of_the_site(server):
    main = server.check_output(f"systemctl show --value --property MainPID gunicorn-lab@{live(server)}.service")
    server.check_output("systemctl stop postgresql && systemctl start postgresql")
    until(server, 20, "runuser -u postgres -- psql --command 'SELECT 1' >/dev/null 2>&1")
    until(server, 20, "curl --silent --fail --header 'Host: lab.example.com' --unix-socket /srv/lab/live.sock http://localhost/ >/dev/null")
    assert ask(server) == RESULTS
    assert server.check_output(f"systemctl show --value --property MainPID gunicorn-lab@{live(server)}.service") == main


@pytest.fixture
def transient(server):
    """A command of the operator's that goes on while it is looked at, under the name that it got."""
    server.check_output("systemd-run --quiet --unit proof shortstop manage lab shell --command 'import time; time.sleep(300)'")
    until(server, 20, "systemctl list-units --plain --no-legend 'shortstop-manage-lab-*' | grep --quiet running")
    yield server.check_output("systemctl list-units --plain --no-legend 'shortstop-manage-lab-*' | cut --delimiter ' ' --fields 1")
    server.check_output("systemctl stop proof.service 'shortstop-manage-lab-*'")


def units(server, transient: str) -> list[str]:
    return [f"gunicorn-lab@{live(server)}.service", "site-lab-tidy.service", "site-lab-worker.service", transient]


def test_the_exposure_of_every_unit_is_low(server, transient):
    exposures = {unit: exposure(server, unit) for unit in units(server, transient)}
    print(f"\n{server.backend.name}: {exposures}")
    assert all(0 < found <= MOST for found in exposures.values())


def exposure(server, unit: str) -> float:
    said = server.check_output(f"systemd-analyze security --no-pager {unit}")
    return float(re.search(r"Overall exposure level for .*: ([0-9.]+) ", said)[1])


# What follows from the live release's text. systemd tells sets in an order of its own.
COMPARED = (
    "User MemoryMax TasksMax Slice OOMScoreAdjust IPAddressAllow IPAddressDeny TemporaryFileSystem BindPaths BindReadOnlyPaths InaccessiblePaths"
    " ProtectSystem PrivateTmp PrivateUsers PrivateIPC"
    " MemoryDenyWriteExecute RestrictAddressFamilies RestrictNamespaces SystemCallFilter SystemCallErrorNumber ProtectProc CapabilityBoundingSet"
)


def test_every_unit_has_the_same_sandbox(server, transient):
    shown = [server.check_output(f"systemctl show --property {COMPARED.replace(' ', ',')} {unit}") for unit in units(server, transient)]
    assert {properties_of(text)["Slice"] for text in shown} == {"site-lab.slice"}
    assert [properties_of(text) for text in shown[1:]] == [properties_of(shown[0])] * 3


def properties_of(text: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines())
    return {name: " ".join(sorted(value.split())) for name, value in pairs}


def test_nothing_of_the_site_stands_outside_of_its_slice(server):
    groups = server.check_output("cat $(pgrep --uid lab | sed 's,.*,/proc/&/cgroup,')")
    assert all("/site.slice/site-lab.slice/" in line for line in groups.splitlines() if ":name=systemd:" in line or line.startswith("0::/"))
    assert "/site-lab.slice/" in groups


def test_no_call_of_the_system_was_refused_on_the_way(server):
    assert (
        server.run("journalctl --namespace +lab --unit 'gunicorn-lab@*' --unit site-lab-worker.service --output cat | grep -i 'operation not permitted'").stdout
        == ""
    )
