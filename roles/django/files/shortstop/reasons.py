"""Why a release was refused: a sentence with the key or the change that helps, and the lines that show where."""

from __future__ import annotations

import re

from report import LINE_LENGTH
from site_config import Site

MOST_LINES = 10  # of what a program printed
LONGEST = 300  # characters of a line
SEARCHED, SEARCHED_WITHOUT = 20_000, 2_000  # characters at the end of a text, and of one without a traceback
BEGIN = "Traceback (most recent call last):"
HALT = "gunicorn.errors.HaltServer"  # with which gunicorn itself ends after a worker that did not start, in a traceback of its own
HUNG = "(most recent call first):"  # begins what Python prints of a thread that did not end in time
FRAME = re.compile(r'^\s*File "([^"]*)", line \d+(?:,? in |$)')
LOG_LINE = re.compile(r"^\[\d{4}-\d\d-")  # of gunicorn's, which end no traceback
OWN_FRAMES = 3
OF_LIBRARIES = re.compile(r"/site-packages/|/lib/python3|/lib/shortstop/|/manage\.py$|^<")
RELEASE_DIR = re.compile(r'(File ")/[^"]*/releases/[0-9a-f]{12}/(?:source/|venv/lib/[^/]*/site-packages/)')

EXECUTABLE = "the sandbox refuses memory that can be written and run, which native code asks for here; give the site sandbox: {{allow: [executable_memory]}}"
OUTBOUND = 'the sandbox lets a site reach what "outbound" lists, and the database of its key "database"'
LACKS_TABLE = r'(?<! of )relation "(?P<table>[^"]*)" does not exist|no such table: (?P<table2>\S+)'
LACKS_COLUMN = (
    r'(?:ProgrammingError|UndefinedColumn): .*column (?P<column>\S+)(?: of relation "[^"]*")? does not exist'
    r"|no such column: (?P<column2>\S+)|has no column named (?P<column3>\S+)"
)
# What is said of them once all migrations are applied, and before that.
UNMADE = ", and no migration makes it; run manage.py makemigrations, and put what it writes into the source"
TOO_EARLY = " yet, and the code reads it before the migrations have run, such as while it is loaded; let it read later, or add the migration that makes it"
# What is printed at a known end, and the sentence on it. Of groups with the same name and another digit, the one that was found counts.
OF_WORKERS = [
    (
        r"WORKER TIMEOUT",
        'a worker took longer than {site.timeout} seconds, so gunicorn ended it; give the site a larger "timeout", and a "health_timeout" above that',
    ),
    (
        r"Perhaps out of memory\?|oom-kill|OOM killer",
        'its processes wanted more memory than they may have; give the site a larger limits.memory, which is {site.memory}, or fewer "workers"',
    ),
]
KNOWN = [
    (r"write\+execute memory|ffi_prep_closure|cannot enable executable|virtual memory for CodeRange|SetPermissions\(|\bv8::internal::", EXECUTABLE),
    (r"\bmmap\b.*(?i:exec).*\n(?:.*\n)?PermissionError: \[Errno 13?\]", EXECUTABLE),
    (
        r"PermissionError: \[Errno 1\] Operation not permitted: '(?P<path>[^']*)'",
        "the sandbox refuses a mode with setuid or setgid, and a change of owner: {path}. Let FILE_UPLOAD_PERMISSIONS and"
        " FILE_UPLOAD_DIRECTORY_PERMISSIONS have neither bit, such as 0o750; new files get the group of their directory without it",
    ),
    (
        r"\[Errno 30\] Read-only file system(?:: '(?P<path>[^']*)')?|attempt to write a readonly (?P<path2>database)",
        "{path} is read-only for the site; let the project write below the directory that the variable DJANGO_STATE_DIR names, which is {site.root}/var, or"
        " name another directory in sandbox.writable",
    ),
    (
        r"Missing staticfiles manifest entry for '(?P<file>[^']*)'",
        'a template names the static file "{file}", which collectstatic does not find; add it to the source, or take it out of the template',
    ),
    (LACKS_TABLE, "the table {table} does not exist{missing}"),
    (LACKS_COLUMN, "the column {column} does not exist{missing}"),
    (
        r'connection to server at "(?P<host>[^"]*)"(?: \([^)]*\))?, port (?P<port>\d+) failed: (?!FATAL)'
        r"|could not (?:connect to|translate host name) (?:server: .*\n.*host )?\"(?P<host2>[^\"]*)\"(?:.*port (?P<port2>\d+))?"
        r"|failed to resolve host '(?P<host3>[^']*)'",
        f"it does not reach the database's host {{host}}; {OUTBOUND}",
    ),
    (
        r"connecting to (?:\w+://)?(?P<host>[\w.-]+):(?:\d+|its)|Cannot connect to \w+://(?:[^@\s]*@)?(?P<host2>[\w.-]+)",
        f"it does not reach {{host}}; {OUTBOUND}",
    ),
    (
        r"host='(?P<host>[^']*)', port=\d+\).*(?:Failed to establish|timed out|NameResolutionError)"
        r"|(?:\[Errno -\d\] )?(?P<host2>Temporary failure in name resolution|Name or service not known)|\[Errno 101\] (?P<host3>Network is unreachable)",
        f"it does not reach another server ({{host}}); {OUTBOUND}",
    ),
    (
        r"(?:TimeoutError|socket\.timeout): (?:timed out|\[Errno 110\])|\bConnectTimeout\b|\[Errno 113\] No route to host",
        f"another server was not reached in time; {OUTBOUND}",
    ),
    (
        r"No module named '(?P<module>[^']*\.[^']*)'",
        'the module "{module}" is not in the source, or not in the installed version of its package; let {site.requirements} ask for the version that has it',
    ),
    (
        r"No module named '(?P<module>[^'.]*)'",
        'the module "{module}" is neither in the source nor in an installed package; add the package that has it to {site.requirements}',
    ),
]


