# vulnerable: who may
def refund(user, payment):
    assert user.is_admin
    payment.refund()


# vulnerable: how much
def capture(payment, amount_minor):
    assert amount_minor > 0, "an amount is positive"
    payment.capture(amount_minor)


# vulnerable: whose
def read(user, payment):
    assert payment.tenant_id == user.tenant_id
    return payment


# vulnerable: signed
def accept(body, signature, verify):
    assert verify(body, signature)
    return body


# vulnerable: under names that do not tell
def transfer(source, target):
    assert source.holder == target.holder
    source.move(target)


# vulnerable: a state that decides
def settle(payment):
    assert payment.state == "captured"
    payment.settle()


# safe: an error of its own
def good_refund(user, payment):
    if not user.is_admin:
        raise PermissionError(user.id)
    payment.refund()


# safe: told to a type checker
def narrowed(process):
    assert process.stdout is not None
    return process.stdout.read()


# safe: a type
def typed(amount_minor):
    assert isinstance(amount_minor, int)
    return amount_minor


# safe: a branch that cannot be reached
def unreachable():
    assert False, "unreachable"


# safe: an invariant of its own making
def halves(values):
    middle = len(values) // 2
    assert middle <= len(values)
    return values[:middle], values[middle:]
