"""`mintmark waiver`: ask for an exception that expires, approve one that somebody else asked for, see how all stand."""

from __future__ import annotations

import argparse
import getpass
import json
import re
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mintmark.pipelines.cli.output import add_outputs, write_outputs
from mintmark.pipelines.cli.person import add_key, check_environment, now, open_desk, repository_of
from mintmark.pipelines.gate import archive
from mintmark.pipelines.locations import Locations, locate
from mintmark.pipelines.people.directory import FILE_NAME, read_directory
from mintmark.pipelines.people.waiver_records import approve_waiver, approved, pending, request_waiver, resolved
from mintmark.pipelines.people.words import Listener
from mintmark.pipelines.waivers import Waiver, approve, check_object, load_waivers, standing, write_waiver
from mintmark.pipelines.workshop import ORIGIN_FILE, open_reader, pack_in_force

FOLDER = Path("waivers")
MAX_DAYS = 90
WARN_S = 7 * 24 * 3600


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    match options.verb:
        case "new":
            return _new(options)
        case "approve":
            return _approve(options)
        case _:
            waivers = _all(options.repository)
            write_outputs(options, {"human": lambda: _human(waivers), "json": lambda: _json(waivers)})
            return 0


def _new(options: argparse.Namespace) -> int:
    check_object(
        pack_in_force(Path.cwd()), rule=options.rule, fingerprint=options.fingerprint, environment=options.environment
    )
    environment = check_environment(options.environment)
    moment = now().replace(microsecond=0)
    expires = moment + options.duration
    if options.record:
        desk = open_desk(options.key)
        identity, recorded = request_waiver(
            desk.log,
            desk.signer,
            rule=options.rule,
            fingerprint=options.fingerprint,
            environment=environment,
            reason=options.reason,
            person=desk.person,
            repository=repository_of(options.repository),
            expires=expires,
            now=moment,
        )
        place = f"{identity}: entry {recorded.index}"
    else:
        identity = f"{moment:%Y%m%d}-{options.rule.replace('.', '-')}-{secrets.token_hex(3)}"
        waiver = Waiver(
            id=identity,
            rule=options.rule,
            fingerprint=options.fingerprint,
            environment=environment,
            reason=options.reason,
            requested_by=options.by,
            requested=moment,
            expires=expires,
        )
        place = str(write_waiver(FOLDER, waiver))
    how = f"mintmark waiver approve {identity}{' --record' if options.record else ''}"
    sys.stdout.write(f"{place}: until {expires:%Y-%m-%d}; somebody else runs `{how}`\n")
    return 0


def _approve(options: argparse.Namespace) -> int:
    if not options.record:
        path = approve(FOLDER, options.id, options.by)
        sys.stdout.write(f"{path}: approved by {options.by}; commit it\n")
        return 0
    desk = open_desk(options.key)
    recorded = approve_waiver(
        desk.log,
        desk.signer,
        desk.listener,
        options.id,
        person=desk.person,
        repository=repository_of(options.repository),
        now=now(),
    )
    sys.stdout.write(f"entry {recorded.index}: {options.id} approved by {desk.person}\n")
    return 0


def _all(repository: str | None) -> list[dict[str, Any]]:
    """Waivers of files and of the log, with how they stand, by environment and end."""
    locations = locate(Path.cwd())
    directory = read_directory(Path.cwd() / FILE_NAME)
    waivers = resolved(directory, load_waivers(FOLDER))
    if (locations.evidence / ORIGIN_FILE).exists():
        listener = Listener(log=open_reader(locations), directory=directory, pack=pack_in_force(Path.cwd()))
        uri = repository_of(repository)
        waivers += [*approved(listener, repository=uri)[0], *pending(listener, repository=uri)]
    found, as_of = _found_last(locations), now()
    return [
        {**waiver, "standing": standing(waiver, as_of=as_of, warn_s=WARN_S, present=found.get(waiver["environment"]))}
        for waiver in sorted(waivers, key=lambda item: (item["environment"], item["expires_epoch"], item["id"]))
    ]


def _found_last(locations: Locations) -> dict[str, frozenset[str]]:
    """By environment the fingerprints of the newest input that the gate was given here."""
    newest: dict[str, tuple[int, frozenset[str]]] = {}
    for _, content in archive.kept_inputs(locations.decisions):
        document = json.loads(content)
        fingerprints = frozenset(
            finding["fingerprint"] for scan in document["scans"] for finding in scan.get("findings", [])
        )
        name, at = document["environment"]["name"], document["as_of_epoch"]
        newest[name] = max(newest.get(name, (0, frozenset())), (at, fingerprints), key=lambda item: item[0])
    return {name: fingerprints for name, (_, fingerprints) in newest.items()}


def _human(waivers: Sequence[dict[str, Any]]) -> str:
    lines = [
        f"{waiver['id']}   {waiver['environment']}   {waiver['rule']}   {waiver['fingerprint']}   "
        f"until {datetime.fromtimestamp(waiver['expires_epoch'], UTC):%Y-%m-%d}   {waiver['means']}   "
        f"{waiver['standing']}"
        for waiver in waivers
    ]
    return "\n".join([*lines, f"{len(waivers)} waivers"]) + "\n"


def _json(waivers: Sequence[dict[str, Any]]) -> str:
    return json.dumps(list(waivers), indent=2, sort_keys=True) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark waiver", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new", help="ask for an exception")
    new.add_argument("rule", help="such as deps.known_vulnerability")
    new.add_argument("--fingerprint", required=True, help="of exactly one finding; there are no wildcards")
    new.add_argument("--environment", required=True)
    new.add_argument("--for", dest="duration", required=True, type=_duration, metavar="7d")
    new.add_argument("--reason", required=True)
    agree = verbs.add_parser("approve", help="approve what somebody else asked for")
    agree.add_argument("id")
    for verb in (new, agree):
        verb.add_argument("--by", default=getpass.getuser().lower(), metavar="ID", help="who you are (default: login)")
        verb.add_argument("--record", action="store_true", help="sign it with your own key, and record it in the log")
        add_key(verb)
    listing = verbs.add_parser("list", help="what is in force, what ends soon, and what covers nothing")
    add_outputs(listing, ("human", "json"))
    for verb in (new, agree, listing):
        verb.add_argument("--repository", metavar="URI", help="default: that of mintmark.toml")
    return parser


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]?)d", text)
    if match is None or int(match[1]) > MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r}: 1d to {MAX_DAYS}d")
    return timedelta(days=int(match[1]))
