"""A ledger in Florin's PostgreSQL: read row by row without believing its functions, and taken batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from mintmark.evidence.ledger.interface import LedgerEntry, LedgerRefused, LedgerUnavailable, WrongBalance
from mintmark.evidence.ledger.journal import JournalEntry, Posting
from mintmark.evidence.tree import root_of

ROLE = "florin_binder"
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 60
_PAGE = 5_000

_ASSIGN = "SELECT *, assigned_at = now() AS fresh FROM ledger.assign_batch(%s)"
_LEAVES = """
SELECT l.entry_id AS id, l.leaf_hash, l.batch, NULL AS queued_at, e.id AS known, e.created_at, e.kind, e.source,
       e.ref, e.deployment_id, p.leg, a.code, p.currency, p.amount
  FROM ledger.bound_leaf l LEFT JOIN ledger.entry e ON e.id = l.entry_id
  LEFT JOIN ledger.posting p ON p.entry_id = l.entry_id LEFT JOIN ledger.account a ON a.id = p.account_id
 WHERE l.batch = %s ORDER BY l.entry_id, p.leg
"""
# Whatever any table mentions: a posting without its entry, or a leaf without either, must not go unseen.
_EVERYTHING = """
SELECT ids.id, coalesce(q.leaf_hash, l.leaf_hash) AS leaf_hash, l.batch,
       coalesce(q.queued_at, b.oldest_queued_at) AS queued_at, q.entry_id IS NOT NULL AS queued, e.id AS known,
       e.created_at, e.kind, e.source, e.ref, e.deployment_id, p.leg, a.code, p.currency, p.amount
  FROM (SELECT id FROM ledger.entry UNION SELECT entry_id FROM ledger.posting
        UNION SELECT entry_id FROM ledger.leaf_queue UNION SELECT entry_id FROM ledger.bound_leaf) ids
  LEFT JOIN ledger.entry e ON e.id = ids.id
  LEFT JOIN ledger.posting p ON p.entry_id = ids.id LEFT JOIN ledger.account a ON a.id = p.account_id
  LEFT JOIN ledger.leaf_queue q ON q.entry_id = ids.id
  LEFT JOIN ledger.bound_leaf l ON l.entry_id = ids.id
  LEFT JOIN ledger.leaf_batch b ON b.batch = l.batch
 ORDER BY ids.id, p.leg
"""
# Versions of an account count its postings from 1, and each posting wrote down the balance that it left.
_WRONG_BALANCES = """
WITH step AS (
  SELECT account_id, account_version, balance_after,
         sum(amount) OVER (PARTITION BY account_id ORDER BY account_version) AS total,
         row_number() OVER (PARTITION BY account_id ORDER BY account_version) AS number
    FROM ledger.posting
), known AS (
  SELECT account_id, max(number) AS version, sum(total) FILTER (WHERE last) AS posted,
         min(account_version) FILTER (WHERE account_version <> number OR balance_after <> total) AS off
    FROM (SELECT *, lead(number) OVER (PARTITION BY account_id ORDER BY account_version) IS NULL AS last FROM step) s
   GROUP BY account_id
)
SELECT coalesce(a.code, coalesce(b.account_id, k.account_id)::text) AS account, b.posted, b.version,
       coalesce(k.posted, 0) AS should, coalesce(k.version, 0) AS number, k.off
  FROM ledger.account a FULL JOIN ledger.balance b ON b.account_id = a.id
  FULL JOIN known k ON k.account_id = coalesce(a.id, b.account_id)
 WHERE b.posted IS DISTINCT FROM coalesce(k.posted, 0) OR b.version IS DISTINCT FROM coalesce(k.version, 0)
    OR k.off IS NOT NULL
 ORDER BY 1
