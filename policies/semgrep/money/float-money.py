from dataclasses import dataclass
from decimal import Decimal


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
