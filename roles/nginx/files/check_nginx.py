"""check_nginx DIRECTORY: would nginx accept its configuration with the files that DIRECTORY holds below etc/nginx?

Asks nginx about a copy of its configuration, so a file that it rejects is never put in place.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIVE = Path("/etc/nginx")


def main() -> int:
    (given,) = sys.argv[1:]
    new = Path(given) / LIVE.relative_to("/")
    with tempfile.TemporaryDirectory(prefix="shortstop-nginx-") as directory:
        copy = Path(directory) / "nginx"
        shutil.copytree(LIVE, copy, ignore_dangling_symlinks=True)
        put(new, copy)
        for file in (found for found in copy.rglob("*") if found.is_file()):
            file.write_bytes(file.read_bytes().replace(f"{LIVE}/".encode(), f"{copy}/".encode()))
        asked = subprocess.run(["nginx", "-t", "-q", "-c", copy / "nginx.conf"], capture_output=True, text=True, check=False)
        sys.stderr.write(asked.stderr.replace(f"{copy}/", "the new "))
        return asked.returncode


def put(new: Path, copy: Path) -> None:
    """Put the new files over the copy, a link as what it leads to."""
    paths = sorted(new.rglob("*"), key=lambda path: path.is_symlink())  # what a link leads to may be new, too
    for path in paths:
        target = copy / path.relative_to(new)
        if path.is_symlink():
            target.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = os.readlink(path)
            shutil.copyfile(source.replace(f"{LIVE}/", f"{copy}/"), target)
        elif path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


if __name__ == "__main__":
    sys.exit(main())
