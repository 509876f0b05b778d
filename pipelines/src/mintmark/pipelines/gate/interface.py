"""What a policy engine is to the gate: bytes in, bytes out, and nothing remembered in between."""

from __future__ import annotations

from typing import Protocol


class Engine(Protocol):
    """
    Evaluates the policy pack that it was made with.

    Two engines over one pack return the same bytes for the same document.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def evaluate(self, document: bytes) -> bytes:
        """Return the verdict as canonical JSON, or raise `EngineUnavailable` or `NoDecision`."""
        ...
