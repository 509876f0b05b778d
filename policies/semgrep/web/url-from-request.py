import urllib.request

import httpx
import requests
from fastapi import APIRouter

router = APIRouter()
PARTNERS = {"bank": "https://bank.example"}


@router.post("/webhooks")
async def register(url: str, partner: str, client: httpx.AsyncClient) -> None:
    # ruleid: url-from-request
    requests.post(url, json={}, timeout=5)
    # ruleid: url-from-request
    await client.get(f"https://{url}/health")
    # ok: url-from-request
    requests.post(PARTNERS[partner], json={}, timeout=5)
    # ok: url-from-request
    requests.post("https://bank.example", json={"url": url}, timeout=5)


def fetch(request: object, url: str) -> None:
    # ruleid: url-from-request
    urllib.request.urlopen(request.args["url"], timeout=5)
    # ok: url-from-request
    httpx.get(url)
