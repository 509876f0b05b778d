"""`-o FORMAT[=PATH]`, repeatable: stdout is data, stderr is talk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One place to write one format to; no path means stdout."""

    format: str
    path: Path | None


def add_outputs(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """Add `-o`; the first format is the default."""

    def parse(text: str) -> Output:
        name, _, path = text.partition("=")
        if name not in formats:
            raise argparse.ArgumentTypeError(f"{name!r} is not a format; use {', '.join(formats)}")
        return Output(format=name, path=Path(path) if path else None)

    parser.add_argument(
        "-o",
        "--output",
        dest="outputs",
        action="append",
        type=parse,
        metavar="FORMAT[=PATH]",
        help=f"{', '.join(formats)}; repeatable; to stdout unless a path is given",
    )
    parser.set_defaults(default_format=formats[0])


def write_outputs(options: argparse.Namespace, renderers: Mapping[str, Callable[[], str]]) -> None:
    """Render each wanted format once and write it where it was wanted."""
    for output in options.outputs or [Output(format=options.default_format, path=None)]:
        text = renderers[output.format]()
        if output.path is None:
            sys.stdout.write(text)
        else:
            output.path.write_text(text, encoding="utf-8")


def talk(stage: str, text: str) -> None:
    """One line of progress on stderr."""
    sys.stderr.write(f"{stage:<8} {text}\n")
    sys.stderr.flush()
