"""Ship seven bad releases of Florin, one at a time, and check that each is refused for its reason and runs nowhere."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[1]
IDENTITY = (
    "-c",
    "user.name=Florin Developer",
    "-c",
    "user.email=developer@florin.example",
    "-c",
    "commit.gpgsign=false",
)
GIT_TIMEOUT_S = 120
LOCK_TIMEOUT_S = 300
SHIP_TIMEOUT_S = 1800
DENIED, INCOMPLETE = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRelease:
    """One thing that must never be shipped, and the refusal that it has to meet."""

    what: str
    edit: Callable[[Path], None]
    rule: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the pipeline answered. `surprise` is empty when it is what was expected."""

    name: str
    exit_code: int
    rules: tuple[str, ...]
    surprise: str


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of them (default: all): {', '.join(BAD_RELEASES)}"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BAD_RELEASES]:
        parser.error(f"there is no bad release {unknown[0]!r}; there are {', '.join(BAD_RELEASES)}")
    outcomes = [attempt(name, BAD_RELEASES[name]) for name in options.names or BAD_RELEASES]
    print(table(outcomes), flush=True)
    return 1 if any(outcome.surprise for outcome in outcomes) else 0


def attempt(name: str, bad: BadRelease) -> Outcome:
    """Spoil a copy of this checkout's last commit and try to ship that."""
    print(f"\n━━ {name}: {bad.what}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"florin-{name}-") as folder:
        copy, answer = Path(folder) / "florin", Path(folder) / "answer.json"
        spoil(copy, bad)
        exit_code = ship(copy, answer)
        try:
            document = json.loads(answer.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Outcome(name=name, exit_code=exit_code, rules=(), surprise="no verdict was written")
    return Outcome(
        name=name, exit_code=exit_code, rules=refusals(document), surprise=surprise(document, exit_code, bad)
    )


def spoil(copy: Path, bad: BadRelease) -> None:
    """Clone the last commit to `copy`, apply the edit and commit it there: the pipeline ships commits only."""
    # A copy that shares no file with this checkout: nothing done to it can reach the original.
    _run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(copy)], folder=ROOT, timeout_s=GIT_TIMEOUT_S)
    bad.edit(copy)
    _run(["git", "add", "--all"], folder=copy, timeout_s=GIT_TIMEOUT_S)
    _run(["git", *IDENTITY, "commit", "--quiet", "--message", "Change Florin"], folder=copy, timeout_s=GIT_TIMEOUT_S)


def ship(copy: Path, answer: Path) -> int:
    """Run the real command from this checkout, so that the refusal is recorded beside every other decision."""
    command = [sys.executable, "-m", "mintmark.pipelines.cli.main", "ship", "--env", "local", "--source", str(copy)]
    outputs = ["--no-trace", "-o", "human", "-o", f"json={answer}"]
    return subprocess.run([*command, *outputs], cwd=ROOT, check=False, timeout=SHIP_TIMEOUT_S).returncode


