"""Run as a site's user: puts NAME.gz and NAME.br beside each static file that shrinks, as nginx looks for them.

compress.py DIRECTORY STORE

STORE has the files of earlier releases; what has not changed is copied from there.
"""

import filecmp
import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

MANIFEST = "staticfiles.json"
# What a browser asks for as text. All else is compressed already, or small.
COMPRESSIBLE = {".css", ".eot", ".html", ".ico", ".js", ".json", ".map", ".md", ".mjs", ".otf", ".svg", ".ttf", ".txt", ".wasm", ".webmanifest", ".xml"}
COMPRESS_FROM = 256  # bytes
BROTLI = Path("/usr/bin/brotli")
AT_ONCE = 500  # files; a command line has a longest length


def main() -> None:
    directory, store = map(Path, sys.argv[1:])
    # A project without static files leaves no directory.
    directory.mkdir(exist_ok=True)
    if not directory.is_symlink():
        compress(directory, store)


def compress(directory: Path, store: Path) -> None:
    hashed = hashed_files(directory)
    fresh = []
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        if file.suffix not in COMPRESSIBLE or file.stat().st_size < COMPRESS_FROM or (hashed and file not in hashed):
            continue
        stored = store / file.relative_to(directory)
        known = stored.is_file() and filecmp.cmp(stored, file, shallow=False)
        variants = [stored.with_name(stored.name + suffix) for suffix in (".gz", *([".br"] if BROTLI.exists() else []))]
        if known and all(variant.is_file() for variant in variants):
            for variant in variants:
                shutil.copy2(variant, file.with_name(variant.name))
        else:
            fresh.append(file)
    for file in fresh:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        shutil.copystat(file, file.with_name(file.name + ".gz"))  # nginx tells the time of what it sends
    for first in range(0, len(fresh) if BROTLI.exists() else 0, AT_ONCE):
        subprocess.run([BROTLI, "--keep", "--force", "--", *fresh[first : first + AT_ONCE]], check=True)  # keeps the time


def hashed_files(directory: Path) -> set[Path]:
    """The files that pages name, as the manifest says."""
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        return {directory / name for name in manifest["paths"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


if __name__ == "__main__":
    main()
