"""The ledger's tables, for reading: only `ledger.post` writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid

metadata = MetaData(schema="ledger")

account = Table(
    "account",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("code", Text),
    Column("currency", Text),
)
balance = Table(
    "balance",
    metadata,
    Column("account_id", BigInteger, primary_key=True),
    Column("posted", BigInteger),
    Column("pending_out", BigInteger),
)
entry = Table(
    "entry",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("created_at", DateTime(timezone=True)),
    Column("kind", Text),
    Column("source", Text),
    Column("ref", Text),
    Column("deployment_id", Uuid),
)
posting = Table(
    "posting",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    Column("leg", SmallInteger, primary_key=True),
    Column("account_id", BigInteger),
    Column("currency", Text),
    Column("amount", BigInteger),
    Column("balance_after", BigInteger),
)
leaf_queue = Table(
    "leaf_queue",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    Column("leaf_hash", LargeBinary),
    Column("queued_at", DateTime(timezone=True)),
)
bound_leaf = Table(
    "bound_leaf",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    Column("batch", BigInteger),
    Column("leaf_hash", LargeBinary),
)
