def add(left: object, right: object) -> object:
    # ruleid: currencies-mixed
    return left.amount_minor + right.amount_minor


def covers(account: object, payment: object) -> bool:
    # ruleid: currencies-mixed
    return account.balance_minor >= payment.balance_minor


def add_alike(left: object, right: object) -> object:
    if left.currency != right.currency:
        raise CurrencyMismatch(left.currency, right.currency)
    # ok: currencies-mixed
    return left.amount_minor + right.amount_minor


def wait(left: object, right: object) -> int:
    # ok: currencies-mixed
    return left.timeout_s + right.timeout_s
