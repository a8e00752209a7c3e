"""Why a release was refused: the sentence on what programs print at a known end, and the lines that show where."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys

import pytest
import reasons

RELEASE = "/srv/blog/releases/0000000000aa/source"
LIBRARY = "/srv/blog/releases/0000000000aa/venv/lib/python3.11/site-packages"
BEGIN = "Traceback (most recent call last):\n"
OUTBOUND = 'the sandbox lets a site reach what "outbound" lists, and the database of its key "database"'
EXECUTABLE = "the sandbox refuses memory that can be written and run, which native code asks for here; give the site sandbox: {allow: [executable_memory]}"
TIMEOUT = 'a worker took longer than 30 seconds, so gunicorn ended it; give the site a larger "timeout", and a "health_timeout" above that'
MEMORY = 'its processes wanted more memory than they may have; give the site a larger limits.memory, which is 512M, or fewer "workers"'
MODES = (
    "the sandbox refuses a mode with setuid or setgid, and a change of owner: {}. Let FILE_UPLOAD_PERMISSIONS and FILE_UPLOAD_DIRECTORY_PERMISSIONS have"
    " neither bit, such as 0o750; new files get the group of their directory without it"
)
READ_ONLY = (
    "{} is read-only for the site; let the project write below the directory that the variable DJANGO_STATE_DIR names, which is {}/var, or name another"
    " directory in sandbox.writable"
)
TOO_EARLY = " yet, and the code reads it before the migrations have run, such as while it is loaded; let it read later, or add the migration that makes it"
UNMADE = ", and no migration makes it; run manage.py makemigrations, and put what it writes into the source"
NO_TABLE = f"the table {{}} does not exist{TOO_EARLY}"
NO_COLUMN = f"the column {{}} does not exist{TOO_EARLY}"

# What a program prints, and the sentence on it; {} is the site's root.
PRINTED = {
    "a worker that hangs": (
        "[2026-11-29 12:00:31 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)\n[2026-11-29 12:00:31 +0000] [9] [INFO] Worker exiting",
        TIMEOUT,
    ),
    "a worker that was killed": ("[2026-11-29 12:00:31 +0000] [7] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?", MEMORY),
    "a service that was killed": ("gunicorn-blog@0000000000aa.service: Failed with result 'oom-kill'.", MEMORY),
    "a process that was killed": ("gunicorn-blog@0000000000aa.service: A process of this unit has been killed by the OOM killer.", MEMORY),
    "cffi": (
        f'{BEGIN}  File "{LIBRARY}/cffi/api.py", line 396, in callback\n    return callback_decorator_wrap(python_callable)\n'
        "MemoryError: Cannot allocate write+execute memory for ffi.callback(). You might be running on a system that prevents this.",
        EXECUTABLE,
    ),
    "libffi": ("SystemError: ffi_prep_closure(): bad user_data (it seems that the version of the libffi library seen at runtime is different)", EXECUTABLE),
    "glibc": (f"{BEGIN}ImportError: libfast.so: cannot enable executable stack as shared object requires: Permission denied", EXECUTABLE),
    "V8": ("# Fatal process out of memory: Failed to reserve virtual memory for CodeRange", EXECUTABLE),
    "V8, later": (" 5: 0xb8ce34 v8::internal::Heap::CollectGarbage(v8::internal::AllocationSpace) [node]", EXECUTABLE),
    "V8, pages": ("# Check failed: SetPermissions(protect_start, protect_size, permissions).", EXECUTABLE),
    "mmap": (
        f'{BEGIN}  File "{RELEASE}/shop/views.py", line 4, in page\n    memory = mmap.mmap(-1, 4096, prot=PROT_WRITE | PROT_EXEC)\n'
        "             ^^^^^^^^^\nPermissionError: [Errno 1] Operation not permitted\n",
        EXECUTABLE,
    ),
    "mmap of a later systemd": (
        f"{BEGIN}    memory = mmap.mmap(-1, 4096, prot=PROT_WRITE | PROT_EXEC)\nPermissionError: [Errno 13] Permission denied\n",
        EXECUTABLE,
    ),
    "a mode": (f"{BEGIN}PermissionError: [Errno 1] Operation not permitted: '/srv/blog/media/a'", MODES.format("/srv/blog/media/a")),
    "a file elsewhere": (f"{BEGIN}OSError: [Errno 30] Read-only file system: '/srv/blog/cache'", READ_ONLY.format("/srv/blog/cache", "{}")),
    "a file elsewhere, without a name": ("mkdir: [Errno 30] Read-only file system", READ_ONLY.format("a file", "{}")),
    "a database elsewhere": (f"{BEGIN}django.db.utils.OperationalError: attempt to write a readonly database", READ_ONLY.format("database", "{}")),
    "a static file": (
        f"{BEGIN}ValueError: Missing staticfiles manifest entry for 'shop/a.css'",
        'a template names the static file "shop/a.css", which collectstatic does not find; add it to the source, or take it out of the template',
    ),
    "a static file without a name": (
        f"{BEGIN}ValueError: Missing staticfiles manifest entry for ''",
        'a template names the static file "", which collectstatic does not find; add it to the source, or take it out of the template',
    ),
    "a table": (
        f'{BEGIN}django.db.utils.ProgrammingError: relation "shop_price" does not exist\nLINE 1: SELECT "shop_price"."id" FROM "shop_price"\n',
        NO_TABLE.format("shop_price"),
    ),
    "a table of SQLite's": (f"{BEGIN}django.db.utils.OperationalError: no such table: shop_price\n", NO_TABLE.format("shop_price")),
    "a column": (f"{BEGIN}psycopg.errors.UndefinedColumn: column shop_price.colour does not exist\nLINE 1: SELECT", NO_COLUMN.format("shop_price.colour")),
    "a column that is written": (
        f'{BEGIN}psycopg.errors.UndefinedColumn: column "colour" of relation "shop_price" does not exist\n',
        NO_COLUMN.format('"colour"'),
    ),
    "a column that Django tells of": (
        f"{BEGIN}django.db.utils.ProgrammingError: column shop_price.colour does not exist\nLINE 1: SELECT",
        NO_COLUMN.format("shop_price.colour"),
    ),
    "a column of SQLite's": (f"{BEGIN}django.db.utils.OperationalError: no such column: shop_price.colour\n", NO_COLUMN.format("shop_price.colour")),
    "a column of SQLite's that is written": (
        f"{BEGIN}django.db.utils.OperationalError: table shop_price has no column named colour\n",
        NO_COLUMN.format("colour"),
    ),
    "psycopg": (
        f'{BEGIN}django.db.utils.OperationalError: connection failed: connection to server at "192.0.2.7", port 5432 failed: Connection refused\n'
        "\tIs the server running on that host and accepting TCP/IP connections?",
        f"it does not reach the database's host 192.0.2.7; {OUTBOUND}",
    ),
    "psycopg, too slow": (
        'connection failed: connection to server at "db.example.com" (192.0.2.7), port 5432 failed: timeout expired',
        f"it does not reach the database's host db.example.com; {OUTBOUND}",
    ),
    "psycopg, no such name": (
        f"{BEGIN}django.db.utils.OperationalError: failed to resolve host 'db.example.com': [Errno -2] Name or service not known",
        f"it does not reach the database's host db.example.com; {OUTBOUND}",
    ),
    "psycopg2, no such name": (
        f'{BEGIN}psycopg2.OperationalError: could not translate host name "db.example.com" to address: Temporary failure in name resolution',
        f"it does not reach the database's host db.example.com; {OUTBOUND}",
    ),
    "psycopg2 of an older libpq": (
        'could not connect to server: Connection refused\n\tIs the server running on host "db.example.com" (192.0.2.7) and accepting\n'
        "\tTCP/IP connections on port 5432?",
        f"it does not reach the database's host db.example.com; {OUTBOUND}",
    ),
    "redis": (
        f"{BEGIN}redis.exceptions.ConnectionError: Error 111 connecting to 192.0.2.7:6379. Connection refused.",
        f"it does not reach 192.0.2.7; {OUTBOUND}",
    ),
    "redis, no such name": (
        f"{BEGIN}redis.exceptions.ConnectionError: Error -2 connecting to cache.example.com:6379. Name or service not known.",
        f"it does not reach cache.example.com; {OUTBOUND}",
    ),
    "Celery": (
        "[2026-11-29 12:00:00,000: ERROR/MainProcess] consumer: Cannot connect to amqp://guest:**@queue.example.com:5672//: [Errno 111] Connection refused.",
        f"it does not reach queue.example.com; {OUTBOUND}",
    ),
    "Celery without a user": ("consumer: Cannot connect to redis://cache.example.com:6379/0: Timeout", f"it does not reach cache.example.com; {OUTBOUND}"),
    "requests": (
        f"{BEGIN}requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /"
        " (Caused by NewConnectionError(\"HTTPSConnection(host='api.example.com', port=443): Failed to establish a new connection:"
        ' [Errno 101] Network is unreachable"))',
        f"it does not reach another server (api.example.com); {OUTBOUND}",
    ),
    "requests, no such name": (
        f"{BEGIN}requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: /"
        " (Caused by NameResolutionError(\"HTTPSConnection(host='api.example.com', port=443): Failed to resolve 'api.example.com'"
        ' ([Errno -3] Temporary failure in name resolution)"))',
        f"it does not reach another server (api.example.com); {OUTBOUND}",
    ),
    "requests, too slow": (
        f"{BEGIN}requests.exceptions.ConnectTimeout: HTTPConnectionPool(host='api.example.com', port=80): Max retries exceeded with url: / (Caused by"
        " ConnectTimeoutError(<HTTPConnection(host='api.example.com', port=80) at 0x7f0d>, 'Connection to api.example.com timed out. (connect timeout=3)'))",
        f"it does not reach another server (api.example.com); {OUTBOUND}",
    ),
    "urllib": (
        f"{BEGIN}urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
        f"it does not reach another server (Name or service not known); {OUTBOUND}",
    ),
    "a socket": (f"{BEGIN}OSError: [Errno 101] Network is unreachable", f"it does not reach another server (Network is unreachable); {OUTBOUND}"),
    "a server that is silent": (f"{BEGIN}TimeoutError: timed out", f"another server was not reached in time; {OUTBOUND}"),
    "a server that drops all": (f"{BEGIN}TimeoutError: [Errno 110] Connection timed out", f"another server was not reached in time; {OUTBOUND}"),
    "a server that drops all, of urllib": (
        f"{BEGIN}urllib.error.URLError: <urlopen error [Errno 113] No route to host>",
        f"another server was not reached in time; {OUTBOUND}",
    ),
    "httpx": (f"{BEGIN}httpx.ConnectTimeout: timed out", f"another server was not reached in time; {OUTBOUND}"),
    "a module": (
        f"{BEGIN}ModuleNotFoundError: No module named 'rest_framework'",
        'the module "rest_framework" is neither in the source nor in an installed package; add the package that has it to requirements.txt',
    ),
    "a module of a package": (
        f"{BEGIN}ModuleNotFoundError: No module named 'django.contrib.postgres.zip'",
        'the module "django.contrib.postgres.zip" is not in the source, or not in the installed version of its package; let requirements.txt ask for the'
        " version that has it",
    ),
}


@pytest.fixture
def site(blog):
    return dataclasses.replace(blog, memory="512M")


@pytest.mark.parametrize(("text", "sentence"), PRINTED.values(), ids=PRINTED.keys())
def test_a_known_end_has_its_sentence(site, text, sentence):
    assert reasons.hint(site, text) == sentence.replace("{}", str(site.root))
    assert reasons.hint(site, f"the site prints\n{text}\n") == sentence.replace("{}", str(site.root))


@pytest.mark.parametrize("name", [name for name, (_text, sentence) in PRINTED.items() if sentence.endswith(TOO_EARLY)])
def test_what_no_migration_makes_is_told_once_all_of_them_have_run(site, name):
    text, sentence = PRINTED[name]
    assert reasons.hint(site, text, is_migrated=True) == sentence.replace(TOO_EARLY, UNMADE)


def test_each_known_end_is_tried():
    tried = [text for text, _sentence in PRINTED.values()]
    for pattern, _sentence in [*reasons.OF_WORKERS, *reasons.KNOWN]:
        assert any(re.search(pattern, text) for text in tried), pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ValueError: no page today",
        'FATAL:  password authentication failed for user "blog"',
        'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "blog" does not exist',
        "PermissionError: [Errno 13] Permission denied: '/srv/blog/x'",
        "PermissionError: [Errno 1] Operation not permitted",
        "django.db.utils.OperationalError: unable to open database file",
        f"{BEGIN}KeyError: 'column colour does not exist'",
        f"{BEGIN}psycopg.errors.UndefinedTable: Relation \u00bbshop_price\u00ab existiert nicht\n",
        'null value in column "colour" of relation "shop_price" violates not-null constraint',
        "[2026-11-29 12:00:31 +0000] [9] [INFO] Worker exiting (pid: 9)",
    ],
)
def test_what_is_not_known_has_no_sentence(site, text):
    assert reasons.hint(site, text) == ""


TABLE, MODULE = PRINTED["a table"], PRINTED["a module"]


def test_the_last_known_end_counts(site):
    assert reasons.hint(site, f"{TABLE[0]}\n{MODULE[0]}") == MODULE[1]
    assert reasons.hint(site, f"{MODULE[0]}\n{TABLE[0]}") == TABLE[1]


def test_what_was_caught_before_the_last_traceback_ended_nothing(site):
    assert reasons.hint(site, f"{MODULE[0]}\n\nDuring handling of the above exception, another exception occurred:\n\n{BEGIN}ValueError: no\n") == ""


def test_gunicorn_s_own_word_counts_before_a_traceback(site):
    timeout = PRINTED["a worker that hangs"]
    assert reasons.hint(site, f'{timeout[0]}\n{BEGIN}  File "x.py", line 1, in <module>\nSystemExit: 1\n') == timeout[1]
    assert reasons.hint(site, f"{timeout[0]}\n{MODULE[0]}") == timeout[1]


def test_what_gunicorn_kills_at_its_timeout_wanted_no_memory(site):
    assert reasons.hint(site, f"{PRINTED['a worker that hangs'][0]}\n{PRINTED['a worker that was killed'][0]}") == TIMEOUT


@pytest.mark.parametrize(("filler", "is_known"), [("x" * 1_000, True), ("x" * 3_000, False), ("x" * 8_000_000, False)])
def test_what_was_printed_long_before_the_end_is_not_the_reason(site, filler, is_known):
    assert bool(reasons.hint(site, f"Read-only file system\n[Errno 30] Read-only file system\n{filler}")) is is_known


def test_only_the_end_of_a_text_is_searched(site):
    """A site may print millions of letters that a pattern takes long for."""
    known = "no such table: shop_price\n"
    assert reasons.lacks_table(known)
    assert not reasons.lacks_table(known + "x" * reasons.SEARCHED)
    assert reasons.hint(site, BEGIN + known)
    assert reasons.hint(site, BEGIN + known + "x" * reasons.SEARCHED) == ""


def test_what_a_program_prints_is_no_format(site):
    assert reasons.hint(site, "No module named '{site}'").startswith('the module "{site}" is neither')
    assert reasons.hint(site, "No module named '{site.hidden}'").startswith('the module "{site.hidden}" is not in the source')


@pytest.mark.parametrize(
    ("name", "lacks"),
    [(name, "a table" in name or "a column" in name) for name in PRINTED],
)
def test_a_table_or_a_column_may_be_lacking(name, lacks):
    assert reasons.lacks_table(PRINTED[name][0]) is lacks


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("psycopg.errors.UndefinedTable: Relation \u00bbshop_price\u00ab existiert nicht", True),
        ("psycopg2.errors.UndefinedColumn: ERREUR:  la colonne shop_price.colour n'existe pas", True),
        ("psycopg.errors.UndefinedFunction: Funktion lower(integer) existiert nicht", False),
        ("KeyError: 'column colour does not exist'", False),
        ("shop.errors.NotUndefinedTable: no", False),
    ],
)
def test_a_database_may_say_what_it_lacks_in_any_language(text, lacks):
    assert reasons.lacks_table(text) is lacks


def frame(file: str, line: int, function: str, code: str = "") -> str:
    return f'  File "{file}", line {line}, in {function}\n' + (f"    {code}\n" if code else "")


OURS = frame(f"{RELEASE}/shop/views.py", 12, "page", "price = cheapest()")
DEEPER = frame(f"{RELEASE}/shop/prices.py", 3, "cheapest", "return Price.objects.get()")
THEIRS = frame(f"{LIBRARY}/django/core/handlers/base.py", 197, "_get_response", "response = wrapped_callback(request)")
PYTHON = frame("/usr/lib/python3.11/contextlib.py", 81, "inner", "return func(*args, **kwds)")
LAST = frame(f"{LIBRARY}/django/db/models/query.py", 633, "get", "raise self.model.DoesNotExist(")
FROZEN = frame("<frozen importlib._bootstrap>", 1204, "_gcd_import")
ERROR = "shop.models.Price.DoesNotExist: Price matching query does not exist."


def text_of(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


def shown(text: str) -> str:
    """A text's evidence in whole paths."""
    lines = [re.sub(r'^  File "((?:shop|manage)\b)', rf'  File "{RELEASE}/\1', line) for line in reasons.evidence(text)]
    return text_of([re.sub(r'^  File "(django/)', rf'  File "{LIBRARY}/\1', line) for line in lines])


