import random
import secrets
import string
import time
import uuid


def issue(session: object, client: object) -> None:
    # ruleid: predictable-token
    token = "".join(random.choices(string.ascii_letters, k=32))
    # ruleid: predictable-token
    session.nonce = random.getrandbits(96)
    # ruleid: predictable-token
    client.send(otp=random.randint(0, 999999))
    digits = str(random.randrange(10**6))
    # ruleid: predictable-token
    verification_code = digits.zfill(6)
    # ruleid: predictable-token
    session_id = uuid.uuid1().hex

    # ok: predictable-token
    token = secrets.token_urlsafe(32)
    # ok: predictable-token
    otp = secrets.randbelow(10**6)
    # ok: predictable-token
    jitter_s = random.uniform(0, 1)
    # ok: predictable-token
    time.sleep(random.random())
    # ok: predictable-token
    session_id = uuid.uuid4().hex
    # ok: predictable-token
    secret = random.SystemRandom().getrandbits(256)


def new_token() -> str:
    # ruleid: predictable-token
    return "%032x" % random.getrandbits(128)


def shuffled_colour() -> str:
    # ok: predictable-token
    return random.choice(["red", "green"])
