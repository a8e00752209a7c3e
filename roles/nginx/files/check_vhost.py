"""check_vhost NAME FILE: would nginx accept its configuration with FILE enabled as NAME?

Asks nginx about a copy of /etc/nginx, so that a vhost which it rejects never reaches the place that nginx reads.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIVE = Path("/etc/nginx")


def main() -> int:
    name, candidate = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="shortstop-nginx-") as directory:
        copy = Path(directory) / "nginx"
        shutil.copytree(LIVE, copy, ignore_dangling_symlinks=True)
        shutil.copyfile(candidate, copy / "sites-enabled" / name)
        for file in (path for path in copy.rglob("*") if path.is_file()):
            file.write_bytes(file.read_bytes().replace(f"{LIVE}/".encode(), f"{copy}/".encode()))
        asked = subprocess.run(["nginx", "-t", "-q", "-c", copy / "nginx.conf"], capture_output=True, text=True, check=False)
        sys.stderr.write(asked.stderr.replace(f"{copy}/sites-enabled/{name}", f"the vhost {name}"))
        return asked.returncode


if __name__ == "__main__":
    sys.exit(main())