def test_the_source_s_own_frames_show_where(site):
    assert shown(f"{BEGIN}{THEIRS}{PYTHON}{THEIRS}{OURS}{DEEPER}{THEIRS}{LAST}{ERROR}\n") == f"{OURS}{DEEPER}{LAST}{ERROR}\n"


def test_a_path_begins_in_the_release():
    assert reasons.evidence(f"{BEGIN}{OURS}{LAST}{ERROR}\n") == [
        '  File "shop/views.py", line 12, in page',
        "    price = cheapest()",
        '  File "django/db/models/query.py", line 633, in get',
        "    raise self.model.DoesNotExist(",
        ERROR,
    ]


def test_the_engine_s_own_frames_are_not_the_source_s():
    script = frame("/usr/local/lib/shortstop/inside/reason.py", 61, "ask", "Client().get(path)")
    assert shown(f"{BEGIN}{script}{THEIRS}{OURS}{LAST}{ERROR}\n") == f"{OURS}{LAST}{ERROR}\n"


def test_the_last_frame_is_shown_once():
    assert shown(f"{BEGIN}{THEIRS}{OURS}{ERROR}\n") == f"{OURS}{ERROR}\n"


def test_only_the_last_of_the_source_s_own_frames_are_shown():
    own = [frame(f"{RELEASE}/shop/{name}.py", 1, name, "go()") for name in "abcdef"]
    assert shown(f"{BEGIN}{''.join(own)}{LAST}{ERROR}\n") == f"{''.join(own[-3:])}{LAST}{ERROR}\n"


