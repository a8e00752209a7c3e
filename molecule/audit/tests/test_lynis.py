"""What lynis says of a whole host. It comes for this test, and is no part of a server."""

import re

import pytest
from controls import settings
from controls.linux import applied_at_boot

REPORT, LOG = "/var/log/lynis-report.dat", "/var/log/lynis.log"
# What it is on the test hosts, and what it would be if their kernel were theirs. docs/security/host.md says what stands between them and 90.
INDEX, INDEX_OF_A_SERVER = 74, 80


@pytest.fixture
def report(server):
    if not server.package("lynis").is_installed:
        server.check_output("apt-get install --yes -qq --no-install-recommends lynis")
    if server.run(f"grep --quiet '^hardening_index=' {REPORT}").rc != 0:
        server.check_output("lynis audit system --quick --no-colors --quiet")
    return server.file(REPORT).content_string


def points(text):
    """Points, and how many there were, at the end of the log."""
    return [int(number) for number in re.findall(r"Currently having (\d+) points \(out of (\d+)\)", text)[-1]]


def test_nothing_failed(server):
    assert server.check_output("systemctl --failed --no-legend") == ""


def test_the_hardening_index(server, report):
    print("\n".join(line for line in report.splitlines() if line.startswith(("warning[]", "suggestion[]"))))
    assert int(settings(report)["hardening_index"]) >= INDEX


@pytest.mark.usefixtures("report")
def test_the_hardening_index_with_the_kernel_that_a_boot_would_make(server):
    log = server.file(LOG).content_string
    different = re.findall(r"sysctl key (\S+) has a different value than expected in scan profile. Expected=(\S+), Real=", log)
    told = applied_at_boot(server)
    missed = [key for key, expected in different if told.get(key) == expected]
    had, of = points(log)
    print(f"{had} of {of} points, and {len(missed)} of the kernel's")
    assert 100 * (had + len(missed)) // of >= INDEX_OF_A_SERVER


def test_lynis_warns_of_nothing_but_that_postgresql_s_settings_can_be_read(report):
    warnings = {line.partition("=")[2].partition("|")[0] for line in report.splitlines() if line.startswith("warning[]")}
    assert warnings <= {"DBS-1828"}
