"""The bundled site is whole, or a play ends before it touches anything; and it works with the Python and the PostgreSQL of each release."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandboxed import command

APP = Path(__file__).resolve().parents[3] / "app"

PREPARE = """
apt-get install --yes --no-install-recommends postgresql python3-venv
useradd --system tatis
runuser -u postgres -- createuser --createdb tatis
python3 -m venv /opt/venv
/opt/venv/bin/pip install --quiet --requirement /opt/app/requirements.txt --requirement /opt/app/tests/requirements.txt
"""
UNIT = "/etc/systemd/system/gunicorn-tatis@.service"
PYTEST = ["/opt/venv/bin/python", "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]


def test_it_works(play):
    assert play().expect_success().changed == 0


def test_a_collection_without_its_site_is_refused(play, tmp_path):
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    sentence = f"The bundled site is not whole: there is no {tmp_path}/requirements.txt. Install the collection again."
    play(tatis_source_dir=str(tmp_path)).expect_failure(sentence)


def test_the_site_passes_its_own_tests_in_its_sandbox_on_each_release(servers):
    with ThreadPoolExecutor() as together:
        for said in together.map(own_tests, servers):
            assert " passed in " in said.stdout.splitlines()[-1], said.stdout[-4000:] + said.stderr


def own_tests(server):
    files = subprocess.run(["git", "ls-files", "-z", "."], cwd=APP, capture_output=True, check=True).stdout
    archive = subprocess.run(["tar", "--create", "--null", "--files-from=-"], cwd=APP, input=files, capture_output=True, check=True).stdout
    into = ["docker", "exec", "--interactive", server.backend.name, "sh", "-c", "mkdir --parents /opt/app && tar --extract --directory /opt/app"]
    subprocess.run(into, input=archive, check=True)
    server.check_output("sh -euc %s", PREPARE)
    words = command(server.file(UNIT).content_string, "WorkingDirectory=/opt/app", "Environment=DATABASE_URL=postgres:///postgres") + PYTEST
    return server.run(" ".join(["%s"] * len(words)), *words)
