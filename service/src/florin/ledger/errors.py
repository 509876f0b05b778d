"""What a reader of the ledger may be told."""

from __future__ import annotations

from florin.kit.problems import Problem


class BatchNotFound(Problem):
    def __init__(self, batch: int) -> None:
        super().__init__(
            "unknown-batch",
            title="Unknown batch",
            status=404,
            detail=f"There is no batch {batch}; a posting's entry says which batch it is in, once it is bound.",
        )


class PostingNotFound(Problem):
    def __init__(self, posting_id: str) -> None:
        super().__init__(
            "unknown-posting",
            title="Unknown posting",
            status=404,
            detail=f"There is no posting {posting_id[:40]!r}; a posting's id is its entry and leg, such as 42.1.",
        )
