from decimal import ROUND_HALF_EVEN, Decimal


def fees(amount: Decimal, amount_minor: int, payment: object, duration_s: float) -> None:
    # ruleid: money-rounded
    shown = round(amount, 2)
    # ruleid: money-rounded
    cents = int(payment.amount * 100)
    # ruleid: money-rounded
    share = amount_minor / 3
    # ruleid: money-rounded
    fee = Decimal(0.1)
    # ruleid: money-rounded
    half = round(payment.total_minor / 2)

    # ok: money-rounded
    each, left = divmod(amount_minor, 3)
    # ok: money-rounded
    share = amount_minor // 3
    # ok: money-rounded
    shown = amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
    # ok: money-rounded
    fee = Decimal("0.1")
    # ok: money-rounded
    took_ms = round(duration_s * 1000, 1)
