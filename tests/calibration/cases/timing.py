import hashlib
import hmac
import secrets


# vulnerable: a webhook's signature
def webhook(headers, body, key):
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    signature = headers["Signature"]
    return signature == expected


# vulnerable: a MAC where it is made
def mac(body, given, key):
    return hmac.new(key, body, hashlib.sha256).digest() == given


# vulnerable: an API key
def api_key(headers, api_key):
    return headers.get("Api-Key") == api_key


# vulnerable: a token, unequal
def token(user, session_token):
    if user.session_token != session_token:
        raise PermissionError


# vulnerable: a code of a second factor
def second_factor(otp, stored):
    return otp == stored


# vulnerable: under names that do not tell
def compare(given, expected):
    return given == expected


# vulnerable: looked up in a list
def one_of(presented, valid_keys):
    return presented in valid_keys


# vulnerable: letter by letter
def slowly(signature, expected):
    return all(a == b for a, b in zip(signature, expected))


# safe: in constant time
def good_webhook(headers, body, key):
    expected = hmac.new(key, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers["Signature"], expected)


# safe: in constant time, by the other name
def good_token(user, session_token):
    return secrets.compare_digest(user.session_token, session_token)


# safe: whether there is one
def present(signature):
    return signature != ""


# safe: a length
def length(api_key):
    return len(api_key) == 32


# safe: a public digest
def same_file(digest, expected_digest):
    return digest == expected_digest


# safe: how a function is called
def same_shape(call_signature, other):
    return call_signature == other


# safe: the signatory of a contract
def signed_by(contract, person):
    return contract.signature == person
