#!/usr/bin/env python3
"""Rewrites the tables in READMEs and docs/security from argument specs, contract and attacks; with --check, names the files that differ."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def read(file: Path) -> dict:
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def told(given: dict) -> tuple[str, str]:
    """Default and meaning. A default that is no plain value stands at the end of the description."""
    meaning, _, default = re.sub(r"C\((.*?)\)", r"`\1`", given["description"]).partition(" Default: ")
    if "default" in given:
        value = given["default"]
        text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
        default = "`" + text.removesuffix("...\n").strip() + "`"
    return "required" if given.get("required") else default.removesuffix("."), meaning


def table(head: str, rows: list[tuple[str, ...]]) -> str:
    lines = [head, " | ".join("---" for _cell in rows[0]), *(" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def option_rows(options: dict, prefix: str = "") -> Iterator[tuple[str, ...]]:
    for name, option in options.items():
        kind = f"list of {option['elements']}" if "elements" in option else option["type"]
        yield (f"`{prefix}{name}`", kind, *told(option))
        yield from option_rows(option.get("options", {}), f"{prefix}{name}{'[]' if 'elements' in option else ''}.")


def variables(role: Path) -> str:
    """What stands in the defaults and not in the spec is described by its comment there."""
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    left_out = {name: default for name, default in read(role / "defaults/main.yml").items() if name not in options}
    for name, default in left_out.items():
        comment = re.search(rf"((?:^# .*\n)+)^{name}:", (role / "defaults/main.yml").read_text(encoding="utf-8"), re.MULTILINE)[1]
        left_out[name] = {"type": type(default).__name__, "default": default, "description": comment.replace("\n#", "").strip("# \n")}
    rows = list(option_rows(left_out | options))
    return table("Variable | Type | Default | Meaning", rows) if rows else "This role has no variables of its own."


def site_keys(_role: Path) -> str:
    keys = runpy.run_path(str(ROOT / "plugins/plugin_utils/site_keys.py"))["KEYS"]
    given = {name: {"required": key.required, "description": key.description} for name, key in keys.items()}
    for name, key in keys.items():
        given[name] |= {} if key.default is None else {"default": key.default}
    own = ", ".join(f"`{name}`" for name, key in keys.items() if not key.house_wide)
    rows = table("Key | Default | Meaning", [(f"`{name}`", *told(key)) for name, key in given.items()])
    return f"{rows}\n\nEach site's own are {own}. All others may also stand in `site_common`."


def attacks(_directory: Path) -> str:
    tried = runpy.run_path(str(ROOT / "tests/attack/attempts.py"))
    rows = [(one.what, one.control, f"`{one.refusal}`") for one in tried["ATTEMPTS"].values()]
    rows += [(one.what, "nobody, in a container", f"`{one.refusal}`") for one in tried["UNCONTROLLED"].values()]
    return table("Somebody who has taken a site over tries to… | Done outside of the sandbox by | What the site is told", rows)


def generated(readme: Path) -> str:
    """The README as it should be."""
    text = readme.read_text(encoding="utf-8")
    for name, content in {"ANSIBLE_DOCS": variables, "SITE_KEYS": site_keys, "ATTACKS": attacks}.items():
        if f"<!-- BEGIN_{name} -->" in text:
            before, after = re.split(rf"<!-- BEGIN_{name} -->.*<!-- END_{name} -->", text, flags=re.DOTALL)
            text = f"{before}<!-- BEGIN_{name} -->\n\n{content(readme.parent)}\n\n<!-- END_{name} -->{after}"
    return text


def main() -> int:
    files = [*sorted(ROOT.glob("roles/*/README.md")), ROOT / "docs/security/isolation.md"]
    stale = [file for file in files if file.read_text(encoding="utf-8") != generated(file)]
    check = "--check" in sys.argv[1:]
    for file in stale:
        print(file.relative_to(ROOT), "is not what tests/docs.py makes of the specs" if check else "is written anew")
        if not check:
            file.write_text(generated(file), encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
