from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Optional


@dataclass
class Payment:
    # ruleid: float-money
    amount: float
    # ruleid: float-money
    fee: float = 0.0
    # ok: float-money
    amount_minor: int
    # ok: float-money
    timeout_s: float = 5.0
    # ok: float-money
    coffee: float = 1.0


def convert(text: str, payment: Payment, duration_s: str) -> None:
    # ruleid: float-money
    amount = float(text)
    # ruleid: float-money
    payment.balance = float(text)
    # ruleid: float-money
    print(float(payment.amount))
    # ok: float-money
    price = Decimal(text)
    # ok: float-money
    seconds = float(duration_s)


# ruleid: float-money
def charge(amount: float) -> None: ...


# ruleid: float-money
def refund(reference: str, *, refund_amount: float | None = None) -> None: ...


# ok: float-money
def wait(timeout_s: float, amount_minor: int) -> None: ...


# ruleid: float-money
def optional(amount: Optional[float]) -> None: ...


# ruleid: float-money
def united(price: float | int) -> None: ...


# ruleid: float-money
def listed(*, total_eur: list[float]) -> None: ...


# ok: float-money
def called_back(amount: Callable[[float], int], total_count: int) -> None: ...


def sums(rows: list[dict[str, str]]) -> None:
    # ruleid: float-money
    balance = 10.5
    # ruleid: float-money
    sum(float(row["amount"]) for row in rows)
    # ok: float-money
    pause_s = 10.5
    # ok: float-money
    total_minor = sum(int(row["amount"]) for row in rows)
