"""Takes all that it is given, on a server: hogs.py processor|processes|memory AMOUNT SECONDS. Each has an end of its own."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time


def processor(amount: int, seconds: float) -> None:
    """So many processes that never wait."""
    end = time.monotonic() + seconds
    for _ in range(amount - 1):
        if os.fork() == 0:
            break
    while time.monotonic() < end:
        pass


def processes(amount: int, seconds: float) -> None:
    """A bounded fork bomb: so many processes, or as many as there may be, and then it asks for more without a pause."""
    children, refused = [], ""
    for _ in range(amount):
        try:
            child = os.fork()
        except OSError as error:
            refused = errno.errorcode[error.errno]
            break
        if child == 0:
            time.sleep(seconds)
            os._exit(0)
        children.append(child)
    # Go on asking for as long as it takes, as a bomb does.
    end = time.monotonic() + seconds
    while time.monotonic() < end and refused:
        try:
            child = os.fork()
        except OSError:
            continue
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(json.dumps({"made": len(children), "refused": refused}), flush=True)


def memory(amount: int, seconds: float) -> None:
    """So many megabytes, each touched, then held."""
    taken = []
    for number in range(amount):
        taken.append(bytearray(b"\x01") * 2**20)
        if number % 50 == 49:
            print(json.dumps({"taken": number + 1}), flush=True)
    print(json.dumps({"taken": amount}), flush=True)
    time.sleep(seconds)


if __name__ == "__main__":
    {"processor": processor, "processes": processes, "memory": memory}[sys.argv[1]](int(sys.argv[2]), float(sys.argv[3]))
