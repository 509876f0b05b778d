import hashlib
import hmac
import zlib

from Crypto.Cipher import AES, DES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


# vulnerable: a password by MD5
def password_hash(password):
    return hashlib.md5(password.encode()).hexdigest()


# vulnerable: a document by SHA-1
def document_digest(body):
    return hashlib.sha1(body).hexdigest()


# vulnerable: MD5 by name
def named_digest(body):
    return hashlib.new("md5", body).hexdigest()


# vulnerable: a MAC by MD5
def mac(key, body):
    return hmac.new(key, body, hashlib.md5).digest()


# vulnerable: DES
def des(key, nonce):
    return DES.new(key, DES.MODE_CBC, nonce)


# vulnerable: ECB
def ecb(key):
    return Cipher(algorithms.AES(key), modes.ECB())


# vulnerable: ECB in the other library
def other_ecb(key):
    return AES.new(key, AES.MODE_ECB)


# vulnerable: a short key
def short_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


# vulnerable: a nonce that is always the same
def fixed_nonce(key, body):
    return AESGCM(key).encrypt(b"\0" * 12, body, None)


# vulnerable: one round of SHA-256 over a password
def fast_password_hash(password):
    return hashlib.sha256(password.encode()).hexdigest()


# vulnerable: MD5 through getattr
def chosen_digest(body):
    return getattr(hashlib, "md5")(body).hexdigest()


# safe: SHA-256
def digest(body):
    return hashlib.sha256(body).hexdigest()


# safe: MD5, and nothing depends on it
def cache_key(url):
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()


# safe: SHA-256 in the other library
def other_digest():
    return hashes.Hash(hashes.SHA256())


# safe: AES-GCM
def gcm(key, nonce, body):
    return AESGCM(key).encrypt(nonce, body, None)


# safe: a long key
def long_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


# safe: a checksum against accidents
def checksum(body):
    return zlib.crc32(body)
