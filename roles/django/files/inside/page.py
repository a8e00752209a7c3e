"""Run as a site's user: names the stylesheets and scripts below the static URL that a page loads from its own site.

page.py FILE URL STATIC_URL
"""

import contextlib
import json
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

MOST = 100  # paths
LONGEST = 500  # characters of a path


class Search(HTMLParser):
    """Finds what a browser loads with a page. It loads nothing of what stands in a comment or in an element "template"."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.base = ""
        self.templates = 0

    def handle_starttag(self, tag, attrs):
        given = {name: (value or "").strip() for name, value in attrs}
        if tag == "template":
            self.templates += 1
        elif self.templates:
            return
        elif tag == "base" and not self.base:
            self.base = given.get("href", "")
        elif tag == "script":
            self.found.append(given.get("src", ""))
        elif tag == "link":
            kinds = given.get("rel", "").lower().split()
            if "stylesheet" in kinds and "alternate" not in kinds:
                self.found.append(given.get("href", ""))

    def handle_endtag(self, tag):
        if tag == "template" and self.templates:
            self.templates -= 1


def paths(page, page_url, static_url):
    """The paths, each once, in the order of the page."""
    search = Search()
    with contextlib.suppress(Exception):  # Python's parser gives some malformed pages up, and what came before that counts
        search.feed(page)
    found = {}
    for address in filter(None, search.found):
        try:
            url = urlsplit(urljoin(urljoin(page_url, search.base), address))
            is_own = url.hostname == urlsplit(page_url).hostname
        except ValueError:
            continue
        if is_own and url.path.startswith(static_url) and url.path.isprintable() and len(url.path) <= LONGEST:
            found[url.path] = None
    return list(found)[:MOST]


if __name__ == "__main__":
    file, page_url, static_url = sys.argv[1:]
    with open(file, encoding="utf-8") as opened:
        print("shortstop answers: " + json.dumps({"paths": paths(opened.read(), page_url, static_url)}))
