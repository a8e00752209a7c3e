"""shortstop: what a server does with its sites. Run it as root; `shortstop --help` lists the commands."""

import argparse
import json
import os
import sys
from pathlib import Path

import deploy
import release
from report import Report
from site_config import Site, sites


def main() -> int:
    parser = argparse.ArgumentParser(prog="shortstop", description="Releases of the Django sites on this server.")
    commands = parser.add_subparsers(dest="command", required=True)

    plan = commands.add_parser("plan", help="say which release a source and today's configuration make")
    plan.add_argument("site")
    plan.add_argument("--source", required=True, metavar="SHA256", help="the hash of the source's archive")

    run = commands.add_parser("deploy", help="make an archive the live release (started as a unit of systemd, which is the lock)")
    run.add_argument("site")
    run.add_argument("--source", required=True, metavar="SHA256", help="the hash of the source's archive")
    run.add_argument("--archive", required=True, type=Path, help="the archive, a compressed tar; removed in the end")
    run.add_argument("--report", required=True, type=Path, help="where to write what happens, a JSON object a line")

    commands.add_parser("status", help="list the sites and what is live")

    arguments = parser.parse_args()
    os.umask(0o022)
    if arguments.command == "plan":
        site = Site.load(arguments.site)
        print(json.dumps({"release": release.identify(site, arguments.source), "live": site.live or ""}))
    elif arguments.command == "status":
        for site in sites():
            print(f"{site.name}: {site.live or 'nothing is live yet'}")
    else:
        site = Site.load(arguments.site)
        with Report(arguments.report, release.secrets(site)) as report:
            try:
                return deploy.deploy(site, arguments.source, arguments.archive, report)
            finally:
                arguments.archive.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
