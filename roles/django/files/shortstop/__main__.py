"""shortstop: what a server does with its sites. Run it as root; `shortstop --help` lists the commands."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import audit
import capacity
import deploy
import failed
import hold
import lock
import overview
import programs
import records
import release
import runner
import settle
from report import END, Report, StepFailed, printable
from site_config import Site, sites

LOOK_AGAIN = 2.0  # seconds, well below those after which a run counts as abandoned


def plan(given: argparse.Namespace) -> int:
    """Answer for each site, then how many of them may deploy at once. What is wrong with one site is no error of the others."""
    for name, source in given.sites:
        try:
            site = Site.load(name)
            new = release.identify(site, source)
            answer = {"release": new, "live": site.live or "", "held": hold.holds(site, new, source)}
        except (SystemExit, Exception) as error:
            is_sentence = isinstance(error, (SystemExit, StepFailed))
            answer = {"error": str(error).removeprefix("shortstop: ") if is_sentence else f"{type(error).__name__}: {error}"}
        print(json.dumps({"site": name, **answer}))
    print(json.dumps({"at_once": capacity.at_once()}))
    return 0


def name_and_hash(word: str) -> tuple[str, str]:
    name, _sign, source = word.partition("=")
    return name, source


def start(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    try:
        if given.action == "deploy":
            words = [f"--source={given.source}", f"--revision={given.revision}", *(["--no-migrate"] if given.no_migrate else [])]
        else:
            words = [f"--to={given.to}", f"--migrations={given.migrations}"]
        print(json.dumps({"run": lock.start(site, given.by, given.action, *words, archive=given.archive, since=given.since, seconds=given.seconds)}))
    except lock.Busy as busy:
        print(json.dumps({"busy": str(busy), "followed": busy.followed, "abandoned": busy.abandoned, "since": busy.since}))
    return 0


def run(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    site.hidden.update(release.secrets(site))
    with Report(given.report, site.hidden) as report:
        if given.action == "rollback":
            return deploy.rollback(site, given.to or None, report, by=given.by, migrations=given.migrations)
        try:
            return deploy.deploy(site, given.source, given.archive, report, revision=given.revision, by=given.by, migrates=not given.no_migrate)
        finally:
            given.archive.unlink(missing_ok=True)


def follow(given: argparse.Namespace) -> int:
    for name, line in lock.follow(dict(given.runs), given.seconds):
        print(json.dumps({"run": name, **line}), flush=True)
    return 0


def run_and_lines(word: str) -> tuple[str, int]:
    name, _sign, after = word.partition("=")
    return name, int(after)


def by() -> str:
    """Who asks on the server's own shell."""
    return f"{os.environ.get('SUDO_USER', 'root')}@{os.uname().nodename}"


