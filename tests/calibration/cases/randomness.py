import random
import secrets
import time
import uuid


# vulnerable: a token
def reset_token():
    return "".join(random.choice("0123456789abcdef") for _ in range(32))


# vulnerable: a code for a second factor
def send_code(client):
    code = random.randint(0, 999999)
    client.send(otp=code)


# vulnerable: a nonce
def sign(request):
    request.nonce = random.getrandbits(64)


# vulnerable: a key
def make_api_key(user):
    user.api_key = "%x" % random.getrandbits(128)


# vulnerable: seeded with the time
def session_id():
    generator = random.Random(time.time())
    return generator.getrandbits(128)


# vulnerable: an id that holds the address of the machine and the time
def session(user):
    user.session_id = uuid.uuid1().hex


# vulnerable: under a name that does not tell
def voucher():
    letters = random.sample("ABCDEFGHJKLMNPQRSTUVWXYZ", 8)
    return "".join(letters)


# vulnerable: the time as a token
def confirmation_token():
    return str(int(time.time() * 1000))


# safe: secrets
def good_token():
    return secrets.token_urlsafe(32)


# safe: a wait that is not the same for all
def wait(attempt):
    time.sleep(random.uniform(0, 2**attempt))


# safe: a sample for a report
def sample(payments):
    return random.sample(payments, 100)


# safe: the operating system's randomness
def system_token():
    token = random.SystemRandom().getrandbits(256)
    return token


# safe: a random UUID
def good_session_id():
    return uuid.uuid4().hex


# safe: a simulation with a seed
def simulate(seed):
    return random.Random(seed).gauss(0, 1)
