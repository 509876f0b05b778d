"""What a caller of the payments API may be told before the database is asked."""

from __future__ import annotations

from florin.kit.problems import Problem


class IdempotencyKeyMissing(Problem):
    def __init__(self) -> None:
        super().__init__(
            "idempotency-key-missing",
            title="Idempotency-Key is missing",
            status=400,
            detail="Send an Idempotency-Key header of 1 to 255 characters, a new one for each new intention; a UUID "
            "is best, and nothing that looks like a card number is taken.",
        )


class IdempotencyKeyReused(Problem):
    def __init__(self) -> None:
        super().__init__(
            "idempotency-key-reused",
            title="Idempotency-Key was used with another body",
            status=422,
            detail="Send the first body again to see its answer, or a new key for a new intention.",
        )


class IdempotencyKeyInProgress(Problem):
    def __init__(self) -> None:
        super().__init__(
            "idempotency-key-in-progress",
            title="The first request with this Idempotency-Key is still at work",
            status=409,
            detail="Send the same request again in a moment to see its answer.",
        )


class PaymentNotFound(Problem):
    def __init__(self) -> None:
        super().__init__(
            "unknown-payment", title="Unknown payment", status=404, detail="There is no such payment for this tenant."
        )
