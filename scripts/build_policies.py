"""Build the policy pack from its sources, or check that the committed one is what they build. Needs OPA."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mintmark.pipelines.gate import build

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a committed file differs")
    parser.add_argument("--policies", type=Path, default=ROOT / "policies", help="the folder of the pack")
    parser.add_argument("--pages", type=Path, default=ROOT / "docs" / "policies", help="where the policy pages go")
    options = parser.parse_args()
    try:
        differing = build.build(options.policies, pages=options.pages, write=not options.check)
    except build.BuildRefused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    for path in differing:
        print(f"{'stale' if options.check else 'written'}: {path}", file=sys.stderr)
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
