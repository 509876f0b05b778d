import hashlib
import hmac

from cryptography.hazmat.primitives import hashes


def digests(body: bytes, key: bytes) -> None:
    # ruleid: weak-hash
    hashlib.md5(body)
    # ruleid: weak-hash
    hashlib.sha1(body).hexdigest()
    # ruleid: weak-hash
    hashlib.new("md5", body)
    # ruleid: weak-hash
    hmac.new(key, body, hashlib.sha1)
    # ruleid: weak-hash
    hmac.new(key, body, digestmod="md5")
    # ruleid: weak-hash
    hashes.Hash(hashes.SHA1())

    # ok: weak-hash
    hashlib.sha256(body)
    # ok: weak-hash
    hashlib.md5(body, usedforsecurity=False)
    # ok: weak-hash
    hashlib.new("sha512", body)
    # ok: weak-hash
    hmac.new(key, body, hashlib.sha256)
    # ok: weak-hash
    hashes.Hash(hashes.SHA384())
