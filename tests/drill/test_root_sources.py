"""A source is unpacked, compiled and asked on the host. Whatever is in it, root is led nowhere by it, and does no work of its making."""

from __future__ import annotations

import pytest
from hostile import ENGINE_MEMORY, MEGABYTE, MISTAKE, NO_ANSWER, Hostile, engine_memory, root_on, watched
from house import Server

# Django itself collects no file whose name begins with a dot, so this comes after it.
AT_COLLECTSTATIC = """
import atexit, os, socket, sys
from pathlib import Path

def plant():
    static = Path(os.environ["DJANGO_STATIC_ROOT"])
    static.mkdir(exist_ok=True)
{code}

if "collectstatic" in sys.argv:
    atexit.register(plant)
"""


def at_collectstatic(code: str) -> str:
    return AT_COLLECTSTATIC.format(code="\n".join(f"    {line}" for line in code.strip().splitlines()))


CODE = """
urls = Path(__file__).with_name("urls.py").read_text() + "# planted\\n"
for file in (static / "urls.py", static / "tiny/urls.py"):
    file.parent.mkdir(exist_ok=True)
    file.write_text(urls)
"""
ENVIRONMENT = """
(static / "venv/bin").mkdir(parents=True)
for name in ("python", "planted"):
    (static / "venv/bin" / name).write_text("#!/bin/sh\\nexit 1\\n")
"""
MARK = """
(static / ".shortstop.json").write_text('{"live_since": 1, "revision": "planted", "by": "planted", "previous": "planted", "planted": 1}')
"""


@pytest.mark.parametrize("target", [".", "tiny", "tiny/assets/.."])
def test_a_link_in_place_of_the_static_files_leads_to_no_code(evil: Hostile, host: Server, target: str) -> None:
    before = evil.live
    evil.write({"tiny/hostile.py": at_collectstatic(CODE)}, links={"static": target})
    evil.deploy()
    # Whether the link is refused or does no harm.
    assert evil.live == before or evil.changed_code() == []
    assert host.get("blog.example.com").status == 200
    evil.mend()


def test_a_link_in_place_of_the_static_files_leads_to_no_environment(evil: Hostile, host: Server) -> None:
    system = host.run("readlink -f /usr/bin/python3").strip()
    evil.write({"tiny/hostile.py": at_collectstatic(ENVIRONMENT)}, links={"static": "."})
    evil.deploy()
    assert evil.python == system
    assert host.run("find /srv/evil/venvs -name planted") == ""
    assert host.get("blog.example.com").status == 200
    evil.mend()


def test_a_link_in_place_of_the_static_files_leads_to_no_mark(evil: Hostile, host: Server) -> None:
    evil.write({"tiny/hostile.py": at_collectstatic(MARK), "tiny/wsgi.py": NO_ANSWER}, links={"static": "."})
    evil.deploy()
    assert "planted" not in host.run("shortstop releases evil --json")
    assert "1970" not in host.run("shortstop releases evil")
    assert host.get("blog.example.com").status == 200
    evil.mend()


# What makes a compiler or a compressor work long, or take much. It ends by itself, so that it can be seen to succeed.
MANY_NAMES = "[" + "a," * MEGABYTE + "]\n"


def test_root_compiles_and_compresses_nothing_of_a_site_s(evil: Hostile, host: Server) -> None:
    large = """
with (static / "large.css").open("wb") as file:
    file.truncate(400 << 20)
"""
    with watched(host) as processes:
        evil.write({"tiny/hostile.py": at_collectstatic(large), "tiny/large.py": MANY_NAMES}).deploy()
    print(f"\nthe engine took {engine_memory(processes) // MEGABYTE} MB, and root ran:")
    print("\n".join(f"{process.memory // MEGABYTE} MB {process.arguments[:150]}" for process in processes if process.arguments in root_on(processes)))
    assert root_on(processes) == []
    assert engine_memory(processes) < ENGINE_MEMORY
    assert host.get("blog.example.com").status == 200
    evil.mend()


ODD = {
    "deep": """
where = os.open(static, os.O_RDONLY)
for number in range(20):
    os.mkdir("d" * 250, dir_fd=where)
    where = os.open("d" * 250, os.O_RDONLY, dir_fd=where)
os.close(os.open("file.css", os.O_CREAT | os.O_WRONLY, dir_fd=where))
""",
    "many": """
for number in range(300_000):
    if not number % 1000:
        (static / str(number // 1000)).mkdir()
    os.close(os.open(static / str(number // 1000) / f"{number}.css", os.O_CREAT | os.O_WRONLY))
""",
    "large": """
with (static / "large.css").open("wb") as file:
    file.truncate(1 << 40)
""",
    "fifo": 'os.mkfifo(static / "fifo.css")',
    "socket": 'os.chdir(static); socket.socket(socket.AF_UNIX).bind("socket.css")',
    "absolute": '(static / "absolute.css").symlink_to("/etc/shortstop/evil/environment")',
    "climbing": '(static / "climbing.css").symlink_to("../../../../../../etc/passwd")',
    "another": '(static / "a").symlink_to("."); (static / "b").symlink_to("a/../../../../../etc")',
    "setuid": '(static / "setuid.css").write_text("a"); os.chmod(static / "setuid.css", 0o4755)',
}


@pytest.mark.parametrize("odd", ODD)
def test_what_the_static_files_may_not_be_does_no_harm(evil: Hostile, host: Server, odd: str) -> None:
    # Without the sandbox, which does not let a site make a setuid file in the first place.
    evil.keys["sandbox"] = "off"
    run = evil.attack(at_collectstatic(ODD[odd])).deploy()
    taken = "/srv/evil/releases /srv/evil/venvs /srv/evil/static"
    assert host.run(f"find {taken} ! -type f ! -type d ! -type l") == ""
    assert host.run(f"find {taken} -perm /7000 ! -type l") == ""
    links = host.run(f"find {taken} -type l ! -path '*/bin/python*' -exec readlink -f {{}} +").split()
    assert [link for link in links if not link.startswith("/srv/evil/")] == []
    assert int(host.run(f"find {taken} | wc -l")) < 100_000
    # If it is refused, then with a sentence.
    assert not MISTAKE.search(run.output)
    assert host.run("ls -A /var/lib/shortstop/scratch") == ""
    assert host.get("blog.example.com").status == 200
    evil.mend()
