"""Each role of a whole run for itself: asked for by its tag, in the order of the playbooks, and killed in its middle."""

import os
import signal

import pytest
from house import Project, Run, Server

# Of each role a task in its middle, which a run on a new server changes.
ROLES = {
    "base": "Deploy user | Install its SSH keys",
    "postgres": "Configure | Write pg_hba.conf",
    "environment": "Sites | Create a directory for the configuration of each site",
    "gunicorn": "Units | Write the slice, socket and service of each site",
    "nginx": "Configuration | Write nginx.conf, the shared files and the vhost of every site",
    "django": "Engine | Install uv and the linter of migrations",
}


@pytest.fixture(scope="module", autouse=True)
def sites(project: Project) -> None:
    project.sites["tatis"] = project.bundled("tatis")


def killed(project: Project, task: str) -> Run:
    """A run whose controller dies at once when it begins this task, with all that it has started here."""
    run = project.start()
    said = []
    for line in run.stdout:
        said.append(line)
        if f": {task}]" in line:
            os.killpg(run.pid, signal.SIGKILL)
    return Run(run.wait(), "".join(said))


@pytest.mark.parametrize("role", ROLES)
def test_a_run_that_is_killed_in_the_middle_of_a_role(project: Project, server: Server, role: str) -> None:
    run = killed(project, ROLES[role])
    assert run.status == -signal.SIGKILL, f"the task was never begun:\n{run.output[-2000:]}"
    # So that the next one finds each role half done, and not what came before it.
    project.play("--tags", role).expect_success()
    assert project.play("--tags", role).expect_success().changed == 0


def test_one_by_one_they_have_made_what_a_whole_run_makes(project: Project, server: Server) -> None:
    assert server.get("tatis.example.com", "/healthz").status == 200
    assert project.play().expect_success().changed == 0


@pytest.mark.parametrize("role", [*ROLES, "site", "tatis"])
def test_a_tag_finds_nothing_to_do_on_a_whole_server(project: Project, role: str) -> None:
    run = project.play("--tags", role).expect_success()
    assert run.changed == 0
    assert f"shortstop.django.{role} :" in run.output


def test_runs_that_are_killed_one_after_another(project: Project, server: Server) -> None:
    server.run("rm --recursive /etc/nginx/sites-available/tatis.conf /etc/systemd/system/gunicorn-tatis@.service /etc/shortstop/tatis/environment")
    for task in (ROLES["environment"], ROLES["gunicorn"], ROLES["nginx"]):
        assert killed(project, task).status == -signal.SIGKILL
    project.play().expect_success()
    assert server.get("tatis.example.com", "/healthz").status == 200
    assert project.play().expect_success().changed == 0
