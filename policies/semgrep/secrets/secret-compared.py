import hashlib
import hmac


def accept(body: bytes, headers: dict, key: bytes, webhook: object, api_key: str, status: str) -> bool:
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    signature = headers["Florin-Signature"]
    # ruleid: secret-compared
    if signature == expected:
        return True
    # ruleid: secret-compared
    if hmac.new(key, body, hashlib.sha256).digest() != headers["mac"]:
        return False
    # ruleid: secret-compared
    if headers["Api-Key"] == api_key:
        return True
    # ruleid: secret-compared
    if webhook.signature != expected:
        return False

    # ok: secret-compared
    if hmac.compare_digest(signature, expected):
        return True
    # ok: secret-compared
    if signature == "":
        return False
    # ok: secret-compared
    if webhook.signature is None or webhook.signature == None:
        return False
    # ok: secret-compared
    if signature == "unsigned":
        return True
    # ok: secret-compared
    if len(api_key) == 32:
        return True
    # ok: secret-compared
    if webhook.call_signature == "(body)":
        return True
    # ok: secret-compared
    return status == "captured"