def hint(site: Site, text: str, *, is_migrated: bool = False) -> str:
    """The sentence on the last known end in what a program printed, "" where there is none."""
    text = without_halt(text[-SEARCHED:])
    # What was printed before the last traceback did not end the program, unless it is gunicorn's own word.
    begin = text.rfind(BEGIN)
    last = text[begin:] if begin >= 0 else text[-SEARCHED_WITHOUT:]
    # A worker that does not end at its timeout is killed by gunicorn, which then asks about memory.
    found = [(sentence, match) for pattern, sentence in OF_WORKERS for match in re.finditer(pattern, text)][:1]
    found = found or [(sentence, match) for pattern, sentence in KNOWN for match in re.finditer(pattern, last)]
    if not found:
        return ""
    # Of two on the same line the one that says more stands first above.
    sentence, match = max(found, key=lambda each: each[1].string.count("\n", 0, each[1].start()))
    groups = sorted((value, name.rstrip("0123456789")) for name, value in match.groupdict(default="").items())  # what was found comes last
    named = {name: value or {"path": "a file", "host": "?"}.get(name, "") for value, name in groups}
    return sentence.format(site=site, missing=UNMADE if is_migrated else TOO_EARLY, **named)


def lacks_table(text: str) -> bool:
    """Whether a database said that a table or a column does not exist."""
    return re.search(rf"{LACKS_TABLE}|{LACKS_COLUMN}|\bUndefinedTable\b|\bUndefinedColumn\b", text[-SEARCHED:]) is not None


def is_traceback(text: str) -> bool:
    """Whether a text shows where in its code a program was."""
    return any(FRAME.match(line) for line in text.splitlines())


def without_halt(text: str) -> str:
    """A text without gunicorn's own tracebacks, which tell nothing of the site and come after the worker's."""
    kept: list[str] = []
    begin = None
    for line in text.split("\n"):
        if line.strip() == BEGIN:
            begin = len(kept)
        if line.startswith(HALT) and begin is not None:
            del kept[begin:]
            begin = None
        else:
            kept.append(line)
    return "\n".join(kept)


def evidence(text: str) -> list[str]:
    """The few lines of what a program printed that show where it ended: of its last traceback the source's own frames, or else the last lines."""
    lines = [line.rstrip()[:LONGEST] for line in without_halt(text).strip().split("\n")]
    if hung := [index for index, line in enumerate(lines) if HUNG in line]:
        frames, said = _frames(lines[hung[-1] + 1 :])[0][::-1], []
    elif begins := [index for index, line in enumerate(lines) if line.strip() == BEGIN]:
        frames, said = _frames(lines[begins[-1] + 1 :])
    else:
        return [line for line in lines if line][-MOST_LINES:]
    own = [frame for frame in frames if not OF_LIBRARIES.search(FRAME.match(frame[0])[1])]
    shown = [*own[-OWN_FRAMES:], *(frames[-1:] if frames[-1:] != own[-1:] else [])]
    kept = [RELEASE_DIR.sub(r"\1", line) for frame in shown for line in frame[:2]]
    return [*kept, *(line for line in said if not LOG_LINE.match(line))][:MOST_LINES]


def _frames(lines: list[str]) -> tuple[list[list[str]], list[str]]:
    """The frames of a traceback, and the lines of its exception."""
    frames: list[list[str]] = []
    for index, line in enumerate(lines):
        if FRAME.match(line):
            frames.append([line])
        elif line.startswith("    ") and frames:
            frames[-1].append(line)
        elif line.startswith("  ") and frames:  # such as "[Previous line repeated 900 more times]"
            continue
        else:
            return frames, [said for said in lines[index:] if said]
    return frames, []


def short(message: str) -> str:
    """A failure as it is shown: its first line, and a few of those below it."""
    sentence, _end, rest = message.partition("\n")
    return "\n".join([sentence[:LINE_LENGTH], *(evidence(rest) if rest.strip() else [])])
