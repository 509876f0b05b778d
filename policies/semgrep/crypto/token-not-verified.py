import jwt


def who(token: str, key: str) -> None:
    # ruleid: token-not-verified
    jwt.decode(token, options={"verify_signature": False})
    # ruleid: token-not-verified
    jwt.decode(token, key, algorithms=["HS256", "none"])
    # ruleid: token-not-verified
    jwt.decode(token, key)
    # ruleid: token-not-verified
    jwt.decode(token, key, audience="florin")
    # ruleid: token-not-verified
    jwt.decode(token, key, verify=False)
    # ruleid: token-not-verified
    jwt.encode({"sub": "florin"}, None, algorithm="none")

    # ok: token-not-verified
    jwt.decode(token, key, algorithms=["EdDSA"], audience="florin")
    # ok: token-not-verified
    jwt.decode(token, key, ["EdDSA"])
    # ok: token-not-verified
    jwt.encode({"sub": "florin"}, key, algorithm="EdDSA")
    # ok: token-not-verified
    jwt.get_unverified_header(token)


def by_name(token: str, key: str) -> None:
    # ruleid: token-not-verified
    options = {"verify_signature": False}
    jwt.decode(token, options=options)
    # ruleid: token-not-verified
    jwt.decode_complete(token, options={"verify_signature": False})
    # ruleid: token-not-verified
    jwt.decode(token, options=dict(verify_signature=False))
    # ok: token-not-verified
    jwt.decode(token, key, algorithms=["EdDSA"], options={"verify_signature": True, "verify_aud": False})