def test_a_traceback_of_libraries_alone_shows_its_last_frame():
    assert shown(f"{BEGIN}{THEIRS}{FROZEN}{LAST}{ERROR}\n") == f"{LAST}{ERROR}\n"


def test_the_marks_below_a_line_are_left_out():
    marked = OURS + "            ^^^^^^^^^^\n"
    assert shown(f"{BEGIN}{marked}{ERROR}\n") == f"{OURS}{ERROR}\n"


@pytest.mark.parametrize(
    "between",
    ["During handling of the above exception, another exception occurred:", "The above exception was the direct cause of the following exception:"],
)
def test_of_chained_exceptions_the_last_one_is_shown(between):
    first = f"{BEGIN}{LAST}KeyError: 'first'\n"
    assert shown(f"{first}\n{between}\n\n{BEGIN}{THEIRS}{OURS}{LAST}{ERROR}\n") == f"{OURS}{LAST}{ERROR}\n"


def test_a_syntax_error_shows_the_line():
    where = f'  File "{RELEASE}/shop/urls.py", line 3\n    urlpatterns = [\n'
    text = f"{BEGIN}{OURS}{FROZEN}{where}                  ^\nSyntaxError: '[' was never closed\n"
    assert shown(text) == f"{OURS}{where}SyntaxError: '[' was never closed\n"


