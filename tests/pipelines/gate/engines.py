"""Engines that misbehave in one way each, for the tests of what the gate makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mintmark.pipelines.gate import canonical
from mintmark.pipelines.gate.interface import Engine


class ScriptedEngine:
    """Answers what it is told to, whatever it is asked."""

    name = "scripted"
    version = "1"

    def __init__(self, answer: bytes | Exception) -> None:
        self._answer = answer

    def evaluate(self, document: bytes) -> bytes:  # noqa: ARG002 - the shape of an engine
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class RewritingEngine:
    """A real engine whose verdict is changed on the way out."""

    name = "rewriting"
    version = "1"

    def __init__(self, engine: Engine, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self._engine, self._change = engine, change

    def evaluate(self, document: bytes) -> bytes:
        return canonical.encode(self._change(json.loads(self._engine.evaluate(document))))


def verdict(decision: str, **changes: object) -> bytes:
    empty: dict[str, object] = {
        "violations": [],
        "incomplete": [],
        "satisfied": [],
        "waived": [],
        "bypassed": [],
        "warnings": [],
    }
    return canonical.encode({"decision": decision, **empty, **changes})
