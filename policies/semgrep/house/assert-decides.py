def refund(user: object, payment: object, amount_minor: int) -> None:
    # ruleid: assert-decides
    assert user.is_admin
    # ruleid: assert-decides
    assert amount_minor > 0, "an amount is positive"
    # ruleid: assert-decides
    assert payment.tenant_id == user.tenant_id

    # ok: assert-decides
    if amount_minor <= 0:
        raise ValueError("an amount is positive")
    # ok: assert-decides
    assert isinstance(amount_minor, int)
    # ok: assert-decides
    assert payment.token is not None
    # ok: assert-decides
    assert len(payment.lines) == 2
