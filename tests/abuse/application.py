"""Stands behind nginx, answers whatever comes, and writes down each request as it came. Believes Content-Length alone, as a careless server would.

application.py SOCKET LOG
"""

import json
import os
import re
import socketserver
import sys


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.head():
            length = re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
            body = self.rfile.read(int(length[1])) if length else b""
            with open(sys.argv[2], "a") as log:
                log.write(json.dumps({"head": head.decode("latin-1"), "body": body.decode("latin-1")[:1000], "length": len(body)}) + "\n")
            answer = b"the application answers\n"
            begin = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n" % len(answer)
            # Asked for /head/5000, it answers with a head of 5000 bytes.
            if wanted := re.match(rb"GET /head/(\d+) ", head):
                begin += b"X-Long: %s\r\n" % (b"a" * (int(wanted[1]) - len(begin) - len(b"X-Long: \r\n\r\n")))
            self.wfile.write(begin + b"\r\n" + answer)
            if b" HTTP/1.0\r\n" in head:
                return

    def head(self):
        lines = []
        while line := self.rfile.readline():
            lines.append(line)
            if line in (b"\r\n", b"\n"):
                return b"".join(lines)
        return b""


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 200


os.umask(0)
Server(sys.argv[1], Connection).serve_forever()
