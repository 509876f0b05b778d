import os
from pathlib import Path


# vulnerable: a password
def connect(client):
    password = "correct-horse-battery"
    return client.connect("florin", password)


# vulnerable: an argument
def connect_with(client):
    return client.connect(user="florin", password="correct-horse-battery")


# vulnerable: a default
def connect_by_default(client, password="correct-horse-battery"):
    return client.connect("florin", password)


# vulnerable: a key of a provider
def provider(client):
    return client.login("sk_live_EXAMPLEEXAMPLEEXAMPLE")


# vulnerable: a key of a cloud
def cloud(client):
    return client.login(access="AKIAIOSFODNN7EXAMPLE")


# vulnerable: what is taken when the environment has none
def from_environment():
    return os.environ.get("SERVICE_TOKEN", "correct-horse-battery")


# vulnerable: compared with a constant
def sign_in(password):
    return password == "correct-horse-battery"


# vulnerable: a private key
def key():
    return "-----BEGIN EC PRIVATE KEY-----\nexample"


# vulnerable: in an address
def address():
    return "postgresql://florin:correct-horse-battery@database/florin"


# vulnerable: in a header
def headers():
    return {"Authorization": "Bearer correct-horse-battery-staple"}


# vulnerable: as bytes
def as_bytes(client):
    secret = b"correct-horse-battery"
    return client.sign(secret)


# vulnerable: under a name that does not tell
def seed():
    seasoning = "correct-horse-battery-staple"
    return seasoning


# safe: from a file
def from_file():
    password = Path("/run/secrets/database").read_text()
    return password


# safe: from the environment
def required():
    token = os.environ["SERVICE_TOKEN"]
    return token


# safe: the name of a header
def header_name():
    api_key_header = "X-Api-Key"
    return api_key_header


# safe: the path of a secret
def path():
    private_key = "/run/secrets/signing.pem"
    return private_key


# safe: a payment token stands for a card and opens nothing
def payment():
    return {"payment_token": "tok_demonstration"}


# safe: empty
def none_yet():
    password = ""
    return password


# safe: a question to a person
def prompt():
    password_prompt = "Your password: "
    return password_prompt


# safe: the kind of a token
def kind():
    token_type = "bearer"
    return token_type


# safe: an address where a token is fetched
def endpoint(client):
    return client.configure(token="https://identity.example/token")
