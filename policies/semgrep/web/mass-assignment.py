async def change(request: object, payment: object, session: object) -> None:
    # ruleid: mass-assignment
    session.add(Payment(**await request.json()))
    # ruleid: mass-assignment
    Payment.objects.filter(id=1).update(**request.POST)
    body = await request.json()
    # ruleid: mass-assignment
    session.add(Payment(**body))
    for key, value in body.items():
        # ruleid: mass-assignment
        setattr(payment, key, value)

    # ok: mass-assignment
    session.add(Payment(amount_minor=body["amount_minor"], currency=body["currency"]))
    # ok: mass-assignment
    PaymentRequest.model_validate(body)
    settings = {"echo": False}
    # ok: mass-assignment
    create_engine(**settings)
