"""No code of a site runs as root: a source that leaves a trace wherever it could, as whoever it is. Nor is root led where the site may not go."""

from pathlib import Path

from hostile import BOTH, root_on, watched
from house import Project, Server

RELEASES = BOTH
PROBE = Path(__file__).parent / "probe"


def probe(name: str, **keys: object) -> dict:
    return {"domains": [f"{name}.example.com"], "source": {"path": str(PROBE)}, "database": "sqlite", **keys}


def test_no_code_of_a_site_runs_as_root(project: Project, server: Server) -> None:
    project.sites["probe"] = probe("probe")
    with watched(server) as processes:
        project.play().expect_success()
    answer = server.get("probe.example.com")
    assert answer.status == 200
    assert "package ran as" in answer.body
    # Each trace is a line of the journal: who ran what.
    traces = server.run("journalctl --namespace='*' --no-pager --output=cat --grep='^trace: '").splitlines()
    ran = {line.split()[1] for line in traces}
    assert ran >= {"build", "package", "settings", "manage", "wsgi"}
    assert {line.split()[2] for line in traces} == {server.run("id --user probe").strip()}
    assert server.run("ls -A /root/traces", check=False) == ""
    # Neither pip nor a compiler works as root on what the site brought.
    assert root_on(processes) == []


def test_root_takes_nothing_from_where_a_link_of_the_site_s_leads(project: Project, server: Server) -> None:
    modes = "stat --format='%n %a %U' /etc/shortstop /etc/shortstop/probe /etc/shortstop/probe/environment"
    before = server.run(modes)
    project.sites = {"probe": probe("probe"), "linker": probe("linker", environment={"LINK": "/etc/shortstop/probe"})}
    run = project.play()
    assert server.run(modes) == before
    assert server.run("find /srv/linker/static -type f") == ""
    run.expect_failure('site "linker": prepare: where the site was to write its directory "static" it left something else, such as a link')
    assert server.get("probe.example.com").status == 200
