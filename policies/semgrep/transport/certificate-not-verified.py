import ssl

import httpx
import requests
from httpx import AsyncClient


def calls(session: requests.Session, context: ssl.SSLContext, signature: object) -> None:
    # ruleid: certificate-not-verified
    requests.get("https://example.org", verify=False, timeout=5)
    # ruleid: certificate-not-verified
    session.post("https://example.org", timeout=5, verify=False)
    # ruleid: certificate-not-verified
    httpx.Client(verify=False)
    # ruleid: certificate-not-verified
    AsyncClient(verify=False)
    # ruleid: certificate-not-verified
    session.verify = False
    # ruleid: certificate-not-verified
    context.verify_mode = ssl.CERT_NONE
    # ruleid: certificate-not-verified
    ssl._create_unverified_context()

    # ok: certificate-not-verified
    requests.get("https://example.org", verify="/etc/ssl/ours.pem", timeout=5)
    # ok: certificate-not-verified
    httpx.Client(verify=True)
    # ok: certificate-not-verified
    signature.load(verify=False)
