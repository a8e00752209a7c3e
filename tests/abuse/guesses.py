"""Guesses passwords over one connection as fast as it can; prints the statuses and the seconds as JSON.

guesses.py PATH GUESSES SOURCE USER [PASSWORD]
"""

import base64
import http.client
import json
import sys
import time
from collections import Counter

PATH, GUESSES, SOURCE, USER = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=30, source_address=(SOURCE, 0))
begun, met = time.monotonic(), Counter()
for number in range(GUESSES):
    user, password = USER.replace("NUMBER", str(number)), sys.argv[5] if len(sys.argv) > 5 else f"guess {number}"
    value = base64.b64encode(f"{user}:{password}".encode()).decode()
    connection.request("GET", PATH, headers={"Host": "office.example.com", "Authorization": f"Basic {value}"})
    answer = connection.getresponse()
    answer.read()
    met[answer.status] += 1
print(json.dumps({"seconds": round(time.monotonic() - begun, 2), "met": met}))
