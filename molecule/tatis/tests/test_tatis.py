"""The bundled site is whole, or a play ends before it touches anything; and it works with the Python and the PostgreSQL of each release."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

APP = Path(__file__).resolve().parents[3] / "app"

TEST = """
cd /opt/app
apt-get install --yes --no-install-recommends postgresql python3-venv
runuser -u postgres -- createuser --superuser root
python3 -m venv ../venv
../venv/bin/pip install --quiet --requirement requirements.txt --requirement tests/requirements.txt
DATABASE_URL=postgres:///postgres ../venv/bin/python -m pytest --quiet -p no:cacheprovider
"""


def test_it_works(play):
    assert play().expect_success().changed == 0


def test_a_collection_without_its_site_is_refused(play, tmp_path):
    (tmp_path / "manage.py").write_text("", encoding="utf-8")
    sentence = f"The bundled site is not whole: there is no {tmp_path}/requirements.txt. Install the collection again."
    play(tatis_source_dir=str(tmp_path)).expect_failure(sentence)


def test_the_site_passes_its_own_tests_on_each_release(servers):
    with ThreadPoolExecutor() as together:
        for said in together.map(own_tests, servers):
            assert " passed in " in said.stdout.splitlines()[-1], said.stdout[-4000:] + said.stderr


def own_tests(server):
    files = subprocess.run(["git", "ls-files", "-z", "."], cwd=APP, capture_output=True, check=True).stdout
    archive = subprocess.run(["tar", "--create", "--null", "--files-from=-"], cwd=APP, input=files, capture_output=True, check=True).stdout
    into = ["docker", "exec", "--interactive", server.backend.name, "sh", "-c", "mkdir --parents /opt/app && tar --extract --directory /opt/app"]
    subprocess.run(into, input=archive, check=True)
    return server.run("sh -euc %s", TEST)
