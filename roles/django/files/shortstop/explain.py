"""Why a release does not serve its health path: from its log, and from the same question once more inside the release."""

from __future__ import annotations

import inside
import reasons
import records
from report import CommandFailed, StepFailed
from site_config import Site
from visit import DEFAULT_PATH, NEEDS_LOGIN, Answer

LONGEST = 30  # seconds that the question inside the release may take
SPARE = 30  # seconds for the script's own start and end
TEXTS = records.is_list_of(records.is_text)
SHAPE = {"status": lambda value: isinstance(value, int) and 0 <= value < 1000, "traceback": TEXTS, "logged": TEXTS, "hosts": TEXTS}
SLOW = 'its code answers when it is asked in a new process, so that its workers may need longer to load; give the site a larger "health_timeout"'
AT_LINES = "asked once more, it was at these lines when the time was over"
UNKNOWN_HOST = "Invalid HTTP_HOST header"


def refusal(site: Site, release: str, answer: Answer, log: str) -> str:
    """The sentence on an answer that is not good, and the lines below it that show where in the project it comes from."""
    where = answer.path if answer.path == site.health_path else f"{answer.path}, to which {site.health_path} redirects"
    if answer.status and answer.fault:
        return f"it does not serve {site.health_path}: {answer.path} {answer.fault}"
    said = answer.fault or f"status {answer.status}"
    if answer.status == 404:
        return f"it does not serve {where}: {said}, so there is no such page{_name_another(site)}"
    if answer.status in NEEDS_LOGIN:
        return f"it does not serve {where}: {said}, so not everybody may see that page{_name_another(site)}"
    below, known = log, reasons.hint(site, log, is_migrated=True)
    if answer.status or not known:
        found = _ask_inside(site, release, answer)
        if answer.status == 400 and (sentence := _bad_request(site, answer, found)):
            return f"it does not serve {where}: {said}: {sentence}"
        if text := "\n".join(found.get("traceback", [])):
            is_hung = reasons.HUNG in text
            # An answer has one cause, and the log may tell of others, unless the code does not answer here either.
            of_log = known if is_hung or not answer.status else ""
            below, known = text, reasons.hint(site, text, is_migrated=True) or of_log or (AT_LINES if is_hung else "")
        elif not answer.status and not reasons.is_traceback(log) and 0 < found.get("status", 0) < 400:
            known = SLOW
    return f"it does not serve {where}: {said}{f': {known}' if known else ''}\n{below}"


def _name_another(site: Site) -> str:
    if site.health_path == DEFAULT_PATH:
        return '; give the site a "health_path", which is a page that everybody may see'
    return '; let "health_path" be a page that everybody may see'


def _ask_inside(site: Site, release: str, answer: Answer) -> dict:
    """What the release's code says of the same question, nothing where it cannot be asked."""
    seconds = min(site.health_timeout, LONGEST)
    try:
        return inside.script(
            site,
            release,
            "reason.py",
            answer.path,
            answer.host,
            site.scheme,
            str(seconds),
            name=f"asking for {answer.path}",
            shape=SHAPE,
            seconds=seconds + SPARE,
        )
    except CommandFailed as error:
        return {"traceback": error.output.splitlines()} if reasons.is_traceback(error.output) else {}
    except StepFailed:
        return {}


def _bad_request(site: Site, answer: Answer, found: dict) -> str:
    """Why Django itself refused a request, as it logs it."""
    for line in found.get("logged", []):
        if UNKNOWN_HOST in line and "ALLOWED_HOSTS" in line:
            hosts = ", ".join(found["hosts"]) or "none"
            return (
                f"Django does not know the host {answer.host}; ALLOWED_HOSTS holds {hosts}. Take ALLOWED_HOSTS out of"
                f' "settings_left", or let it hold {answer.host}'
            )
        return line
    return ""