def test_a_recursion_shows_its_line_and_its_error():
    again = frame(f"{RELEASE}/shop/prices.py", 2, "again", "return again()")
    text = f"{BEGIN}{OURS}{again * 3}  [Previous line repeated 980 more times]\nRecursionError: maximum recursion depth exceeded\n"
    assert shown(text) == f"{again * 3}RecursionError: maximum recursion depth exceeded\n"


@pytest.mark.parametrize("lines", [1, 3, 50])
def test_a_message_of_many_lines_is_shown_as_far_as_it_goes(lines):
    said = [ERROR, *(f"line {number} of it" for number in range(lines))]
    assert shown(f"{BEGIN}{OURS}{DEEPER}{LAST}{text_of(said)}") == f"{OURS}{DEEPER}{LAST}{text_of(said[:4])}"


def test_what_gunicorn_logs_around_a_traceback_is_left_out():
    log = "[2026-11-29 12:00:00 +0000] [9] [INFO] {}\n"
    text = f"{log.format('Booting worker with pid: 9')}{log.format('Exception in worker process')}{BEGIN}{THEIRS}{OURS}{ERROR}\n"
    text += log.format("Worker exiting (pid: 9)") + log.format("Shutting down: Master")
    assert shown(text) == f"{OURS}{ERROR}\n"


