"""`mintmark policy`: check, test, build, sign and compare policy packs, and replay what they decided."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mintmark.pipelines.cli.output import add_outputs
from mintmark.pipelines.configuration import FILE_NAME as CONFIGURATION_FILE
from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.errors import ExitCode
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.locations import locate
from mintmark.pipelines.workshop import open_gate


def run(words: Sequence[str]) -> int:
    from mintmark.pipelines.cli import policy_decisions, policy_signatures

    options = _parser().parse_args(words)
    verbs = {
        "check": _check,
        "test": _test,
        "build": _build,
        "sign": policy_signatures.sign,
        "verify": policy_signatures.verify,
        "diff": policy_decisions.diff,
        "replay": policy_decisions.replay,
    }
    return verbs[options.verb](options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mintmark policy", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("check", help="verify the pack, run the canaries, say who signed it")
    test = verbs.add_parser("test", help="run the tests beside the rules, with OPA")
    build = verbs.add_parser("build", help="make a pack of our rules and your own, with OPA")
    build.add_argument("--with", dest="additions", action="append", default=[], type=Path, metavar="DIR")
    build.add_argument("--alone", action="store_true", help="leave our rules out: yours take their place")
    build.add_argument("-o", "--out", required=True, type=Path, metavar="DIR", help="the folder of the new pack")
    sign = verbs.add_parser("sign", help="vouch for the pack with your own key")
    sign.add_argument("--author", required=True, metavar="ID", help="who wrote the change")
    sign.add_argument("--person", metavar="ID", help="who you are (default: the author)")
    sign.add_argument("--key", type=Path, metavar="PEM", help="your own key (default: ~/.config/mintmark/keys)")
    verify = verbs.add_parser("verify", help="two people signed the pack, and nothing newer was in force here")
    verify.add_argument("--pin", metavar="sha256:…", help="refuse any other pack")
    for verb in (check, test, build, sign, verify):
        verb.add_argument("--pack", type=Path, metavar="DIR", help="the pack (default: the one in use)")
    for verb in (check, verify):
        verb.add_argument(
            "--trust", type=Path, metavar="TOML", help="whose keys count (default: the log's trust policy)"
        )
        verb.add_argument(
            "--holder", action="append", default=[], type=_holder, metavar="KEY=ID", help="which person holds a key"
        )
    diff = verbs.add_parser("diff", help="what another pack would change, in rules, parameters and decisions")
    diff.add_argument("old", metavar="DIR|sha256:…")
    diff.add_argument("new", metavar="DIR|sha256:…")
    add_outputs(diff, ("human", "json", "markdown"))
    _add_replay(verbs.add_parser("replay", help="judge a recorded decision again; its verdict must come out"))
    return parser


def _add_replay(replay: argparse.ArgumentParser) -> None:
    replay.add_argument("decision", nargs="?", metavar="DECISION", help="the id of a recorded decision")
    replay.add_argument("--input", type=Path, metavar="FILE", help="its gate input, or one to judge without a record")
    replay.add_argument("--pack", type=Path, metavar="DIR", help="the pack (default: the one that the decision pins)")
    replay.add_argument("--engine", choices=("wasm", "opa"), default="wasm")
    replay.add_argument("--opa-url", default="http://127.0.0.1:8181", metavar="URL", help="with --engine opa")
    replay.add_argument("--times", type=_positive, default=2, metavar="N", help="how often (default: 2)")
    add_outputs(replay, ("human", "json"))


def _check(options: argparse.Namespace) -> int:
    from mintmark.pipelines.cli.policy_signatures import describe

    if options.pack is None and (Path.cwd() / CONFIGURATION_FILE).exists():
        gate, pack = open_gate(load_project(Path.cwd()), locate(Path.cwd()), environment=None, warn=lambda _: None)
    else:
        from mintmark.pipelines.gate.wasm import WasmEngine

        pack = PolicyPack.locate(options.pack)
        gate = Gate.open(pack, WasmEngine(pack))
    for rule in sorted(pack.rules.values(), key=lambda rule: rule.id):
        sys.stdout.write(f"{rule.id:<28} refused its canary   {rule.title}\n")
    sys.stdout.write(_compiled(pack))
    sys.stdout.write(describe(options, pack, now=datetime.now(UTC)))
    _tell_what_differs(pack)
    sys.stdout.write(f"{len(pack.rules)} rules, {gate.engine.name}, policy sha256:{pack.digest}\n")
    return 0


def _compiled(pack: PolicyPack) -> str:
    """Whether the WebAssembly is that of the Rego, which only OPA can tell; raises `PolicyTampered` where it is not."""
    from mintmark.pipelines.gate import build, opa

    try:
        binary = opa.find(pack.opa_version)
    except opa.OpaFailed as missing:
        return f"compiled  not compared with the Rego: {missing}\n"
    build.require_compiled(binary, pack)
    return f"compiled  from the Rego that is in the pack, by OPA {pack.opa_version}\n"


def _tell_what_differs(pack: PolicyPack) -> None:
    """Whatever decides otherwise than the pack that came with us does: a parameter can undo a rule."""
    from mintmark.pipelines.gate import difference_page
    from mintmark.pipelines.gate.difference import compare
    from mintmark.pipelines.gate.wasm import WasmEngine

    ours = PolicyPack.locate()
    if ours.digest != pack.digest:
        found = compare(ours, pack, engines=(WasmEngine(ours), WasmEngine(pack)), inputs={})
        sys.stderr.write(difference_page.warnings(found))


def _test(options: argparse.Namespace) -> int:
    from mintmark.pipelines.gate import opa

    pack = PolicyPack.locate(options.pack)
    binary = opa.find(pack.opa_version)
    corpus = pack.root.parent / "tests" / "policies" / "corpus"
    found = opa.run_tests(binary, pack.root, corpus=corpus if corpus.is_dir() else None)
    for name in found.failed:
        sys.stdout.write(f"FAILED   {name}\n")
    for path, lines in sorted(found.uncovered.items()):
        sys.stdout.write(f"untested {path}: {lines} lines\n")
    coverage = f", {found.coverage_percent:.1f} % of the lines" if found.ok else ""
    sys.stdout.write(f"{found.passed} passed, {len(found.failed)} failed{coverage}, OPA {pack.opa_version}\n")
    return int(ExitCode.OK if found.ok else ExitCode.DENIED)


def _build(options: argparse.Namespace) -> int:
    from mintmark.pipelines.gate.compose import compose

    ours = PolicyPack.locate(options.pack)
    pack = compose(ours.root, options.additions, options.out, with_our_rules=not options.alone)
    sys.stdout.write(f"{options.out}: {len(pack.rules)} rules, policy sha256:{pack.digest}\n")
    sys.stderr.write(f"compare  mintmark policy diff {ours.root} {options.out}\n")
    return 0


def _positive(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,6}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _holder(text: str) -> tuple[str, str]:
    key, _, person = text.partition("=")
    if not re.fullmatch("[0-9a-f]{64}", key) or not person:
        raise argparse.ArgumentTypeError(f"{text!r}: the id of a key as in the trust policy, =, and a person's id")
    return key, person
