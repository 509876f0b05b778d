"""Where Mintmark keeps things: evidence beside the checkout, keys and archived checkpoints away from it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Locations:
    """
    The folders of one installation.

    Keys and archived checkpoints lie outside `state`, so that whoever can edit the evidence store cannot, by the same
    means, sign or roll back the checkpoints that speak against the edit.
    """

    state: Path
    keys: Path
    checkpoints: Path
    cache: Path

    @property
    def evidence(self) -> Path:
        return self.state / "evidence"

    @property
    def store_url(self) -> str:
        """The evidence store: `MINTMARK_STORE_URL`, or a SQLite file in the folder of the evidence."""
        return os.environ.get("MINTMARK_STORE_URL") or f"sqlite:///{self.evidence / 'log.sqlite3'}"

    @property
    def releases(self) -> Path:
        return self.state / "releases"

    @property
    def reports(self) -> Path:
        return self.state / "reports"

    @property
    def scans(self) -> Path:
        """Results of scans by the content that they are of."""
        return self.cache / "scans"

    @property
    def decisions(self) -> Path:
        """Gate inputs and policy packs by their digests, from which a decision can be made again."""
        return self.state / "decisions"

    @property
    def policies(self) -> Path:
        """Which policy was accepted last: beside the archived checkpoints, so that no checkout can roll it back."""
        return self.checkpoints.parent / "policies"

    def environment(self, name: str) -> Path:
        return self.state / "environments" / name


def locate(checkout: Path) -> Locations:
    """Return the folders for a checkout; `MINTMARK_STATE` and the XDG variables move them."""
    home = Path.home()
    state = Path(os.environ.get("MINTMARK_STATE") or checkout / ".mintmark")
    return Locations(
        state=state.absolute(),
        keys=_xdg("XDG_CONFIG_HOME", home / ".config") / "keys",
        checkpoints=_xdg("XDG_STATE_HOME", home / ".local" / "state") / "checkpoints",
        cache=_xdg("XDG_CACHE_HOME", home / ".cache"),
    )


def _xdg(variable: str, default: Path) -> Path:
    """XDG Base Directory specification: a relative value is invalid and ignored."""
    value = os.environ.get(variable, "")
    base = Path(value) if Path(value).is_absolute() else default
    return base / "mintmark"
