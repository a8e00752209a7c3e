"""Start a program with a bound on its time and on what it prints, so that none holds up the engine or fills its memory."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from report import StepFailed

SECONDS = 1800  # systemctl waits for units that may take minutes to stop
OUTPUT = 8 << 20  # bytes
BLOCK = 1 << 16  # bytes
LOOK = 0.05  # seconds between looks whether a program has ended whose output another process holds open


class Exceeded(StepFailed):
    """A program reached a bound and was ended. `output` is what it had printed, `text` says which bound it was."""

    def __init__(self, words: Sequence[str | Path], text: str, output: str) -> None:
        super().__init__(f"{' '.join(map(str, words))} {text}")
        self.text = text
        self.output = output


def run(words: Sequence[str | Path], *, seconds: float = SECONDS, merged: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. What it prints need not be UTF-8; `merged` puts its errors where its output is."""
    errors = subprocess.STDOUT if merged else subprocess.PIPE
    with subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, bufsize=0) as process:
        printed = {pipe.fileno(): bytearray() for pipe in (process.stdout, process.stderr) if pipe}
        try:
            bound = _read(process, printed, time.monotonic() + seconds)
        finally:
            process.kill()  # nothing happens to one that has ended
    output, error = ([block.decode("utf-8", "replace") for block in printed.values()] + [""])[:2]
    if bound:
        raise Exceeded(words, f"took longer than {seconds:g} seconds" if bound == "time" else f"printed more than {OUTPUT >> 20} MB", output)
    return subprocess.CompletedProcess(list(words), process.returncode, output, error)


def show(words: Sequence[str | Path]) -> int:
    """Run a program, show what it prints as it comes, and return its status.

    It gets no terminal of ours, which it could hand on to a process that reads and writes there after its end.
    """
    words = [str(word) for word in words]
    stdin = subprocess.DEVNULL if sys.stdin.isatty() else None
    with subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process, selectors.DefaultSelector() as open_pipes:
        for pipe, ours in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            open_pipes.register(pipe, selectors.EVENT_READ, ours.buffer)
        while True:
            ended = process.poll() is not None
            ready = open_pipes.select(0 if ended else LOOK) if open_pipes.get_map() else []
            if ended and not ready:
                return process.returncode
            for key, _events in ready:
                if block := os.read(key.fd, BLOCK):
                    key.data.write(block)
                    key.data.flush()
                else:
                    open_pipes.unregister(key.fileobj)
            if not open_pipes.get_map() and not ended:
                process.wait()


def _read(process: subprocess.Popen, printed: dict[int, bytearray], deadline: float) -> str:
    """Collect what a program prints until it has ended. Returns the bound that it reached, if any."""
    with selectors.DefaultSelector() as open_pipes:
        for pipe in printed:
            os.set_blocking(pipe, False)
            open_pipes.register(pipe, selectors.EVENT_READ)
        while True:
            # Looked at first: what a program printed before its end is then read below. Another process may keep a pipe open.
            ended = process.poll() is not None
            ready = open_pipes.select(0 if ended else LOOK) if open_pipes.get_map() else []
            if ended and not ready:
                return ""
            for key, _events in ready:
                block = os.read(key.fd, BLOCK)
                printed[key.fd] += block
                if not block:
                    open_pipes.unregister(key.fd)
            if any(len(block) > OUTPUT for block in printed.values()):
                return "output"
            if time.monotonic() > deadline:
                return "time"
            if not open_pipes.get_map() and not ended:
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    return "time"
