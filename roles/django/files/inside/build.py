"""Run as a site's user in its source: makes a virtual environment of the packages that a file asks for, and bytecode.

build.py [DIRECTORY REQUIREMENTS DATABASE]

DATABASE is the kind of the site's, such as postgres.
"""

import compileall
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

UV = "/usr/local/lib/shortstop/tools/bin/uv"
PYTHON = "/usr/bin/python3"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
UV_CONFIGURATION = Path("/etc/uv/uv.toml")
PIP_CONFIGURATION = "/etc/pip.conf"
# What a server's administrator has told pip of package indexes, and uv's variables for it. Version 0.1.0 used pip.
PIP_OPTIONS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}
INCLUDED = re.compile(r"^\s*(?:-[rc]\s*|--(?:requirement|constraint)[\s=]+)(\S+)", re.MULTILINE)
COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
HASH = re.compile(r"\s--hash[=\s]")


def main() -> None:
    if len(sys.argv) > 1:
        make_environment(Path(sys.argv[1]), *sys.argv[2:])
    # A file that does not compile is for the checks to find, if anything imports it.
    compileall.compile_dir(".", quiet=2, maxlevels=sys.getrecursionlimit())


def make_environment(directory: Path, requirements: str, database: str) -> None:
    home = Path(os.environ["HOME"])
    # A package that comes with the source leaves files where it is built, which are none of the release's.
    source = shutil.copytree(".", home / "packages", symlinks=True)
    variables = {
        **os.environ,
        **pip_variables(),
        "NO_COLOR": "1",
        "UV_CACHE_DIR": str(home / "cache"),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        **({"SSL_CERT_FILE": CERTIFICATES} if Path(CERTIFICATES).exists() else {}),
    }

    def uv(*words: str | Path) -> None:
        done = subprocess.run([UV, *words], cwd=source, env=variables, check=False)
        if done.returncode:
            sys.exit(done.returncode)

    install = ("pip", "install", "--python", directory / "bin/python", "--no-editable", "--compile-bytecode")
    uv("venv", "--quiet", "--relocatable", "--python", PYTHON, directory)
    hashes = ["--require-hashes"] if has_hashes(source / requirements, set()) else []
    uv(*install, *hashes, "--requirement", requirements)
    added = list(lacking(directory, database))
    if added:
        uv(*install, *added)
    for name in added:
        print(f"shortstop adds: {name}")


def lacking(directory: Path, database: str) -> Iterator[str]:
    """What a site needs to be served, and its requirements do not bring."""
    # An older packer kept capital letters.
    there = {found.name.lower().partition("-")[0]: found.name for found in directory.glob("lib/python*/site-packages/*.dist-info")}
    if "gunicorn" not in there:
        yield "gunicorn"
    if database == "postgres" and not {"psycopg", "psycopg2", "psycopg2_binary"} & there.keys():
        version = re.match(r"\D*(\d+)\.(\d+)", there.get("django", ""))
        is_old = version and (int(version[1]), int(version[2])) < (4, 2)  # it knows no psycopg 3
        yield "psycopg2-binary" if is_old else "psycopg[binary]"


def pip_variables() -> dict[str, str]:
    """What pip's system-wide configuration says of indexes, unless uv has one of its own."""
    if UV_CONFIGURATION.exists():
        return {}
    configuration = configparser.RawConfigParser()
    try:
        configuration.read(PIP_CONFIGURATION, encoding="utf-8")
    except (OSError, ValueError, configparser.Error) as error:
        sys.exit(f"{PIP_CONFIGURATION} cannot be read: {error}")
    found = {}
    for section in ("global", "wheel", "install"):
        for name, value in configuration.items(section) if configuration.has_section(section) else ():
            variable, separator = PIP_OPTIONS.get(name.replace("_", "-"), ("", ""))
            if variable:
                found[variable] = separator.join(value.split())
    return found


def has_hashes(file: Path, seen: set[Path]) -> bool:
    """Whether a requirements file, or one that it includes, has a hash: then each package must have one, as with pip."""
    file = file.resolve()
    if file in seen or not file.is_file():
        return False
    seen.add(file)
    content = file.read_bytes()
    text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "replace")
    text = COMMENT.sub("", text.replace("\\\n", " "))
    included = (file.parent / name for name in INCLUDED.findall(text) if "://" not in name)
    return bool(HASH.search(text)) or any(has_hashes(one, seen) for one in included)


if __name__ == "__main__":
    main()
