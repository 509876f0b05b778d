import urllib.request

import httpx
import requests
from fastapi import APIRouter
from flask import request

router = APIRouter()
PARTNERS = {"bank": "https://bank.example"}


# vulnerable: an address from the query
@router.post("/webhooks")
def register(url: str):
    requests.post(url, json={}, timeout=5)


# vulnerable: a host from the path
@router.get("/health/{host}")
async def health(host: str, client: httpx.AsyncClient):
    return await client.get(f"https://{host}/health")


# vulnerable: an address from a form
def fetch():
    return requests.get(request.form["url"], timeout=5)


# vulnerable: an address from JSON
def fetch_json():
    return httpx.get(request.json["url"])


# vulnerable: with urllib
def open_url():
    return urllib.request.urlopen(request.args["url"], timeout=5)


# vulnerable: the address lies in a database
def deliver(session, payment):
    return requests.post(session.get(payment).webhook_url, json={}, timeout=5)


# vulnerable: a model's field
@router.post("/callbacks")
def callback(body: "Callback"):
    requests.post(body.url, json={}, timeout=5)


# vulnerable: a check that a name can pass
@router.post("/prefixed")
def prefixed(url: str):
    if url.startswith("https://bank.example"):
        requests.post(url, json={}, timeout=5)


# safe: a fixed address
@router.post("/ping")
def ping():
    requests.post("https://bank.example/ping", json={}, timeout=5)


# safe: out of a fixed list
@router.post("/partners/{name}")
def partner(name: str):
    requests.post(PARTNERS[name], json={}, timeout=5)


# safe: the value travels in the body
@router.post("/forward")
def forward(url: str):
    requests.post("https://bank.example/links", json={"url": url}, timeout=5)


# safe: an address of the configuration
def configured(settings):
    return urllib.request.urlopen(settings.bank_url, timeout=5)


# safe: the host is compared with a list
@router.post("/checked")
def checked(url: str):
    if httpx.URL(url).host not in {"bank.example"}:
        raise ValueError(url)
    requests.post(url, json={}, timeout=5)


# safe: a number in a path
@router.get("/orders/{number}")
def order(number: int):
    return requests.get(f"https://bank.example/orders/{number}", timeout=5)