def dumped(file: str, line: int, function: str) -> str:
    return f'  File "{file}", line {line} in {function}\n'


def test_a_dump_shows_where_the_program_was():
    ours = dumped(f"{RELEASE}/shop/views.py", 12, "page")
    deeper = dumped("/usr/lib/python3.11/socket.py", 705, "readinto")
    theirs = dumped(f"{LIBRARY}/django/core/handlers/base.py", 197, "_get_response")
    text = "Timeout (0:00:05)!\nThread 0x00007f0d6d7fa6c0 (most recent call first):\n"
    text += dumped("/usr/lib/python3.11/threading.py", 324, "wait")
    text += f"\nThread 0x00007f0d71f9d000 (most recent call first):\n{deeper}{ours}{theirs}"
    assert shown(text) == f"{ours}{deeper}"


def test_python_s_own_dump_is_read(tmp_path):
    """As this Python writes it."""
    code = (
        "import faulthandler, sys, time\nfaulthandler.dump_traceback_later(0.1, exit=True, file=sys.stdout)\n\n\ndef hang():\n    time.sleep(9)\n\n\nhang()\n"
    )
    (tmp_path / "shop.py").write_text(code, encoding="utf-8")
    said = subprocess.run([sys.executable, tmp_path / "shop.py"], capture_output=True, text=True, check=False).stdout
    assert said.startswith("Timeout (0:00:00.100000)!\n")
    assert reasons.is_traceback(said)
    assert reasons.evidence(said) == [f'  File "{tmp_path}/shop.py", line 9 in <module>', f'  File "{tmp_path}/shop.py", line 6 in hang']