def refusals(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the rules that refused, in the verdict's order, each once."""
    decision = document["decision"]
    return tuple(dict.fromkeys(reason["id"] for reason in [*decision["violations"], *decision["incomplete"]]))


def surprise(document: Mapping[str, Any], exit_code: int, bad: BadRelease) -> str:
    """Say what went otherwise than it must, the worst first, or nothing."""
    if document["running"] is not None:
        return "it was deployed"
    if exit_code != bad.exit_code:
        return f"exit {exit_code}, not {bad.exit_code}"
    if document["exit_code"] != exit_code:
        return f"the verdict says exit {document['exit_code']}, the command exited {exit_code}"
    if bad.rule not in refusals(document):
        return f"{bad.rule} did not refuse it"
    return ""


def table(outcomes: Sequence[Outcome]) -> str:
    width = max(len(outcome.name) for outcome in outcomes)
    rows = [
        f"{'✗' if outcome.surprise else '✓'} {outcome.name:<{width}}  exit {outcome.exit_code}  "
        f"{outcome.surprise or 'refused, nothing deployed'}  ({', '.join(outcome.rules) or 'no rule'})"
        for outcome in outcomes
    ]
    return "\n━━ bad releases\n\n" + "\n".join(rows)


def add_vulnerable_dependency(copy: Path) -> None:
    """Werkzeug 3.0.0 can be kept busy by one crafted upload (CVE-2023-46136); the lock pins it like any other."""
    require_werkzeug(copy)
    _run([find_uv_bin(), "lock", "--quiet"], folder=copy, timeout_s=LOCK_TIMEOUT_S)


def require_werkzeug(copy: Path) -> None:
    _replace(copy / "service/pyproject.toml", "\ndependencies = [\n", '\ndependencies = [\n    "werkzeug==3.0.0",\n')


def add_sql_injection(copy: Path) -> None:
    _write(
        copy / "service/src/florin/statement_search.py",
        '''\
        """Finds payments by the merchant's own reference."""

        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import AsyncConnection


        async def payments_by_reference(connection: AsyncConnection, reference: str) -> list[str]:
            query = f"SELECT id FROM payments.payments WHERE reference = '{reference}' ORDER BY id"
            rows = await connection.execute(text(query))
            return [str(row.id) for row in rows]
        ''',
    )


def make_container_privileged(copy: Path) -> None:
    _replace(
        copy / "service/deploy/kubernetes/deployment.yaml",
        "            allowPrivilegeEscalation: false\n",
        "            allowPrivilegeEscalation: true\n            privileged: true\n",
    )


def hard_code_secret(copy: Path) -> None:
    # Put together here, so that this repository itself contains nothing shaped like a key.
    key = "_".join(("sk", "live", "9fQ2mXv7Lc4Tz8Rb1Ny6Kd3W"))
    _write(
        copy / "service/src/florin/acquirer.py",
        f'''\
        """How Florin signs in at the acquirer."""

        ACQUIRER_SECRET_KEY = "{key}"


        def acquirer_headers() -> dict[str, str]:
            return {{"Authorization": f"Bearer {{ACQUIRER_SECRET_KEY}}"}}
        ''',
    )


def add_unparsable_file(copy: Path) -> None:
    _write(
        copy / "service/src/florin/surcharge.py",
        '''\
        """The surcharge of a card scheme."""


        def surcharge(amount_minor: int -> int:
            return amount_minor // 100
        ''',
    )


def open_workflow(copy: Path) -> None:
    """It has the secrets of the repository, starts on what any stranger sends, and trusts a tag that can be moved."""
    _write(
        copy / ".github/workflows/triage.yml",
        """\
        name: triage
        on: pull_request_target
        permissions: {}
        jobs:
          greet:
            runs-on: ubuntu-24.04
            permissions:
              contents: read
            steps:
              - uses: actions/checkout@v4
                with:
                  persist-credentials: false
        """,
    )


def take_hashes_out(copy: Path) -> None:
    """What the index serves under this version may then be anything, and it would be installed all the same."""
    path = copy / "uv.lock"
    text = path.read_text(encoding="utf-8")
    head, found, entry = text.partition('\nname = "anyio"\n')
    entry, following, rest = entry.partition("[[package]]")
    if not found or 'hash = "sha256:' not in entry:
        raise ValueError(f"{path} has no anyio with hashes: adapt the edit in {Path(__file__).name} to it")
    path.write_text(
        head + found + re.sub(r'hash = "sha256:[0-9a-f]{64}", ', "", entry) + following + rest, encoding="utf-8"
    )


BAD_RELEASES: dict[str, BadRelease] = {
    "vulnerable-dependency": BadRelease(
        what="a dependency with a known vulnerability",
        edit=add_vulnerable_dependency,
        rule="deps.known_vulnerability",
        exit_code=DENIED,
    ),
    "sql-injection": BadRelease(
        what="a query put together from what a caller sent",
        edit=add_sql_injection,
        rule="code.dangerous_finding",
        exit_code=DENIED,
    ),
    "privileged-container": BadRelease(
        what="a container that is root on its node",
        edit=make_container_privileged,
        rule="iac.misconfiguration",
        exit_code=DENIED,
    ),
    "hard-coded-secret": BadRelease(
        what="a live key in the source",
        edit=hard_code_secret,
        rule="secrets.hardcoded",
        exit_code=DENIED,
    ),
    "open-workflow": BadRelease(
        what="a workflow that runs what strangers send with the repository's secrets",
        edit=open_workflow,
        rule="workflow.hardening",
        exit_code=DENIED,
    ),
    "unhashed-dependency": BadRelease(
        what="a dependency whose bytes the lock does not pin",
        edit=take_hashes_out,
        rule="deps.supply_chain",
        exit_code=DENIED,
    ),
    "unparsable-file": BadRelease(
        what="a file that no scanner can read",
        edit=add_unparsable_file,
        rule="scan.complete",
        exit_code=INCOMPLETE,
    ),
}


def _write(path: Path, source: str) -> None:
    """Write a new module, given at this file's indentation."""
    if path.exists():
        raise ValueError(f"{path} exists: a bad release adds a file and overwrites none")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source), encoding="utf-8")


def _replace(path: Path, old: str, new: str) -> None:
    """Replace every `old`; an edit that finds nothing would ship a good release and call it bad."""
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{path} has no {old.strip()!r}: adapt the edit in {Path(__file__).name} to it")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _run(command: Sequence[str], *, folder: Path, timeout_s: int) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=timeout_s)


if __name__ == "__main__":
    sys.exit(main())
