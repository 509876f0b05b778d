"""`mintmark policy diff` and `replay`: what a pack would decide, and whether it decides as it did."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mintmark.pipelines.cli.output import write_outputs
from mintmark.pipelines.errors import ExitCode, UsageError
from mintmark.pipelines.gate import archive, canonical, difference_page
from mintmark.pipelines.gate.decide import Gate
from mintmark.pipelines.gate.difference import compare
from mintmark.pipelines.gate.interface import Engine
from mintmark.pipelines.gate.pack import PolicyPack
from mintmark.pipelines.gate.replay import Replayed
from mintmark.pipelines.gate.replay import replay as replay_decision
from mintmark.pipelines.gate.wasm import WasmEngine
from mintmark.pipelines.locations import locate
from mintmark.pipelines.proof import prove
from mintmark.pipelines.workshop import open_reader


def diff(options: argparse.Namespace) -> int:
    folder = _decisions()
    old, new = _pack(options.old, folder), _pack(options.new, folder)
    inputs = {str(digest): content for digest, content in archive.kept_inputs(folder)}
    found = compare(old, new, engines=(WasmEngine(old), WasmEngine(new)), inputs=inputs)
    write_outputs(
        options,
        {
            "human": lambda: difference_page.human(found),
            "markdown": lambda: difference_page.markdown(found),
            "json": lambda: json.dumps(found.to_json(), indent=2, sort_keys=True) + "\n",
        },
    )
    return 0


def replay(options: argparse.Namespace) -> int:
    if options.decision is None and options.input is None:
        raise UsageError(
            "nothing to replay", reason="usage", remedy="name a recorded decision, or a gate input with --input"
        )
    found = _recorded(options) if options.decision else _anew(options)
    write_outputs(options, {"human": lambda: _human(found, options), "json": lambda: _json(found, options)})
    return int(ExitCode.OK if found.identical else ExitCode.INTEGRITY)


def _recorded(options: argparse.Namespace) -> Replayed:
    predicate = _predicate(options.decision)
    folder = _decisions()
    content = archive.load_input(folder, predicate["input_digest"]) if options.input is None else _read(options.input)
    pack = (
        archive.load_pack(folder, predicate["policy_digest"])
        if options.pack is None
        else PolicyPack.load(options.pack, expected_digest=predicate["policy_digest"])
    )
    if f"sha256:{canonical.sha256(content)}" != predicate["input_digest"]:
        raise UsageError(
            f"{options.input}: not the input of decision {options.decision}, which is {predicate['input_digest']}",
            reason="another_input",
            remedy="name the file that the decision was made from",
        )
    return replay_decision(
        predicate, content=content, pack=pack, engine=lambda pack: _engine(options, pack), times=options.times
    )


def _anew(options: argparse.Namespace) -> Replayed:
    """Without a record the first verdict is what the others are compared with."""
    content, pack = _read(options.input), PolicyPack.locate(options.pack)
    engine = _engine(options, pack)
    first = Gate.open(pack, engine).judge(content).predicate()
    return replay_decision(first, content=content, pack=pack, engine=lambda _: engine, times=options.times)


def _predicate(decision: str) -> Mapping[str, Any]:
    """What the log has under this id, verified from its stored bytes."""
    log = open_reader(locate(Path.cwd()))
    for row in reversed(log.search(kind="decision", ref=f"decision:{decision}")):
        proven = prove(log, row.index, kind="decision")
        if proven.run.id == decision:
            return proven.predicate
    raise UsageError(
        f"there is no recorded decision {decision!r}",
        reason="unknown",
        remedy="see `mintmark evidence search --kind decision`",
    )


def _engine(options: argparse.Namespace, pack: PolicyPack) -> Engine:
    if options.engine == "wasm":
        return WasmEngine(pack)
    from mintmark.pipelines.gate.opa_server import OpaServerEngine

    return OpaServerEngine(pack, options.opa_url)


def _pack(text: str, folder: Path) -> PolicyPack:
    if re.fullmatch("sha256:[0-9a-f]{64}", text):
        return archive.load_pack(folder, text)
    return PolicyPack.locate(Path(text))


def _decisions() -> Path:
    return locate(Path.cwd()).decisions


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise UsageError(f"{path}: {cause.strerror}", reason="unreadable", remedy="name a readable file") from cause


def _human(found: Replayed, options: argparse.Namespace) -> str:
    verdict = json.loads(found.found)
    lines = [
        f"{'IDENTICAL' if found.identical else 'DIFFERENT'}  {options.decision or options.input}",
        f"  judged   {found.times} times, {found.engine}",
        f"  verdict  {verdict['decision']}, sha256:{canonical.sha256(found.found)}",
        f"  input    sha256:{found.input_digest}",
        f"  policy   sha256:{found.policy_digest}",
    ]
    if not found.identical:
        lines.append(f"  differs  {', '.join(found.differing)}")
        lines.append(f"  recorded {json.loads(found.recorded)['decision']}, sha256:{canonical.sha256(found.recorded)}")
    return "\n".join(lines) + "\n"


def _json(found: Replayed, options: argparse.Namespace) -> str:
    document = {
        "decision": options.decision,
        "identical": found.identical,
        "differing": list(found.differing),
        "times": found.times,
        "engine": found.engine,
        "input_digest": f"sha256:{found.input_digest}",
        "policy_digest": f"sha256:{found.policy_digest}",
        "recorded": json.loads(found.recorded),
        "found": json.loads(found.found),
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
