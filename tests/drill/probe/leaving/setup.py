"""A package that leaves a source among the wheels, whose backend runs as whoever has pip install it from there."""

import os
import tarfile
import tempfile
from pathlib import Path

from setuptools import setup

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "probe_package"\nbackend-path = ["."]\n'

wheels = Path(os.environ["HOME"], "wheels")
if wheels.is_dir():
    with tempfile.TemporaryDirectory() as made, tarfile.open(wheels / "zz-1.0.tar.gz", "w:gz") as source:
        pyproject = Path(made, "pyproject.toml")
        pyproject.write_text(PYPROJECT, encoding="utf-8")
        source.add(pyproject, "zz-1.0/pyproject.toml")
        source.add("../package/probe_package.py", "zz-1.0/probe_package.py")
setup(name="leaving", version="1", py_modules=[])