@pytest.mark.parametrize("code", ["def f():\n    g()\n\n\nf()\n", "print((\n", "def f():\n    f()\n\n\nf()\n", "try:\n    1 / 0\nfinally:\n    int('x')\n"])
def test_python_s_own_tracebacks_are_read(tmp_path, code):
    (tmp_path / "shop.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", "import shop"], cwd=tmp_path, capture_output=True, text=True, check=False)
    *shown, error = reasons.evidence(done.stderr)
    assert error == done.stderr.splitlines()[-1]
    assert shown[-2].startswith(f'  File "{tmp_path}/shop.py", line ')
    assert len(shown) % 2 == 0


def test_without_a_traceback_the_last_lines_are_shown():
    lines = [f"line {number}" for number in range(100)]
    assert reasons.evidence("\n\n".join(lines) + "\n\n") == lines[-10:]
    assert reasons.evidence("one\n") == ["one"]


def test_a_long_line_is_cut():
    assert reasons.evidence(f"{'x' * 400}\n") == ["x" * 300]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (f"{BEGIN}{OURS}{ERROR}", True),
        (OURS, True),
        (f'  File "{RELEASE}/shop/urls.py", line 3', True),
        (dumped(f"{RELEASE}/shop/views.py", 12, "page"), True),
        ("CommandError: no such app", False),
        ('see File "a.py", line 3, in b', False),
        ("", False),
    ],
)
def test_a_traceback_is_known_by_its_frames(text, is_one):
    assert reasons.is_traceback(text) is is_one


