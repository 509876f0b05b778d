"""`mintmark witness`: watch logs grow, and cosign their checkpoints for everyone who does not trust them alone."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from mintmark.evidence.errors import NoteError
from mintmark.evidence.log_policy import LogPolicy, parse_log_policy
from mintmark.evidence.witness.state import WitnessState
from mintmark.pipelines.cli.output import talk
from mintmark.pipelines.errors import InfrastructureError, UsageError


def run(words: Sequence[str]) -> int:
    options = _parser().parse_args(words)
    state = WitnessState(folder=options.state)
    return _new_key(state, options.name) if options.verb == "new-key" else _serve(state, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark witness", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    new_key = verbs.add_parser("new-key", help="make a witness, and print the key to give to the logs")
    serve = verbs.add_parser("serve", help="answer C2SP tlog-witness requests")
    for verb in (new_key, serve):
        verb.add_argument("--state", type=Path, required=True, metavar="DIR", help="its key and what it has seen")
    new_key.add_argument("--name", required=True, help="such as witness.example.com/w1; it stands in every cosignature")
    serve.add_argument("--name", help="refuse to serve a key of another name")
    serve.add_argument(
        "--policy",
        type=Path,
        required=True,
        metavar="FILE",
        help="C2SP tlog-policy; its log lines are what is cosigned",
    )
    serve.add_argument("--listen", type=_address, default=("127.0.0.1", 7380), metavar="HOST:PORT")
    return parser


def _new_key(state: WitnessState, name: str) -> int:
    try:
        signer = state.create(name)
    except NoteError as cause:
        raise UsageError(
            str(cause), reason="name_invalid", remedy="choose a name like witness.example.com/w1"
        ) from cause
    sys.stdout.write(f"{signer.vkey}\n")
    return 0


def _serve(state: WitnessState, options: argparse.Namespace) -> int:
    try:
        from mintmark.evidence.witness.server import Witness, http_server
    except ModuleNotFoundError as cause:
        raise UsageError(
            f"{cause.name} is not installed", reason="extra_missing", remedy="pip install 'mintmark[witness]'"
        ) from cause
    policy = _policy(options.policy)
    signer = state.open()
    if options.name not in {None, signer.name}:
        raise UsageError(
            f"{options.state} is the witness {signer.name}, not {options.name}",
            reason="name_mismatch",
            remedy="name the folder that belongs to this witness",
        )
    host, port = options.listen
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as cause:
        raise InfrastructureError(
            f"cannot listen on {host}:{port}: {cause}", reason="cannot_listen", remedy="choose another --listen"
        ) from cause
    talk("witness", f"{signer.vkey}")
    talk("logs", ", ".join(sorted({log.key.name for log in policy.logs})))
    talk("listens", f"on http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}")
    http_server(Witness(state=state, signer=signer, policy=policy)).run(sockets=[listening])
    return 0


def _policy(path: Path) -> LogPolicy:
    try:
        policy = parse_log_policy(path.read_bytes())
    except OSError as cause:
        raise UsageError(f"{path}: {cause}", reason="log_policy", remedy="name a policy file with --policy") from cause
    if not policy.logs:
        raise UsageError(
            f"{path} has no log line", reason="log_policy", remedy="add `log <key>` for each log to cosign"
        )
    return policy


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
