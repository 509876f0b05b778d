"""`mintmark`: finds the command, runs it, and turns what went wrong into one message and one exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mintmark.pipelines.version import __version__

# name → (module, one line of help); nothing is imported until its command runs
COMMANDS: dict[str, tuple[str, str]] = {
    "ship": ("ship", "build, scan, judge, sign, record and deploy a release"),
    "scan": ("scan", "run the scanners, or read reports made elsewhere, and judge nothing"),
    "deploy": ("deploy", "deploy a digest that was allowed, after verifying it again"),
    "bind-ledger": ("bind_ledger", "bind what the ledger posted to the evidence log"),
    "trace": ("trace", "follow a posting to its build, or a build to its postings"),
    "verify": ("verify", "check the evidence log, offline"),
    "verify-bundle": ("verify_bundle", "check one signed statement about a file or digest, offline"),
    "export": ("export", "write the evidence log as a directory that anybody can verify"),
    "evidence": ("evidence", "search and show what was recorded"),
    "store": ("store", "migrate the evidence store, drain its inbox, recover it"),
    "explain": ("explain", "say why a decision was made, or what a rule asks"),
    "approve": ("approve", "approve a release for an environment, with your own key"),
    "reject": ("reject", "say no to a release, or take back an approval"),
    "waiver": ("waiver", "ask for, approve and list exceptions that expire"),
    "break-glass": ("break_glass", "ask for or approve an emergency release"),
    "review": ("review", "list and close what a used break-glass left to be looked at"),
    "controls": ("controls", "say which requirements the rules speak to, and which none does"),
    "policy": ("policy", "check, test, build, sign and compare policy packs, replay decisions"),
    "witness": ("witness", "watch other logs grow, and cosign that they did"),
    "env": ("env", "say what runs in an environment, or stop it"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`ExitCode`)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    match words:
        case ["--version" | "-V"]:
            sys.stdout.write(f"mintmark {__version__}\n")
            return 0
        case [] | ["--help" | "-h" | "help"]:
            sys.stdout.write(_usage())
            return 0 if words else 2
        case [name, *rest] if name in COMMANDS:
            return _run(name, rest)
        case _:
            from mintmark.pipelines.errors import nearest

            sys.stderr.write(f"mintmark: there is no command {words[0]!r}{nearest(words[0], COMMANDS)}\n\n{_usage()}")
            return 2


def _run(name: str, words: list[str]) -> int:
    import importlib

    from mintmark.pipelines.cli.failures import guarded

    module = importlib.import_module(f"mintmark.pipelines.cli.{COMMANDS[name][0]}")
    return guarded(module.run, words)


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "usage: mintmark COMMAND [OPTION ...]\n\n" + "\n".join(lines) + "\n\n`mintmark COMMAND --help` says more.\n"


if __name__ == "__main__":
    raise SystemExit(main())
