"""Why the gate could not be opened, or could not decide. A refusal by the policy is no error: it is a `Decision`."""

from __future__ import annotations

from pathlib import Path

from mintmark.pipelines.errors import ExitCode, InfrastructureError, IntegrityError, UsageError


class DocumentInvalid(UsageError):
    """What was to be judged is not a gate input: `where` is the JSON pointer to the first thing wrong with it."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"the gate input is malformed at {where or '/'}: {problem}",
            reason="malformed",
            remedy="build it with build_input, or compare it with policies/schemas/gate-input.schema.json",
        )
        self.where, self.problem = where, problem


class PackNotFound(UsageError):
    """There is no policy pack where one was looked for."""

    def __init__(self, looked_in: tuple[Path, ...]) -> None:
        places = ", ".join(str(place) for place in looked_in)
        super().__init__(
            f"no policy pack (a folder with bundle/manifest.json) in {places}",
            reason="pack_not_found",
            remedy="name the folder of the pack, or install mintmark again",
        )
        self.looked_in = looked_in


class PolicyTampered(IntegrityError):
    """A file of the policy pack is not the one that its manifest names, or is not named at all."""

    def __init__(self, path: str, problem: str, *, reason: str = "policy_tampered") -> None:
        super().__init__(
            f"policy pack: {path}: {problem}",
            reason=reason,
            remedy="restore the pack from a source you trust; after a change of yours, run scripts/build_policies.py",
        )
        self.path = path


class PolicyReachesOut(PolicyTampered):
    """The policy calls or reads what is not of the pack and the input: a verdict that nobody could repeat."""

    def __init__(self, path: str, reached: str) -> None:
        super().__init__(path, f"it uses {reached}, which is not the policy's to use", reason="policy_reaches_out")
        self.remedy = "take the call out: network, clock, randomness and environment are no part of a decision"
        self.reached = reached


class PolicyNotVouchedFor(IntegrityError):
    """
    Nobody, or too few, signed this policy pack, or they signed a newer one before.

    `reason` is `policy_unsigned`, `policy_two_person` or `policy_rollback`.
    """

    def __init__(self, problem: str, *, reason: str, remedy: str) -> None:
        super().__init__(f"policy pack: {problem}", reason=reason, remedy=remedy)


class GateWillNotOpen(IntegrityError):
    """The live policy did not refuse what it must refuse, or refused what it must allow, so it decides nothing."""

    def __init__(self, canary: str, problem: str) -> None:
        super().__init__(
            f"the gate stays shut: canary {canary}: {problem}",
            reason="gate_will_not_open",
            remedy="the policy that runs is not the one that was tested: restore the pack, or the server's policies",
        )
        self.canary = canary


class EngineUnavailable(InfrastructureError):
    """The policy engine could not be reached or started; a later try may succeed."""

    def __init__(self, engine: str, problem: str) -> None:
        super().__init__(
            f"policy engine {engine} is unavailable: {problem}",
            reason="engine_unavailable",
            remedy="start the engine, or judge in process by leaving the server's address out of the configuration",
        )
        self.engine = engine


class NoDecision(InfrastructureError):
    """The engine ran and gave nothing that can be understood as a verdict. It is never read as an ALLOW."""

    exit_code = ExitCode.INFRASTRUCTURE

    def __init__(self, engine: str, problem: str) -> None:
        super().__init__(
            f"policy engine {engine} gave no decision: {problem}",
            reason="no_decision",
            remedy="run `mintmark doctor`; the input is kept, so that the decision can be made again from it",
        )
        self.engine = engine