"""
_AGE = """
SELECT extract(epoch FROM clock_timestamp() - least(
  (SELECT min(queued_at) FROM ledger.leaf_queue),
  (SELECT min(oldest_queued_at) FROM ledger.leaf_batch b
    WHERE b.batch = (SELECT max(batch) FROM ledger.leaf_batch)
      AND NOT EXISTS (SELECT FROM ledger.batch_evidence e WHERE e.batch = b.batch))))::float8 AS age
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """
    A batch whose number and members the ledger fixed. `leaves` ascend by entry id, as they were queued.

    `emptied` is true when it took all that waited, and false when it was full or somebody had assigned it before.
    """

    batch: int
    root: bytes
    assigned_at: datetime
    leaves: tuple[bytes, ...]
    entries: tuple[JournalEntry, ...]
    emptied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Where the ledger says that a batch stands in the evidence; the log is asked before it is believed."""

    log: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDatabase:
    """One connection, in the role that may read the ledger and take batches, and nothing else."""

    connection: psycopg.Connection[Any]

    def assign(self, limit: int) -> Assigned | None:
        """
        The batch that waits for its confirmation, or the next one of at most `limit` leaves, or nothing.

        Raises `LedgerRefused`: `entry_missing`, `leaf_mismatch` and `root_mismatch` name what was changed before it
        could be bound.
        """
        with _translated():
            row = self.connection.execute(_ASSIGN, (limit,)).fetchone()
            if row is None:
                return None
            members = list(_grouped(self.connection.execute(_LEAVES, (row.batch,))))
        leaves = tuple(bytes(rows[0].leaf_hash) for rows in members)
        entries = tuple(_unchanged(rows, row.batch) for rows in members)
        if len(leaves) != row.count or root_of(leaves) != row.root:
            raise LedgerRefused(
                f"the leaves of batch {row.batch} do not lead to its root",
                reason="root_mismatch",
                remedy="ledger.bound_leaf or ledger.leaf_batch was changed: compare them with a backup",
            )
        return Assigned(
            batch=row.batch,
            root=bytes(row.root),
            assigned_at=row.assigned_at,
            leaves=leaves,
            entries=entries,
            emptied=row.fresh and row.count < limit,
        )

    def confirm(self, batch: int, *, log: str, index: int) -> None:
        """Write down where the batch stands. The same place twice is once."""
        with _translated():
            self.connection.execute("SELECT ledger.confirm_batch(%s, %s, %s)", (batch, log, index))

    def confirmed(self, batch: int) -> Confirmed | None:
        with _translated():
            row = self.connection.execute(
                "SELECT log, evidence_index FROM ledger.batch_evidence WHERE batch = %s", (batch,)
            ).fetchone()
        return Confirmed(log=row.log, index=row.evidence_index) if row else None

    def oldest_unbound_age_s(self) -> float | None:
        """Seconds that the oldest leaf has waited to be bound, or None when none waits."""
        with _translated():
            row = self.connection.execute(_AGE).fetchone()
        return None if row is None or row.age is None else max(float(row.age), 0.0)

    def entries(self) -> Iterator[LedgerEntry]:
        """The whole ledger in one snapshot; canonical texts are made here, from the rows."""
        with _translated(), self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            self.connection.execute("SET LOCAL statement_timeout = 0")
            with self.connection.cursor(name="ledger") as cursor:
                cursor.itersize = _PAGE
                cursor.execute(_EVERYTHING)
                for rows in _grouped(cursor):
                    yield _entry(rows)

    def wrong_balances(self) -> Iterator[WrongBalance]:
        """One statement, so one moment of the ledger: a posting changes its balance in its own transaction."""
        with _translated(), self.connection.transaction():
            self.connection.execute("SET LOCAL statement_timeout = 0")
            for row in self.connection.execute(_WRONG_BALANCES):
                yield WrongBalance(account=row.account, detail=_difference(row))


@contextmanager
def open_ledger(url: str) -> Iterator[LedgerDatabase]:
    """Connect as `florin_binder`, or as a login that may take that role. Raises `LedgerUnavailable`."""
    with _translated():
        connection = psycopg.connect(
            url,
            autocommit=True,
            row_factory=namedtuple_row,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="mintmark-binder",
            options=f"-c role={ROLE} -c synchronous_commit=on -c statement_timeout={STATEMENT_TIMEOUT_S}s "
            "-c search_path=pg_catalog,pg_temp -c lock_timeout=10s -c timezone=UTC "
            # Rows that are hidden from this role alone are an error; and who waited for a lock sees what came before.
            "-c row_security=off -c default_transaction_isolation=read\\ committed",
        )
    try:
        yield LedgerDatabase(connection=connection)
    finally:
        connection.close()


def _difference(row: Any) -> str:
    if row.off is not None:
        return f"its posting of version {row.off} does not follow from those before it"
    return f"its balance says {row.posted} after {row.version} postings, and {row.number} postings sum to {row.should}"


def _grouped(rows: Any) -> Iterator[Sequence[Any]]:
    for _, group in groupby(rows, key=lambda row: row.id):
        yield list(group)


def _entry(rows: Sequence[Any]) -> LedgerEntry:
    """The text is written here: a function in the database could have been told to say what it said before."""
    head, found = rows[0], _journal_entry(rows)
    return LedgerEntry(
        id=head.id,
        canonical=None if found is None else found.encode(),
        leaf_hash=None if head.leaf_hash is None else bytes(head.leaf_hash),
        batch=head.batch,
        queued_at=head.queued_at,
        queued=head.queued,
    )


def _journal_entry(rows: Sequence[Any]) -> JournalEntry | None:
    head = rows[0]
    if head.known is None:
        return None
    return JournalEntry(
        id=head.id,
        created_at=head.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        kind=head.kind,
        source=head.source,
        ref=head.ref,
        deployment=str(head.deployment_id),
        postings=tuple(
            Posting(leg=row.leg, account=str(row.code), currency=row.currency, amount_minor=row.amount)
            for row in rows
            if row.leg is not None
        ),
    )


def _unchanged(rows: Sequence[Any], batch: int) -> JournalEntry:
    entry, queued = _journal_entry(rows), bytes(rows[0].leaf_hash)
    if entry is None:
        raise LedgerRefused(
            f"ledger entry {rows[0].id} of batch {batch} is gone",
            reason="entry_missing",
            remedy="it was deleted after it was posted: bring it back from a backup; nothing is bound until then",
        )
    if entry.leaf_hash != queued:
        raise LedgerRefused(
            f"ledger entry {entry.id} of batch {batch} hashes to {entry.leaf_hash.hex()}, and {queued.hex()} was "
            "written when it was posted",
            reason="leaf_mismatch",
            remedy="entry or leaf was changed after it was posted: compare with a backup; nothing is bound until then",
        )
    return entry


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.UniqueViolation as cause:
        raise LedgerRefused(
            f"the ledger refused: {cause.diag.message_primary}",
            reason="batch_conflict",
            remedy="ledger and evidence log do not belong together, or one was restored from a backup",
        ) from cause
    except (psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as cause:
        raise LedgerUnavailable(
            f"the ledger has no binding: {cause.diag.message_primary}",
            reason="ledger_schema",
            remedy="bring its schema to this release with `florin migrate`",
        ) from cause
    except psycopg.DataError as cause:
        raise LedgerRefused(
            f"the ledger holds a value that posting does not write: {str(cause).strip()}",
            reason="malformed",
            remedy="the ledger was changed behind `ledger.post`: compare it with a backup",
        ) from cause
    except psycopg.Error as cause:
        raise LedgerUnavailable(
            f"the ledger's database cannot be used: {str(cause).strip()}",
            reason="ledger_unavailable",
            remedy="check that it runs, and that the login is florin_binder or may take that role",
        ) from cause
