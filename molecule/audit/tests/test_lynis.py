"""What lynis says of a whole host. It comes for this test, and is no part of a server."""

import pytest
from controls import settings

REPORT = "/var/log/lynis-report.dat"


@pytest.fixture
def report(server):
    if not server.package("lynis").is_installed:
        server.check_output("apt-get install --yes -qq --no-install-recommends lynis")
    if not server.file(REPORT).exists:
        server.check_output("lynis audit system --quick --no-colors --quiet")
    return server.file(REPORT).content_string


def test_nothing_failed(server):
    assert server.check_output("systemctl --failed --no-legend") == ""


def test_the_hardening_index_is_80_or_more(report):
    suggestions = [line.partition("=")[2] for line in report.splitlines() if line.startswith(("warning[]", "suggestion[]"))]
    print("\n".join(suggestions))
    assert int(settings(report)["hardening_index"]) >= 80


def test_lynis_warns_of_nothing(report):
    assert [line for line in report.splitlines() if line.startswith("warning[]")] == []
