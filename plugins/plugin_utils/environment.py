# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How variables are written into the files that systemd and logins read."""

from __future__ import annotations

import re

VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What pam_env and systemd read alike between double quotes: pam_env knows no escapes and cuts each line at a #.
ALIKE = re.compile(r"(?! )[ !%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~-]*(?<! )")

LINE = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="(.*)"', re.DOTALL)


def environment_file(variables: dict) -> str:
    """The lines of a systemd environment file, sorted; every value arrives byte for byte."""
    return "".join(f"{name}={_quoted(str(variables[name]))}\n" for name in sorted(variables))


def environment_values(text: str) -> dict[str, str]:
    """The variables of such a file, by name. Of a name that stands there twice the last counts, as with systemd; other lines are left out."""
    # Not splitlines(), which also ends a line at what a value may hold.
    found = (LINE.fullmatch(line) for line in text.split("\n"))
    return {match[1]: re.sub(r'\\(["\\$`])', r"\1", match[2]) for match in found if match}


def server_environment_errors(variables: dict) -> list[str]:
    """A sentence per variable that a login and a unit would read differently from /etc/environment."""
    errors = []
    for name, value in variables.items():
        say = f'environment_variables: "{name}"'
        if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
            errors.append(f"{say} is no name of a variable (letters, digits and _)")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            errors.append(f"{say} must be a text or a whole number; put its value into quotes")
        elif not ALIKE.fullmatch(str(value)):
            errors.append(f'{say}: /etc/environment cannot carry this value faithfully; give it in the "environment" of each site that needs it')
    return errors


def _quoted(value: str) -> str:
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