def rollback(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    try:
        begun = lock.start(site, by(), "rollback", f"--to={given.to}", f"--migrations={given.migrations}")
    except lock.Busy as busy:
        raise SystemExit(f"shortstop: another run is under way ({busy}); wait for its end") from None
    after, last = 0, {}
    while last.get("step") != END:
        for _run, last in lock.follow({begun: after}, LOOK_AGAIN):
            after += 1
            if last["step"] != END and last["result"] != "begun":
                # The last line of the report tells of a failure.
                message = "" if last["result"] == "failed" else last["message"]
                print(f"{last['step']:<9} {last['seconds']:5.1f} s  {last['result']}  {message}".rstrip(), flush=True)
    if last["result"] != "live":
        raise SystemExit(f"shortstop: {last['message']}")
    print(f"{site.name}: release {last['release']} is live")
    return 0


def settle_down(given: argparse.Namespace) -> int:
    if given.report:
        settle.after_run(Site.load(given.site), given.report)
        return 0
    failed = 0
    for site in [Site.load(given.site)] if given.site else sites():
        try:
            error = settle.settle(site) if given.locked else lock.settle(site, by())
        except (StepFailed, OSError) as failure:  # the other sites are no worse for it
            error = str(failure)
        if error:
            print(printable(error if given.locked else f"shortstop: {site.name}: {error}"), file=sys.stderr)
            failed = 1
    return failed


def show_releases(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    return _show(overview.releases(site), given.json, f"{site.name} has no release yet")


def show_status(given: argparse.Namespace) -> int:
    rows = [overview.status(site) for site in sites()]
    _show(rows, given.json, "there is no site on this server yet")
    return int(any(not row["state"].startswith(overview.GOOD) for row in rows))


def show_settings(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    changed = overview.settings(site)
    if given.json:
        print(json.dumps(changed))
    else:
        print(printable("\n".join(changed)) if changed else f"the settings of {site.name} are the project's own")
    return 0


def _show(rows: list[dict], as_json: bool, nothing: str) -> int:
    print(json.dumps(rows) if as_json else printable(overview.as_table(rows)) if rows else nothing)
    return 0


def show_failure(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    last = audit.last_failure(site)
    if given.json:
        print(json.dumps(last))
    elif not last:
        print(f"no deploy of {site.name} has failed")
    else:
        print(printable(f"{last['action']} of release {last['release']} by {last['who']}, {last['at']}: {last['message']}"))
    return 0


def _release_to_manage(site: Site, words: list[str]) -> tuple[str, list[str]]:
    """The release that a management command is for, and its words. The option stands before these, as `--release ID` or `--release=ID`."""
    name = site.live
    if words and words[0].partition("=")[0] == "--release":
        _option, is_one_word, value = words[0].partition("=")
        name, words = (value, words[1:]) if is_one_word else ("".join(words[1:2]), words[2:])
        if not records.is_id(name) or name not in records.names(site):
            known = ", ".join(sorted(records.names(site))) or "none"
            raise SystemExit(f"shortstop: {site.name} has no release {name!r}; its releases are: {known}")
        if not failed.can_run(site, name):
            raise SystemExit(f"shortstop: nothing can run in release {name} of {site.name}: it failed while it was built; see shortstop failure {site.name}")
    elif not name:
        other = failed.release(site)
        more = f"; its release {other}, which failed, takes: shortstop manage {site.name} --release {other} …" if other else ""
        raise SystemExit(f"shortstop: nothing of {site.name} is live yet{more}")
    return name, words


def manage(given: argparse.Namespace) -> int:
    site = Site.load(given.site)
    name, arguments = _release_to_manage(site, given.words)
    unit = site.service_file(name).read_text(encoding="utf-8")
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    words = runner.command_line(
        site,
        unit,
        ["/usr/bin/env", f"TERM={os.environ.get('TERM', 'dumb')}", site.release_dir(name) / "venv/bin/python", "manage.py", *arguments],
        runner.working_directory(unit, name),
        site.release_environment(name),
        own=runner.transient_unit(site, "manage"),
        name=f"manage.py {' '.join(arguments[:1])}",
        options=("--collect", "--pty" if terminal else "--pipe"),
    )
    return subprocess.run(words, check=False).returncode if terminal else programs.show(words)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="shortstop", description="The Django sites on this server, and their releases.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, does: object, said: str = "") -> argparse.ArgumentParser:
        # What only Ansible and systemd call is not listed.
        added = commands.add_parser(name, description=said, **({"help": said} if said else {}))
        added.set_defaults(does=does)
        return added

    def choice_of_migrations(of: argparse.ArgumentParser) -> None:
        of.add_argument("--to", default="", metavar="ID", help="the release to go back to; by default the one before the live one")
        of.add_argument(
            "--migrations", default="", choices=["", "keep", "reverse"], metavar="keep|reverse", help="what becomes of those that the older code does not know"
        )

    command("status", show_status, "list the sites: what is live since when, and whether it serves").add_argument("--json", action="store_true")

    listed = command("releases", show_releases, "list a site's releases")
    listed.add_argument("site")
    listed.add_argument("--json", action="store_true")

    back = command("rollback", rollback, "bring an earlier release back, and hold the site there")
    back.add_argument("site")
    choice_of_migrations(back)

    settings = command("settings", show_settings, "list what the live release's settings have that the project's own do not")
    settings.add_argument("site")
    settings.add_argument("--json", action="store_true")

    failing = command("failure", show_failure, "show all that is known of the last deploy or rollback that failed")
    failing.add_argument("site")
    failing.add_argument("--json", action="store_true")

    managing = command("manage", manage, "run a management command with the live release and its environment, or those of another release")
    managing.add_argument("site")
    managing.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="[--release ID] COMMAND …", help="such as: migrate --plan; the release that failed last is kept, too"
    )

    settling = command("settle", settle_down, "set sites right that a killed run left behind; happens at each boot by itself")
    settling.add_argument("site", nargs="?", help="by default all")
    settling.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    settling.add_argument("--locked", action="store_true", help=argparse.SUPPRESS)  # by the unit that this runs in

    planning = command("plan", plan)
    planning.add_argument("sites", nargs="+", type=name_and_hash, metavar="SITE=HASH", help="with the hash of the source's archive")

    for name, does in {"start": start, "run": run}.items():
        running = command(name, does)
        running.add_argument("action", choices=["deploy", "rollback"])
        running.add_argument("site")
        running.add_argument("--by", required=True)
        running.add_argument("--source", help="the hash of the source's archive")
        running.add_argument("--archive", type=Path, help="a compressed tar; removed in the end")
        running.add_argument("--revision", default="", help="of the source, for the record")
        running.add_argument("--no-migrate", action="store_true", help="another host migrates this database")
        choice_of_migrations(running)
        running.add_argument("--since", type=float, default=0.0, help="the time of the first attempt, as the answer to it says")
        running.add_argument("--seconds", type=float, default=lock.PATIENCE, help="how long this attempt may wait for another run")
        running.add_argument("--report", type=Path, help="where to write what happens, a JSON object a line")

    following = command("follow", follow)
    following.add_argument("runs", nargs="+", type=run_and_lines, metavar="RUN=LINES", help="with the number of lines that are known already")
    following.add_argument("--seconds", type=float, default=LOOK_AGAIN)
    return top


def main() -> int:
    given = parser().parse_args()
    os.umask(0o022)
    return given.does(given)


if __name__ == "__main__":
    sys.exit(main())
