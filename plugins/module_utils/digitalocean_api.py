# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DigitalOcean's API: asks again where that is harmless, waits with a limit, and says in a sentence what is wrong.

Nothing here is Ansible's, since servers that answer DNS challenges have this file, too.
"""

from __future__ import annotations

import json
import math
import re
import ssl
import time
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit

from ansible_collections.shortstop.django.plugins.module_utils import waiting

TOKEN_VARIABLES = ["DO_API_TOKEN", "DIGITALOCEAN_TOKEN"]

PER_PAGE = 200  # the most that the API gives
LOOK_EVERY = 3  # seconds
PAUSES = (2, 5, 10)  # seconds, after an answer that was lost
POSTS = 3
# A new key is unknown to other parts of the API for some seconds, and a droplet does one thing at a time.
NOT_YET = re.compile("invalid key identifiers|already has a pending event")
NOT_YET_LIMIT = 60  # seconds


class ApiError(Exception):
    """Why something cannot be done: a sentence without its subject, and without the token."""

    def __init__(self, sentence, status=0):
        super().__init__(sentence)
        self.status = status  # HTTP's, where there was an answer


class Lost(ApiError):
    """Whether the request was carried out is not known."""


class TookTooLong(ApiError):
    """What was waited for did not happen in time."""


class Client:
    """One account, as a token opens it. `about` begins each message, and `say` shows those that come while it waits.

    `open_url(method, url, data, headers)` asks, and answers and fails as urllib does. It follows no redirect: the token is for one host alone.
    """

    def __init__(self, options, about, open_url, scopes=(), say=lambda _line: None):
        self.url = options["api_url"].rstrip("/")
        self.timeout = options["request_timeout"]
        self.limit = options["wait_timeout"]
        self.about = about
        self._token = options["api_token"] or ""
        self._scopes = ", ".join(scopes)
        self._say = say
        if not re.fullmatch(r"[!-~]+", self._token):
            raise ApiError(f"there is no usable token; set api_token, or {' or '.join(TOKEN_VARIABLES)} in the environment, to one line without spaces")
        parts = urlsplit(self.url)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "::1", "localhost")):
            raise ApiError(f"api_url is {self.url}, where everybody could read the token on its way; it must begin with https://")
        self._open_url = open_url

    def get(self, path, **query):
        return self._repeat("GET", path, query=query)

    def get_if_there(self, path):
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_all(self, path, key, **query):
        """All things of a list, from all of its pages. The answers' own links may lead anywhere, and are only counted."""
        found, page = [], 1
        while True:
            answer = self.get(path, **query, page=page, per_page=PER_PAGE)
            found += answer[key]
            if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
                return found
            page += 1

    def put(self, path, body):
        return self._repeat("PUT", path, body)

    def post(self, path, body):
        """A POST that changes nothing more when it is carried out twice."""
        return self._repeat("POST", path, body)

    def delete(self, path):
        """What is not there any more is deleted, too: an earlier attempt may have done that."""
        try:
            self._repeat("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    def create(self, path, key, body, find):
        """A POST that makes a thing; returns the thing. After an answer that was lost, `find` looks whether it is there, before another is made."""
        end = time.monotonic() + min(self.limit, NOT_YET_LIMIT)
        attempts = 0
        while True:
            try:
                return self._send("POST", path, body)[key]
            except Lost as error:
                lost = error
            except ApiError as error:
                if not (error.status == 422 and NOT_YET.search(str(error)) and time.monotonic() < end):
                    raise
                self._pause(LOOK_EVERY, str(error))
                continue
            attempts += 1
            for pause in PAUSES:
                self._pause(pause, str(lost), "looking whether it was done all the same")
                found = find()
                if found:
                    return found
            if attempts == POSTS:
                raise lost

    def wait(self, until, look, limit=None):
        """Looks until there is something, which is returned. `look` gives it, or None, and the state that is still waited in."""
        try:
            return waiting.wait(until, look, min(limit or self.limit, self.limit), LOOK_EVERY, self.say)
        except waiting.StillWaiting as error:
            raise TookTooLong(f"{error}; look into the control panel, or allow a longer wait_timeout") from None

    def say(self, text):
        self._say(f"{self.about}: {text}")

    def _pause(self, seconds, why, then="again"):
        self.say(f"{why}; {then} in {seconds} s")
        time.sleep(seconds)

    def _repeat(self, method, path, body=None, query=None):
        for pause in PAUSES:
            try:
                return self._send(method, path, body, query)
            except Lost as error:
                self._pause(pause, str(error))
        return self._send(method, path, body, query)

    def _send(self, method, path, body=None, query=None):
        """What the API answers. It says 429 before it does anything, so that may be asked again whatever it is."""
        end, backoff = time.monotonic() + self.limit, 1
        while True:
            status, headers, text = self._open(method, path, body, query)
            if status != 429:
                break
            pause, backoff = _asked_pause(headers) or backoff, backoff * 2
            if time.monotonic() + pause > end:
                longer = f"which is longer than wait_timeout allows ({self.limit} s)"
                raise ApiError(f"the API takes no more requests for another {pause} s (429), {longer}; try again later", 429)
            self._pause(pause, "the API takes no more requests for now (429)")
        try:
            answer = json.loads(text) if text.strip() else {}
        except ValueError:
            answer = None
        message = answer.get("message") if isinstance(answer, dict) else None
        if status >= 400:
            raise self._refusal(status, method, path, self._clean(message or text))
        if not isinstance(answer, dict) or status >= 300:
            raise ApiError(f"the answer to {method} {path} is none of the API's ({status}, {self._clean(text)}); is api_url right?", status)
        return answer

    def _open(self, method, path, body, query):
        url = self.url + quote(path) + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "User-Agent": "shortstop.django"}
        data = None if body is None else json.dumps(body).encode()
        request = f"{method} {path}"
        try:
            try:
                answer = self._open_url(method, url, data, headers)
            except HTTPError as error:
                answer = error
            with answer:
                return answer.code, answer.headers, answer.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise ApiError(f"{self.url} does not prove that it is the one it claims to be ({self._clean(reason.verify_message)})") from None
            if isinstance(reason, TimeoutError):
                raise Lost(f"{self.url} did not answer {request} within {self.timeout} s") from None
            raise Lost(f"the connection to {self.url} failed at {request} ({self._clean(getattr(reason, 'strerror', None) or reason)})") from None

    def _refusal(self, status, method, path, message):
        wanted = f"; it needs the scopes {self._scopes}" if self._scopes else ""
        if status == 401:
            return ApiError(f"the API does not accept the token (401, {message}){wanted}", status)
        if status == 403:
            return ApiError(f"the token does not allow {method} {path} (403, {message}){wanted}", status)
        if status == 404:
            return ApiError(f"the API knows nothing at {path} (404, {message})", status)
        if status >= 500:
            return Lost(f"the API failed at {method} {path} ({status}, {message})", status)
        return ApiError(f"the API refuses {method} {path} ({status}, {message})", status)

    def _clean(self, text):
        """In one line, short, and without the token, should somebody have sent it back."""
        return " ".join(str(text).replace(self._token, "…").split())[:300] or "no message"


def _asked_pause(headers):
    """The seconds that the API asks to be left alone for; None where it does not say."""
    for name, since in (("retry-after", 0), ("ratelimit-reset", time.time())):
        value = headers.get(name, "")
        if value.isdigit() and int(value) > since:
            return math.ceil(int(value) - since)
    return None
