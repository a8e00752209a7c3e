"""No code of a site runs as root: a source that leaves a trace wherever it could, as whoever it is."""

from pathlib import Path

from house import Project, Server

RELEASE = "bookworm"
PROBE = Path(__file__).parent / "probe"


def test_no_code_of_a_site_runs_as_root(project: Project, server: Server) -> None:
    project.sites["probe"] = {"domains": ["probe.example.com"], "source": {"path": str(PROBE)}, "database": "sqlite"}
    project.play().expect_success()
    answer = server.get("probe.example.com")
    assert answer.status == 200
    assert "package ran as" in answer.body
    # Each trace is a line of the journal: who ran what.
    traces = server.run("journalctl --no-pager --output=cat --grep='^trace: '").splitlines()
    ran = {line.split()[1] for line in traces}
    assert ran >= {"build", "package", "settings", "manage", "wsgi"}
    assert {line.split()[2] for line in traces} == {server.run("id --user probe").strip()}
    assert server.run("ls -A /root/traces", check=False) == ""
