"""Makes the list of imitated names from a list by downloads, the most first: `popular_packages.py RANKED DATE`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from mintmark.pipelines.scan.popular import look_alike

ROOT = Path(__file__).parent.parent
LIST = ROOT / "pipelines/src/mintmark/pipelines/scan/data/popular-pypi.txt"
POPULAR = 1000
HEAD = """\
# Names of packages on PyPI, canonical (PEP 503): nothing but names. scripts/popular_packages.py makes this file.
# popular: the {popular} most downloaded of {date}. known: of the {ranked} most downloaded, those whose names look like
# one of the popular, so that they are not taken for an imitation.
"""


def select(ranked: Sequence[str], date: str) -> str:
    """Return the file's text; `ranked` are names by downloads, the most first."""
    names = list(dict.fromkeys(canonicalize_name(name) for name in ranked if name.strip()))
    popular, others = names[:POPULAR], names[POPULAR:]
    known = [name for name in others if any(look_alike(name, imitated) for imitated in popular)]
    head = HEAD.format(popular=len(popular), ranked=len(names), date=date)
    return "\n".join([head, "[popular]", *sorted(popular), "", "[known]", *sorted(known), ""])


def main(arguments: Sequence[str]) -> int:
    ranked, date = arguments
    LIST.write_text(select(Path(ranked).read_text(encoding="utf-8").splitlines(), date), encoding="ascii")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
