import os
import subprocess
from pathlib import Path


def trace(what):
    """Say who runs this: in the journal, and where only root could write."""
    subprocess.run(["logger", f"trace: {what} {os.getuid()}"], check=False)
    if os.getuid() == 0:
        Path("/root/traces").mkdir(exist_ok=True)
        Path("/root/traces", what).touch()


trace("package")
