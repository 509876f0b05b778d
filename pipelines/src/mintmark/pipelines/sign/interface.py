"""What a signer is: it takes a statement and gives a Sigstore bundle."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Signs in-toto statements. It never decides what to say."""

    @property
    def origin(self) -> str:
        """Where the key lives: `local` for a developer's own key, which no protected environment accepts."""
        ...

    @property
    def identity(self) -> str:
        """A pseudonymous id of the signer, such as a key id; never a name or an address."""
        ...

    def sign(self, statement: bytes) -> bytes:
        """Return a Sigstore bundle (v0.3, JSON) whose DSSE envelope holds exactly these bytes."""
        ...