@pytest.mark.parametrize(
    "below",
    [
        "".join(f"line {number}\n" for number in range(100)),
        f"{BEGIN}{OURS * 9}{LAST}{ERROR}\n" + "more\n" * 99,
        f"{BEGIN}{OURS * 9}{ERROR}\n" + "more\n" * 99,
        f"Timeout (0:00:05)!\nThread 0x0 (most recent call first):\n{dumped('a.py', 1, 'b') * 99}",
    ],
    ids=["lines", "a library's traceback", "a traceback", "a dump"],
)
def test_a_failure_is_shown_in_a_few_lines(below):
    first, *rest = reasons.short(f"prove: it does not serve /\n{below}").split("\n")
    assert first == "prove: it does not serve /"
    assert 3 <= len(rest) <= 10


@pytest.mark.parametrize(
    ("message", "shown"), [("one", "one"), ("one\n", "one"), ("one\n\n \n", "one"), ("", ""), ("x" * 2000 + "\ntwo", "x" * 1000 + "\ntwo")]
)
def test_a_failure_of_one_line_is_shown_as_it_is(message, shown):
    assert reasons.short(message) == shown


HALT = (
    f"{BEGIN}"
    + frame(f"{LIBRARY}/gunicorn/arbiter.py", 683, "reap_workers", "raise HaltServer(reason, self.WORKER_BOOT_ERROR)")
    + "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>\n"
)


def test_gunicorn_s_own_traceback_hides_no_worker_s():
    worker = f"{BEGIN}{THEIRS}{OURS}{ERROR}\n"
    assert shown(f"{worker}{HALT}") == f"{OURS}{ERROR}\n"
    assert shown(f"{worker}{HALT}{worker}{HALT}") == f"{OURS}{ERROR}\n"


def test_a_known_end_counts_before_gunicorn_s_own_traceback(site):
    lacking = f"{BEGIN}{OURS}ModuleNotFoundError: No module named 'yaml'\n"
    assert reasons.hint(site, f"{lacking}{HALT}").startswith('the module "yaml" is neither')


def test_what_looks_like_gunicorn_s_end_takes_no_other_line():
    assert reasons.without_halt("gunicorn.errors.HaltServer: alone\nlast") == "gunicorn.errors.HaltServer: alone\nlast"
