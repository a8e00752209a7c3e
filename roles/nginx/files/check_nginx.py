"""check_nginx PATH FILE: would nginx accept its configuration with FILE at PATH, below /etc/nginx?

Asks nginx about a copy, so that what it rejects never reaches the place that nginx reads.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIVE = Path("/etc/nginx")


def main() -> int:
    path, candidate = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="shortstop-nginx-") as directory:
        copy = Path(directory) / "nginx"
        shutil.copytree(LIVE, copy, ignore_dangling_symlinks=True)
        shutil.copyfile(candidate, copy / path)
        for file in (found for found in copy.rglob("*") if found.is_file()):
            file.write_bytes(file.read_bytes().replace(f"{LIVE}/".encode(), f"{copy}/".encode()))
        asked = subprocess.run(["nginx", "-t", "-q", "-c", copy / "nginx.conf"], capture_output=True, text=True, check=False)
        sys.stderr.write(asked.stderr.replace(f"{copy}/{path}", f"the new {path}"))
        return asked.returncode


if __name__ == "__main__":
    sys.exit(main())
