"""Turns what went wrong into one message on stderr and one exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence


def guarded(run: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    """Run a command. Only bugs show a traceback, and they exit 5: a gate that crashed did not allow anything."""
    from mintmark.evidence.errors import EvidenceError
    from mintmark.pipelines.errors import ExitCode, PipelineError

    try:
        return run(words)
    except PipelineError as failure:
        _say(str(failure), reason=failure.reason, remedy=failure.remedy)
        return int(failure.exit_code)
    except EvidenceError as failure:
        _say(str(failure), reason=getattr(failure, "reason", "evidence"), remedy=getattr(failure, "remedy", ""))
        return int(getattr(failure, "exit_code", ExitCode.INTEGRITY))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except KeyboardInterrupt:
        _say("interrupted", reason="interrupted", remedy="run it again; what was recorded stays recorded")
        return 130
    except Exception as failure:
        known = getattr(failure, "exit_code", None)
        if known is None:
            raise
        _say(str(failure), reason=getattr(failure, "reason", "failed"), remedy=getattr(failure, "remedy", ""))
        return int(known)


def _say(message: str, *, reason: str, remedy: str) -> None:
    """Messages quote tools and addresses, and what a console said is kept: no secret goes there."""
    from mintmark.evidence.confidential import redact

    sys.stderr.write(f"mintmark: {redact(message)}\n  reason  {reason}\n")
    if remedy:
        sys.stderr.write(f"  fix     {remedy}\n")
