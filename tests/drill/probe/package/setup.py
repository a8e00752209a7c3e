"""A package that runs whenever it can: when it is built, when a Python starts, when it is imported."""

import os
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from probe_package import trace


class BuildWithStartupFile(build_py):
    def run(self):
        super().run()
        self.copy_file("probe.pth", os.path.join(self.build_lib, "probe.pth"))


trace("build")
setup(name="probe-package", version="1", py_modules=["probe_package"], cmdclass={"build_py": BuildWithStartupFile})
