"""What a server keeps of a site's releases, and what it forgets."""

from __future__ import annotations

import shutil

import records
import static_files
from site_config import Site

KEPT_AT_LEAST = 2  # the live release and the one before it


def forget(site: Site, name: str) -> None:
    """Remove all that one release has, whether it was finished or not."""
    site.service_file(name).unlink(missing_ok=True)
    site.release_environment(name).unlink(missing_ok=True)
    shutil.rmtree(site.jobs_dir(name), ignore_errors=True)
    # First, since without it what is left of the release counts as unfinished.
    records.remove(site, name)
    shutil.rmtree(site.release_dir(name), ignore_errors=True)


def prune(site: Site) -> None:
    """Keep the live release, the one before it, the newest others, and what they use; forget the rest."""
    # These two whatever the clock said: it may have been put back.
    order = dict.fromkeys(name for name in (site.live, records.previous(site), *records.finished(site)) if name)
    kept = list(order)[: max(KEPT_AT_LEAST, site.releases_kept)]
    for name in records.names(site) - set(kept):
        forget(site, name)
    venvs = {(site.release_dir(name) / "venv").readlink().name for name in kept}
    for venv in (site.root / "venvs").iterdir():
        if venv.name not in venvs:
            shutil.rmtree(venv)
    static_files.prune(site, kept)
