"""Reads payments. Amounts are minor units; the payment token is never read back."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from florin.payments.tables import payment


async def payment_by_id(connection: AsyncConnection, tenant: str, payment_id: uuid.UUID) -> dict[str, Any] | None:
    wanted = select(payment).where(payment.c.id == payment_id, payment.c.tenant == tenant)
    row = (await connection.execute(wanted)).one_or_none()
    if row is None:
        return None
    return {
        "id": str(row.id),
        "state": row.state,
        "amount_minor": row.amount,
        "captured_minor": row.captured,
        "currency": row.currency,
        "payer": row.payer,
        "payee": row.payee,
        "created_at": row.created_at.isoformat(),
    }
