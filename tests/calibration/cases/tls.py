import ssl

import httpx
import requests
import urllib3


# vulnerable: not verified
def fetch(url):
    return requests.get(url, verify=False, timeout=5)


# vulnerable: a client that does not verify
def client():
    return httpx.Client(verify=False)


# vulnerable: a session that does not verify
def session():
    made = requests.Session()
    made.verify = False
    return made


# vulnerable: a context without verification
def context():
    return ssl._create_unverified_context()


# vulnerable: no certificate is asked for
def no_certificate(made):
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE


# vulnerable: TLS 1.0
def old(made):
    made.minimum_version = ssl.TLSVersion.TLSv1


# vulnerable: TLS 1.1 by its protocol
def old_protocol():
    return ssl.SSLContext(ssl.PROTOCOL_TLSv1_1)


# vulnerable: a pool that does not verify
def pool():
    return urllib3.PoolManager(cert_reqs="CERT_NONE")


# vulnerable: by a variable
def by_setting(url, settings):
    verify = False
    return requests.get(url, verify=verify, timeout=5)


# vulnerable: without TLS
def plain(body):
    return requests.post("http://bank.example/payments", json=body, timeout=5)


# safe: verified
def good_fetch(url):
    return requests.get(url, timeout=5)


# safe: verified with our own authority
def own_authority(url):
    return requests.get(url, verify="/etc/ssl/ours.pem", timeout=5)


# safe: the default
def good_context():
    return ssl.create_default_context()


# safe: TLS 1.2
def new(made):
    made.minimum_version = ssl.TLSVersion.TLSv1_2


# safe: something else that can be verified
def load(signature):
    return signature.load(verify=False)
