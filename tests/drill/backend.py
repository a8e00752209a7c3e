"""Builds a wheel of whatever members beside it are asked for, as no honest tool would."""

import json
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
METADATA = "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: evil\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    exec((HERE / "before.py").read_text(encoding="utf-8"), {"__name__": "before"})
    members = {"evil-1.dist-info/METADATA": METADATA, "evil-1.dist-info/WHEEL": WHEEL, **json.loads((HERE / "members.json").read_text(encoding="utf-8"))}
    with zipfile.ZipFile(Path(wheel_directory, "evil-1-py3-none-any.whl"), "w") as wheel:
        for name, text in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o100755 << 16
            wheel.writestr(member, text)
        record = "".join(f"{name},,\n" for name in [*members, "evil-1.dist-info/RECORD"])
        wheel.writestr("evil-1.dist-info/RECORD", record)
    return "evil-1-py3-none-any.whl"
