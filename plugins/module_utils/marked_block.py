# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One block of a text that is ours, between two marked lines. Whatever else the text holds stays as it is, to the byte."""

from __future__ import annotations

import re

BEGIN = "# BEGIN shortstop.django "
END = "# END shortstop.django "
LINE = re.compile(r".*\n|.+")


class MuddledError(ValueError):
    """Why it cannot be told which lines are ours: a sentence without its subject."""


def is_name(name):
    """Whether a block can be known by it."""
    return bool(name) and name == name.strip() and "\n" not in name


def split(text, name):
    """The lines before the block of that name, its own lines without the marks (None if there is no block), and the lines after it."""
    if not is_name(name):
        raise MuddledError("cannot hold a block without a name, or with a name that is more than one line or has spaces around it")
    lines = LINE.findall(text)
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN + name]
    ends = [number for number, line in enumerate(lines) if line.strip() == END + name]
    if not begins and not ends:
        return [], None, lines
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        places = ", ".join(str(number + 1) for number in sorted(begins + ends))
        raise MuddledError(f'needs one "{BEGIN}{name}" with one "{END}{name}" below it, or neither; look at line {places}')
    begin, end = begins[0], ends[0]
    own = lines[begin + 1 : end]
    if any(_is_mark(line) for line in own):
        raise MuddledError(f'has another block inside of "{BEGIN}{name}"; look at line {begin + 1}')
    return lines[:begin], own, lines[end + 1 :]


def replaced(text, name, block):
    """The text with this block as the one of that name, above all that is not ours; without one, if the block is empty."""
    before, _own, after = split(text, name)
    if not block.strip():
        return "".join(before + after)
    if any(_is_mark(line) for line in LINE.findall(block)):
        raise MuddledError("cannot hold a block with marks of its own")
    if not _all_blocks(before):
        before, after = [], before + after
    return "".join([*before, BEGIN, name, "\n", block.strip("\n"), "\n", END, name, "\n", *after])


def _is_mark(line):
    return line.strip().startswith((BEGIN, END))


def _all_blocks(lines):
    """Whether these are whole blocks of other names and nothing else."""
    end = None
    for line in map(str.strip, lines):
        if end is None:
            if not line.startswith(BEGIN):
                return False
            end = END + line[len(BEGIN) :]
        elif line == end:
            end = None
    return end is None
