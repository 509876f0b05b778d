import hmac
import os
from pathlib import Path

import jwt

# Made up for this file, but for the AWS one, which is the example in AWS's own manual.
# ruleid: hardcoded-secret
DATABASE_PASSWORD = "correct-horse-battery"
# ruleid: hardcoded-secret
api_key: str = "k3y-of-no-service"
# ruleid: hardcoded-secret
ACCESS = "AKIAIOSFODNN7EXAMPLE"
# ruleid: hardcoded-secret
STRIPE = "sk_live_EXAMPLEEXAMPLEEXAMPLE"
# ruleid: hardcoded-secret
signing = "-----BEGIN EC PRIVATE KEY-----"
# ruleid: hardcoded-secret
GITHUB_TOKEN = "correct-horse-battery"
# ruleid: hardcoded-secret
settings = {"host": "localhost", "secret": "correct-horse-battery"}
# ruleid: hardcoded-secret
fallback = os.environ.get("SERVICE_TOKEN", "correct-horse-battery")

# ok: hardcoded-secret
PASSWORD_FILE = "/run/secrets/database"
# ok: hardcoded-secret
password = Path(PASSWORD_FILE).read_text()
# ok: hardcoded-secret
api_key_header = "X-Api-Key-Header"
# ok: hardcoded-secret
token = os.environ["SERVICE_TOKEN"]
# ok: hardcoded-secret
password = ""
# ok: hardcoded-secret
payment = {"payment_token": "tok_demonstration"}
# ok: hardcoded-secret
private_key = "/run/secrets/signing.pem"
# ok: hardcoded-secret
password = "********"
# ok: hardcoded-secret
message = "the password is read from a file"


def connect(client: object) -> None:
    # ruleid: hardcoded-secret
    client.connect(user="florin", password="correct-horse-battery")
    # ok: hardcoded-secret
    client.connect(user="florin", password=password)


def sign_in(password: str, kind: str) -> bool:
    # ruleid: hardcoded-secret
    if password == "correct-horse-battery":
        return True
    # ok: hardcoded-secret
    return password != "" and kind == "correct-horse-battery"


# ruleid: hardcoded-secret
def connect(host: str, password: str = "correct-horse-battery") -> None: ...


# ok: hardcoded-secret
def reconnect(host: str, password: str = "") -> None: ...


def by_place(claims: dict, body: bytes, environment: dict) -> None:
    # ruleid: hardcoded-secret
    password = environment.get("DATABASE") or "correct-horse-battery"
    # ruleid: hardcoded-secret
    jwt.encode(claims, "correct-horse-battery", algorithm="HS256")
    # ruleid: hardcoded-secret
    hmac.new(b"correct-horse-battery", body, "sha256")
    # ruleid: hardcoded-secret
    address = "postgresql://till:correct-horse@db.example.org/florin"
    # ruleid: hardcoded-secret
    headers = {"Authorization": "Bearer bm8tc2VydmljZS1vZi1hbnlib2R5"}
    # ok: hardcoded-secret
    address = f"postgresql://till:{password}@db.example.org/florin"
    # ok: hardcoded-secret
    address = "postgresql://till@db.example.org/florin"
    # ok: hardcoded-secret
    jwt.encode(claims, password, algorithm="HS256")
    # ok: hardcoded-secret
    headers = {"Authorization": f"Bearer {password}"}
