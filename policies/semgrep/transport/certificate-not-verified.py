import ssl

import aiohttp
import httpx
import requests
import urllib3
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


def other_clients(url: str, context: ssl.SSLContext) -> None:
    # ruleid: certificate-not-verified
    requests.get(url, verify=0, timeout=5)
    # ruleid: certificate-not-verified
    aiohttp.TCPConnector(ssl=False)
    # ruleid: certificate-not-verified
    urllib3.PoolManager(cert_reqs="CERT_NONE")
    # ruleid: certificate-not-verified
    urllib3.PoolManager(cert_reqs=ssl.CERT_NONE)
    # ruleid: certificate-not-verified
    httpx.AsyncHTTPTransport(verify=False)
    # ruleid: certificate-not-verified
    ssl._create_default_https_context = ssl._create_unverified_context
    # ruleid: certificate-not-verified
    context.verify_mode = ssl.VerifyMode.CERT_NONE
    # ok: certificate-not-verified
    urllib3.PoolManager(cert_reqs="CERT_REQUIRED")
    # ok: certificate-not-verified
    aiohttp.TCPConnector(ssl=context)
    # ok: certificate-not-verified
    context.verify_mode = ssl.CERT_REQUIRED
