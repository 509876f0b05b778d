"""The payments table, for reading: only `payments.authorize` and `payments.capture` write it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, Uuid

metadata = MetaData(schema="payments")

payment = Table(
    "payment",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant", Text),
    Column("payer", Text),
    Column("payee", Text),
    Column("amount", BigInteger),
    Column("captured", BigInteger),
    Column("currency", Text),
    Column("state", Text),
    Column("created_at", DateTime(timezone=True)),
)
