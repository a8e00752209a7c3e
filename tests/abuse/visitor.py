"""Asks for a page ten times a second, each time over a new connection, and never twice; prints failures and times as JSON.

visitor.py SECONDS
"""

import http.client
import json
import os
import sys
import time

END = time.monotonic() + float(sys.argv[1])
failed, took = [], []
while (begun := time.monotonic()) < END and all(map(os.path.exists, sys.argv[2:])):
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=5, source_address=("127.0.0.1", 0))
    try:
        connection.request("GET", "/", headers={"Host": "blog.example.com"})
        answer = connection.getresponse()
        if answer.status != 200 or b"application" not in answer.read():
            failed.append(f"status {answer.status}")
    except (OSError, http.client.HTTPException) as error:
        failed.append(repr(error))
    finally:
        connection.close()
    took.append(time.monotonic() - begun)
    time.sleep(max(0.0, 0.1 - took[-1]))
print(json.dumps({"failed": failed, "took": sorted(took)}))
