# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits with a limit, and shows what is left of it."""

from __future__ import annotations

import time


class StillWaiting(Exception):
    """What was waited for did not happen in time: a sentence without its subject."""


def wait(until, look, limit, pause, say):
    """Looks until there is something, which is returned. `look` gives it, or None, and the state that is still waited in. Times are in seconds."""
    end = time.monotonic() + limit
    while True:
        found, state = look()
        if found is not None:
            return found
        left = end - time.monotonic()
        if left <= 0:
            raise StillWaiting(f"waited {limit} s until {until}, but {state}")
        say(f"waiting until {until}; {state}; {left:.0f} s left")
        time.sleep(min(pause, left))
