import urllib.request

import httpx
import requests


def calls(url: str) -> None:
    # ruleid: http-without-timeout
    requests.get(url)
    # ruleid: http-without-timeout
    requests.post(url, json={}, timeout=None)
    # ruleid: http-without-timeout
    urllib.request.urlopen(url)
    # ruleid: http-without-timeout
    httpx.get(url, timeout=None)
    # ruleid: http-without-timeout
    httpx.AsyncClient(timeout=None)

    # ok: http-without-timeout
    requests.get(url, timeout=5)
    # ok: http-without-timeout
    urllib.request.urlopen(url, timeout=5)
    # ok: http-without-timeout
    httpx.get(url)
    # ok: http-without-timeout
    httpx.Client(timeout=2)
    # ok: http-without-timeout
    requests.Session()
