from Crypto.Cipher import AES, DES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def ciphers(key: bytes, nonce: bytes) -> None:
    # ruleid: weak-cipher
    Cipher(algorithms.AES(key), modes.ECB())
    # ruleid: weak-cipher
    Cipher(algorithms.TripleDES(key), modes.CBC(nonce))
    # ruleid: weak-cipher
    DES.new(key, DES.MODE_CBC, nonce)
    # ruleid: weak-cipher
    AES.new(key, AES.MODE_ECB)

    # ok: weak-cipher
    AESGCM(key)
    # ok: weak-cipher
    Cipher(algorithms.AES(key), modes.GCM(nonce))
    # ok: weak-cipher
    AES.new(key, AES.MODE_GCM, nonce)
