import httpx
import stamina


@stamina.retry(on=httpx.HTTPError, attempts=3)
def charge(client: httpx.Client, body: dict) -> None:
    # ruleid: payment-retried
    client.post("/payments", json=body)


@stamina.retry(on=httpx.HTTPError, attempts=3)
def charge_once(client: httpx.Client, body: dict, key: str) -> None:
    # ok: payment-retried
    client.post("/payments", json=body, headers={"Idempotency-Key": key})


@stamina.retry(on=httpx.HTTPError, attempts=3)
def read(client: httpx.Client) -> None:
    # ok: payment-retried
    client.get("/payments")


def refund(client: httpx.Client, body: dict) -> None:
    for _ in range(3):
        try:
            # ruleid: payment-retried
            client.post("/refunds", json=body)
        except httpx.HTTPError:
            continue
    # ok: payment-retried
    client.post("/refunds", json=body)
