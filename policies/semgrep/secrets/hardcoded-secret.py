import os
from pathlib import Path

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
