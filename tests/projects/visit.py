"""Run on a server: visits a tiny project as a browser would, over HTTPS, and prints what it met as JSON.

visit.py DOMAIN [PATH…] [--upload] [--login USER PASSWORD]
"""

import http.client
import http.cookies
import json
import re
import socket
import ssl
import sys
import urllib.parse

domain = sys.argv[1]
cookies = {}


def ask(method, path, body=None, headers=None):
    """The answer of nginx on this server, with the cookies that were given before."""
    connection = http.client.HTTPConnection(domain)
    connection.sock = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", 443), 30), server_hostname=domain)
    given = {"Host": domain, "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "Referer": f"https://{domain}{path}"}
    connection.request(method, path, body, {**given, **(headers or {})})
    answer = connection.getresponse()
    for header in answer.headers.get_all("Set-Cookie") or []:
        cookies.update((name, morsel.value) for name, morsel in http.cookies.SimpleCookie(header).items())
    answer.text = answer.read().decode("utf-8", "replace")
    return answer


def post(path, fields, files=None):
    """A form with the token of the page that has it."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', ask("GET", path).text)[1]
    fields = {"csrfmiddlewaretoken": token, **fields}
    if not files:
        return ask("POST", path, urllib.parse.urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})
    parts = [f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    for name, (filename, content) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: text/plain'
        parts.append(f"--limit\r\n{head}\r\n\r\n{content}\r\n")
    return ask("POST", path, "".join(parts) + "--limit--\r\n", {"Content-Type": "multipart/form-data; boundary=limit"})


page = ask("GET", "/")
met = {"page": page.status}
stylesheet = ask("GET", re.search(r'href="([^"]+)"', page.text)[1])
met["stylesheet"] = [stylesheet.status, stylesheet.headers.get_content_type(), stylesheet.text]
posted = post("/", {"name": "by a form"})
met["posted"] = [posted.status, "by a form" in ask("GET", posted.headers["Location"] or "/").text]
met["posted without a token"] = ask("POST", "/", "name=x", {"Content-Type": "application/x-www-form-urlencoded"}).status
if "--upload" in sys.argv:
    uploaded = post("/", {"name": "with a file"}, {"picture": ("words.txt", "uploaded words")})
    found = re.search(r'<img src="([^"]+)"', ask("GET", "/").text)
    met["upload"] = [uploaded.status, ask("GET", found[1]).text if found else "no link"]
if "--login" in sys.argv:
    user, password = sys.argv[-2:]
    entered = post("/admin/login/?next=/admin/", {"username": user, "password": password})
    met["login"] = [entered.status, "Log out" in ask("GET", "/admin/").text]
met["cookies"] = sorted(cookies)
for path in (word for word in sys.argv[2:] if word.startswith("/")):
    met[path] = ask("GET", path).text[:2000]
print(json.dumps(met))
