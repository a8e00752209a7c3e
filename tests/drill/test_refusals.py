"""What is wrong is said in one sentence, before anything is touched."""

from pathlib import Path

import pytest
from house import Project, Server


@pytest.fixture(scope="module")
def untouched(server: Server) -> str:
    return server.fingerprint()


def source(directory: Path, *files: str) -> dict:
    directory.mkdir(exist_ok=True)
    for name in files:
        (directory / name).write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blog.settings")\n')
    return {"path": str(directory)}


BLOG = {"domains": ["blog.example.com"], "source": "tatis"}
# What the playbooks ask beyond role site, whose scenario has the rest, and one of the rest.
REFUSALS = {
    "an unknown key": ({"blog": {**BLOG, "domain": ["x.example.com"]}}, 'site "blog": key "domain" is not known; did you mean "domains"?'),
    "no source": ({"blog": {"domains": ["blog.example.com"]}}, 'site "blog": key "source" is missing'),
    "the deploy user's name": ({"deploy": BLOG}, 'site "deploy": this name belongs to the system; choose another'),
}


@pytest.mark.parametrize("tags", [(), ("--tags", "nginx")], ids=["whole", "nginx"])
@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input(project: Project, server: Server, untouched: str, case: str, tags: tuple) -> None:
    project.sites, sentence = REFUSALS[case]
    project.play(*tags).expect_failure(sentence)
    assert server.fingerprint() == untouched


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("requirements.txt",), "there is no manage.py in"),
        (("manage.py",), "there is no requirements.txt in"),
    ],
)
def test_a_source_that_is_not_whole(project: Project, server: Server, untouched: str, directory: Path, files: tuple, sentence: str) -> None:
    project.sites = {"blog": {**BLOG, "source": source(directory / f"without-{len(files[0])}", *files)}}
    project.play().expect_failure(f'site "blog": key "source": {sentence}')
    assert server.fingerprint() == untouched


def test_a_vhost_that_nginx_rejects_replaces_none_and_stays_nowhere(project: Project, server: Server, directory: Path) -> None:
    project.sites = {"tatis": project.bundled("tatis"), "uat": project.bundled("uat")}
    project.play().expect_success()
    vhosts = "sha256sum /etc/nginx/sites-available/uat.conf; ls /etc/nginx/sites-available /etc/nginx/sites-enabled"
    before = server.run(vhosts)
    template = directory / "broken.conf.j2"
    template.write_text("""{% extends "vhost.conf.j2" %}{% block extra %}{{ "gibberish here;" if site_name in ("uat", "new") else "" }}{% endblock %}""")
    project.variables["nginx_vhost_template"] = str(template)
    project.sites["new"] = project.bundled("new")
    run = project.play("--tags", "nginx").expect_failure('unknown directive "gibberish" in the new sites-enabled/uat.conf')
    assert 'unknown directive "gibberish" in the new sites-enabled/new.conf' in run.output
    assert server.run(vhosts) == before
    assert server.succeeds("nginx -t")
    assert server.get("uat.example.com").status == 200
