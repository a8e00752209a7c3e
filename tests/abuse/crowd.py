"""An office: people behind one address, each with a name and a password of their own, who all begin at once; prints the statuses as JSON.

crowd.py PEOPLE WRONG FILES SOURCE
"""

import base64
import http.client
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

PEOPLE, WRONG, FILES, SOURCE = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def ask(path, number=None, password=None):
    headers = {"Host": "office.example.com"}
    if number is not None:
        given = f"user{number}:{password or f'password {number}'}"
        headers["Authorization"] = "Basic " + base64.b64encode(given.encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=30, source_address=(SOURCE, 0))
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def person(number):
    """What one meets: a question for the password, perhaps a wrong one, the page, and its files, six at a time as a browser has them."""
    met = {"asked": [ask("/")], "wrong": [ask("/", number, "wrong")] if number < WRONG else [], "page": [ask("/", number)]}
    with ThreadPoolExecutor(6) as browser:
        met["files"] = list(browser.map(lambda _file: ask("/static/a.css", number), range(FILES)))
    return met


begun = time.monotonic()
with ThreadPoolExecutor(PEOPLE) as pool:
    people = list(pool.map(person, range(PEOPLE)))
met = {what: Counter(status for one in people for status in one[what]) for what in ("asked", "wrong", "page", "files")}
print(json.dumps({"seconds": round(time.monotonic() - begun, 1), **met}))
