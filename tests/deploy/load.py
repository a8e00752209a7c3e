"""Visitors who never ask twice: whatever is not a good answer at once counts as failed."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from house import Server

RATE = 50.0  # pages a second; each brings one asset along
TIMEOUT = 10.0  # seconds
SHOWN = 10  # failures in a message
RELEASE = re.compile(rb"\brelease (\w+)")
CONTENT = re.compile(rb"\bcontent (\w+)")
COLOUR = re.compile(rb"\bcolour (\w+)")
ASSET = re.compile(rb'href="(/static/[^"]+)"')
LENGTH = re.compile(rb"^content-length: *(\d+)\r?$", re.IGNORECASE | re.MULTILINE)


class BadAnswerError(Exception):
    """What a visitor would complain about."""


@dataclass(frozen=True)
class Request:
    """One request and what became of it. `at` is a point of the wall clock, which the hosts share."""

    kind: str  # page, asset or other
    path: str
    at: float
    seconds: float
    connected: float  # seconds until the connection stood
    release: str = ""  # that answered, if the answer tells
    problem: str = ""

    def __str__(self) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(self.at)) + f"{self.at % 1:.3f}"[1:]
        return f"{moment} {self.path} after {self.seconds:.3f} s: {self.problem or 'good'}"


@dataclass
class Window:
    """Stretches of time. What began in one of them is the window's own, however long that took."""

    load: Load
    stretches: list[tuple[float, float]] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Add a stretch that lasts as long as the block."""
        since = time.time()
        try:
            yield
        finally:
            self.stretches.append((since, time.time()))

    @property
    def ordinary(self) -> list[Request]:
        """Pages and assets, not what was slow on purpose."""
        ordinary = [request for request in self.load.requests if request.kind != "other"]
        return [request for request in ordinary if any(since <= request.at < until for since, until in self.stretches)]

    @property
    def latencies(self) -> list[float]:
        return sorted(request.seconds for request in self.ordinary)

    @property
    def median(self) -> float:
        return statistics.median(self.latencies or [0.0])

    @property
    def p99(self) -> float:
        """Of a hundred requests, one is slower than this."""
        latencies = self.latencies or [0.0]
        return latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))]

    @property
    def slowest(self) -> float:
        return max(self.latencies, default=0.0)

    def __str__(self) -> str:
        return f"{len(self.ordinary)} requests: median {self.median * 1000:.0f} ms, p99 {self.p99 * 1000:.0f} ms, slowest {self.slowest * 1000:.0f} ms"


class Load:
    """A constant load on one site: its page, or another `path` that tells the release, and for each page received the asset that this page names.

        with Load(server, "blog.example.com", releases={server.live("blog")}) as load:
            load.slow(3)
            …
        load.releases.add(server.live("blog"))
        load.expect_none_failed()

    A request begins when its time has come, whether or not earlier ones have ended. `releases` are those that may
    answer; the set is looked at when failures are asked for, so that it may still grow after a deploy. With
    `slow_every`, a request of SLOW seconds begins each so many seconds; if that is less than SLOW, one is always under way.
    """

    SLOW = 3.0

    def __init__(self, server: Server, domain: str, releases: set[str], rate: float = RATE, slow_every: float | None = None, path: str = "/") -> None:
        self.port, self.domain, self.releases, self.rate, self.slow_every, self.path = server.port(80), domain, set(releases), rate, slow_every, path
        self.requests: list[Request] = []
        self.contents: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)  # what each release showed: word and colour
        self._ended = False
        self._under_way: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Load:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Begin nothing more, and wait for what is under way."""
        self._ended = True
        self._thread.join()
        self._loop.close()

    def slow(self, seconds: float = SLOW) -> Future[None]:
        """Put a request in flight that takes so long; the future ends with it."""
        return asyncio.run_coroutine_threadsafe(self._tracked(self._visit("other", f"/slow/?seconds={seconds}")), self._loop)

    def in_flight(self, at: float) -> int:
        """How many slow requests were under way at a point of the wall clock."""
        return sum(request.kind == "other" and request.at <= at <= request.at + request.seconds for request in self.requests)

    @contextmanager
    def window(self) -> Iterator[Window]:
        window = Window(self)
        with window.open():
            yield window

    def quiet(self, seconds: float) -> Window:
        """The window of the next so many seconds, in which the caller does nothing."""
        with self.window() as window:
            time.sleep(seconds)
        return window

    @property
    def failed(self) -> list[Request]:
        return [request for request in self.requests if request.problem or (request.release and request.release not in self.releases)]

    @property
    def whole(self) -> Window:
        return Window(self, [(0.0, float("inf"))])

    def expect_none_failed(self) -> Load:
        failed = self.failed
        assert self.requests, "no request was made"
        assert not failed, f"{len(failed)} of {len(self.requests)} requests failed: {self.reasons()}\n" + "\n".join(map(str, failed[:SHOWN]))
        return self

    def reasons(self) -> str:
        """The failures in one line, the most frequent first."""
        counted = Counter(request.problem or f"release {request.release} answered" for request in self.failed)
        return ", ".join(f"{problem} ({number} times)" for problem, number in counted.most_common())

    async def _run(self) -> None:
        # Visitors are elsewhere: what keeps the server busy does not keep them from asking.
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        begun = time.monotonic()
        pages = slows = 0
        while not self._ended:
            passed = time.monotonic() - begun
            while pages <= passed * self.rate:
                pages += 1
                self._start(self._page())
            while self.slow_every and slows <= passed / self.slow_every:
                slows += 1
                self._start(self._visit("other", f"/slow/?seconds={self.SLOW}"))
            await asyncio.sleep(max(0.0, begun + pages / self.rate - time.monotonic()))
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _start(self, visit: Coroutine[None, None, object]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(visit)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _tracked(self, visit: Coroutine[None, None, object]) -> None:
        await self._start(visit)

    async def _page(self) -> None:
        body = await self._visit("page", self.path)
        if body and (asset := ASSET.search(body)) and (word := CONTENT.search(body)):
            await self._visit("asset", asset[1].decode(), begins=b"/* content %s */" % word[1])

    async def _visit(self, kind: str, path: str, begins: bytes = b"") -> bytes:
        """Ask once and keep what became of it; returns a good answer's body."""
        at, start, connected = time.time(), time.perf_counter(), 0.0
        body, release, problem = b"", "", ""
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    connected = time.perf_counter() - start
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.domain}\r\nConnection: close\r\n\r\n".encode())
                    body = judge(await reader.read(), begins)
                finally:
                    writer.close()
        except TimeoutError:
            problem = f"no answer within {TIMEOUT:.0f} s"
        except (OSError, BadAnswerError) as error:
            problem = str(error) or type(error).__name__
        if body and (named := RELEASE.search(body)):
            release = named[1].decode()
            if kind == "page":
                self.contents[release].add(tuple(found[1].decode() for found in (CONTENT.search(body), COLOUR.search(body)) if found))
        elif kind == "page" and not problem:
            problem = "a page that names no release"
        self.requests.append(Request(kind, path, at, time.perf_counter() - start, connected, release, problem))
        return body


def judge(answer: bytes, begins: bytes = b"") -> bytes:
    """The body of a whole and good answer."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        raise BadAnswerError("the connection ended without an answer")
    status = int(head.split(maxsplit=2)[1])
    if status >= 400:
        raise BadAnswerError(f"status {status}")
    length = LENGTH.search(head)
    if length and int(length[1]) != len(body):
        raise BadAnswerError(f"{len(body)} of {length[1].decode()} bytes")
    if not body.startswith(begins):
        raise BadAnswerError(f"an asset that begins with {body[:40]!r}")
    return body
