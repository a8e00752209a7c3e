# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a site as a whole, a sentence per mistake: what no value tells alone, since the site and site_common may each give a part."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.shortstop.django.plugins.plugin_utils.certificates import certificate_errors
from ansible_collections.shortstop.django.plugins.plugin_utils.site_keys import (
    CERTIFICATE_KEYS,
    DAEMON_KEYS,
    DATABASE_KEYS,
    POSTGRES_VARIABLES,
    SUPERUSER_KEYS,
    TIMER_KEYS,
    VARIABLES,
)
from ansible_collections.shortstop.django.plugins.plugin_utils.site_values import RESERVED_VARIABLES, as_dict, is_misspelt, nearest, texts


def database_errors(site: dict) -> Iterator[str]:
    database = site.get("database")
    if database == "none":
        yield from (f'key "{key}": this site has no database; take it out, or give the site one' for key in ("superuser", "fixtures") if site.get(key))
        if site.get("databases"):
            yield 'key "databases": this site has no first database, beside which these would be; give it one by key "database"'
    if not isinstance(database, dict):
        return
    if "host" not in database and not set(database) - set(DATABASE_KEYS):
        yield 'key "database": "host" is missing; on this server write database: postgres, and the site\'s own user is let in'
    if "host" in database and "password" not in database:
        yield 'key "database": "password" is missing; two servers share it, so it comes from the vault'


def variable_errors(site: dict) -> Iterator[str]:
    """Further names of variables that the site does not have."""
    database = site.get("database", "postgres")
    known = {*VARIABLES, *as_dict(site, "environment"), *(f"{alias}_DATABASE_URL".upper() for alias in texts(list(as_dict(site, "databases"))))}
    if database != "none":
        known.add("DATABASE_URL")
    if database not in ("none", "sqlite"):
        known.update(POSTGRES_VARIABLES)
    for name, of in as_dict(site, "environment_names").items():
        if isinstance(of, str) and of not in (*known, *RESERVED_VARIABLES):
            yield f'key "environment_names": variable "{name}" is to have the value of {of}, which the site does not have{nearest(of, sorted(known))}'


def url_errors(site: dict) -> Iterator[str]:
    given = texts([site.get("static_url", "/static/"), site.get("media_url", "/media/")])
    urls = sorted((url for url in given if len(url) > 1 and url.endswith("/")), key=len)
    if len(urls) == 2 and urls[1].startswith(urls[0]):
        yield 'keys "static_url" and "media_url" must be two paths of which neither lies in the other, such as /static/ and /media/'


def superuser_errors(superuser: object) -> Iterator[str]:
    if isinstance(superuser, dict) and superuser and not any(is_misspelt(part, SUPERUSER_KEYS) for part in superuser):
        for part in ("username", "password"):
            if part not in superuser:
                yield f'key "superuser": "{part}" is missing; add it' + (" from the vault" if part == "password" else "")


def tls_errors(site: dict, given: dict, *, dns_challenges: bool) -> Iterator[str]:
    """`given` is what the site says itself, without what holds for all."""
    certificate, own = site.get("certificate"), site.get("tls") == "own"
    if own and not isinstance(certificate, dict):
        yield 'key "certificate" is missing; tls: own needs {cert: …, key: …}'
    elif own:
        missing = [part for part in CERTIFICATE_KEYS if part not in certificate]
        yield from (f'key "certificate": "{part}" is missing; add it' + (" from the vault" if part == "key" else "") for part in missing)
        whole = all(isinstance(certificate.get(part), str) and "-----BEGIN" in certificate[part] for part in CERTIFICATE_KEYS)
        if whole and isinstance(site.get("domains"), list):
            yield from certificate_errors(certificate, texts(site["domains"]))
    elif as_dict(given, "certificate"):
        yield 'key "certificate" goes with "tls: own" only'
    if site.get("tls", "acme") == "acme" and not dns_challenges:
        wildcards = [domain for domain in texts(site.get("domains")) if domain.startswith("*.")]
        yield from (f'key "domains": a certificate for "{name}" takes an answer by DNS; give nginx_acme.dns.api_token, or another tls' for name in wildcards)


def job_errors(site: dict) -> Iterator[str]:
    for key, known in {"timers": TIMER_KEYS, "daemons": DAEMON_KEYS}.items():
        for name, job in as_dict(site, key).items():
            say = f'key "{key}": "{name}"'
            if not isinstance(job, dict) or set(job) - set(known):
                continue
            if "command" not in job:
                yield f'{say}: "command" is missing; say what to run, such as manage.py {name}'
            if key == "timers" and ("every" in job) == ("calendar" in job):
                yield f'{say} must have either "every" or "calendar", such as every: 1min'
    for name in as_dict(site, "daemons"):
        if name in as_dict(site, "timers"):
            yield f'key "daemons": "{name}" is also a timer; give one of them another name'
