"""What a driver is: it starts verified bytes in one kind of place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mintmark.pipelines.build.release import Release
from mintmark.pipelines.errors import ExitCode, InfrastructureError, PipelineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service that answers, and which bytes it was started from."""

    environment: str
    deployment_id: str
    digest: str
    url: str
    pid: int
    folder: str


class Driver(Protocol):
    """Starts and stops releases in one environment. It is handed bytes, never a name that could be moved."""

    def start(self, release: Release, *, deployment_id: str) -> Running:
        """Start the release beside whatever runs, and return once it is ready. Raises `StartFailed`."""
        ...

    def switch(self, running: Running) -> None:
        """Make `running` the current one, and stop the one before it."""
        ...

    def current(self) -> Running | None:
        """What runs now, or nothing."""
        ...

    def stop(self, running: Running) -> None:
        """Stop it; the ledger's database stays."""
        ...


class DeployRefused(PipelineError):
    """Admission found a reason not to run these bytes here; `exit_code` tells denied, incomplete and broken apart."""

    def __init__(self, message: str, *, reason: str, remedy: str, exit_code: ExitCode = ExitCode.DENIED) -> None:
        super().__init__(message, reason=reason, remedy=remedy)
        self.exit_code = exit_code


class StartFailed(InfrastructureError):
    """The release was admitted, and then did not come up."""

    def __init__(self, step: str, *, detail: str, log: Path) -> None:
        super().__init__(f"{step}: {detail}", reason="start_failed", remedy=f"read {log}")
