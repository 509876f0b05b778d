"""Reads the ledger: a posting with its entry, what a deployment posted, the trial balance. Amounts are minor units."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from florin.ledger.tables import account, balance, bound_leaf, entry, leaf_queue, posting

MAX_PAGE = 1_000


async def posting_with_entry(connection: AsyncConnection, entry_id: int, leg: int) -> dict[str, Any] | None:
    """The posting, its entry with all legs, and the canonical text that the leaf hash covers."""
    rows = (await connection.execute(_postings().where(posting.c.entry_id == entry_id).order_by(posting.c.leg))).all()
    wanted = next((row for row in rows if row.leg == leg), None)
    if wanted is None:
        return None
    found = (await connection.execute(_entries().where(entry.c.id == entry_id))).one()
    return {
        **_posting(wanted),
        "balance_after_minor": wanted.balance_after,
        "entry": {
            **_entry(found),
            "canonical": found.canonical,
            "leaf_hash": found.leaf_hash.hex(),
            "batch": found.batch,
            "queued_at": found.queued_at.isoformat() if found.queued_at else None,
            "postings": [_posting(row) for row in rows],
        },
    }


async def entries_of(
    connection: AsyncConnection, deployment_id: uuid.UUID, *, after: int, limit: int
) -> list[dict[str, Any]]:
    """Entries by id, after the id `after`, at most `limit` (1 to 1,000)."""
    wanted = (
        _entries()
        .where(entry.c.deployment_id == deployment_id, entry.c.id > after)
        .order_by(entry.c.id)
        .limit(min(max(limit, 1), MAX_PAGE))
    )
    return [
        {**_entry(row), "canonical": row.canonical, "leaf_hash": row.leaf_hash.hex(), "batch": row.batch}
        for row in await connection.execute(wanted)
    ]


async def leaves_of(connection: AsyncConnection, batch: int) -> list[dict[str, Any]]:
    """The leaves of a batch by entry id, which is their order in its tree; none when there is no such batch."""
    wanted = select(bound_leaf).where(bound_leaf.c.batch == batch).order_by(bound_leaf.c.entry_id)
    return [{"entry_id": row.entry_id, "leaf_hash": row.leaf_hash.hex()} for row in await connection.execute(wanted)]


async def totals_of(connection: AsyncConnection, deployment_id: uuid.UUID) -> dict[str, Any]:
    """How many entries and postings a deployment made, and the debits of each currency."""
    debits = func.sum(case((posting.c.amount < 0, -posting.c.amount), else_=0))
    wanted = (
        select(posting.c.currency, func.count().label("postings"), debits.label("debit_minor"))
        .join(entry, entry.c.id == posting.c.entry_id)
        .where(entry.c.deployment_id == deployment_id)
        .group_by(posting.c.currency)
        .order_by(posting.c.currency)
    )
    rows = (await connection.execute(wanted)).all()
    count = await connection.scalar(
        select(func.count()).select_from(entry).where(entry.c.deployment_id == deployment_id)
    )
    return {
        "deployment_id": str(deployment_id),
        "entries": count,
        "postings": sum(row.postings for row in rows),
        "totals": [{"currency": row.currency, "debit_minor": int(row.debit_minor)} for row in rows],
    }


async def trial_balance(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The sum of all balances of a currency, which is zero in a ledger that is whole."""
    wanted = (
        select(account.c.currency, func.sum(balance.c.posted).label("total"), func.count().label("accounts"))
        .join(account, account.c.id == balance.c.account_id)
        .group_by(account.c.currency)
        .order_by(account.c.currency)
    )
    return [
        {"currency": row.currency, "accounts": row.accounts, "total_minor": int(row.total)}
        for row in await connection.execute(wanted)
    ]


def _entries() -> Select[Any]:
    """A leaf is in the queue or, once it was taken, in a batch."""
    leaves = entry.outerjoin(leaf_queue, leaf_queue.c.entry_id == entry.c.id).outerjoin(
        bound_leaf, bound_leaf.c.entry_id == entry.c.id
    )
    leaf_hash = func.coalesce(leaf_queue.c.leaf_hash, bound_leaf.c.leaf_hash, b"")
    return select(
        entry,
        leaf_hash.label("leaf_hash"),
        bound_leaf.c.batch,
        leaf_queue.c.queued_at,
        func.ledger.canonical_entry(entry.c.id).label("canonical"),
    ).select_from(leaves)


def _postings() -> Select[Any]:
    return select(posting, account.c.code).join(account, account.c.id == posting.c.account_id)


def _entry(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "created_at": row.created_at.isoformat(),
        "deployment_id": str(row.deployment_id),
        "source": row.source,
        "ref": row.ref,
    }


def _posting(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": f"{row.entry_id}.{row.leg}",
        "leg": row.leg,
        "account": row.code,
        "currency": row.currency,
        "amount_minor": row.amount,
    }
