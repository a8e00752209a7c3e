"""Sends requests as they are, one connection each, and prints the first line of each answer and what reached the application as JSON.

raw.py SEEN <JSON: a list of [source address, request in latin-1]>
"""

import contextlib
import json
import socket
import sys


def first_line(source, request):
    with socket.create_connection(("127.0.0.1", 80), 10, (source, 0)) as connection:
        received = b""
        with contextlib.suppress(OSError):
            connection.sendall(request.encode("latin-1"))
            while b"\n" not in received and (part := connection.recv(4096)):
                received += part
        return received.partition(b"\r\n")[0].decode("latin-1")


open(sys.argv[1], "w").close()
lines = [first_line(*asked) for asked in json.load(sys.stdin)]
with open(sys.argv[1]) as log:
    print(json.dumps([lines, [json.loads(line)["head"] for line in log]]))
