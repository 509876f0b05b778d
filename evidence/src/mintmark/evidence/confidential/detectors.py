"""
What a secret looks like: one detector a kind, in one flat list. Pure.

A detector's expression is tried only where one of its anchors stands, which is a plain search for a few characters.
Every expression takes linear time: what it repeats has a limit, or begins where nothing before it could have begun.
Values stop at NUL, which no stored text holds, so that texts may be searched together with NUL between them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mintmark.evidence.confidential.values import is_literal, is_template, looks_random

Match = re.Match[str]


_REDACTED = re.compile(r"\[redacted:[a-z-]{1,40}\]")


def _always(_found: Match) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """`kind` is what a refusal and a redaction call it; the group `value`, where there is one, is what must go."""

    kind: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Callable[[Match], bool] = _always
    any_case: bool = False  # the anchors are lower case, and stand for every case

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        group = "value" if "value" in self.pattern.groupindex else 0
        for found in self.pattern.finditer(text):
            if self.holds(found):
                yield found.span(group)


def _key_has_body(found: Match) -> bool:
    """A heading alone opens nothing, and texts speak of it."""
    return re.search(r"[0-9A-Za-z+/=]{20}", found[0].partition("-----BEGIN")[2].partition("KEY")[2]) is not None


def _is_jwt(found: Match) -> bool:
    head = found[0].partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head[:4096] + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def _is_basic(found: Match) -> bool:
    try:
        user, colon, password = base64.b64decode(found["value"], validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(colon and password) and (user + password).isascii() and (user + password).decode().isprintable()


def _value_is_random(found: Match) -> bool:
    return looks_random(found["value"])


def _is_login(found: Match) -> bool:
    if _REDACTED.fullmatch(found["value"]):
        return False
    user, colon, password = found["value"].partition(":")
    return not is_template(password) if colon else looks_random(user)


def _is_assigned(found: Match) -> bool:
    """After `=` or in quotes almost any value counts; in prose, as in `password: rotated`, only what is no word."""
    value, sure = found["value"], "=" in found["sign"] or found["quote"] != ""
    return is_literal(value, least=4 if sure else 6) and (sure or not value.isalpha())


# The first letters stand apart, so that the search for where one may begin is quick.
_NAMES = (
    r"(?:[pP](?i:ass(?:word|wd|phrase)|wd|rivate[_-]?key)|[sS](?i:ecret)"
    r"|[aA](?i:pi[_-]?key|ccess[_-]?key|ccount[_-]?key)|[tT](?i:oken))"
)
# `secret_key` and `token-2` name secrets, `tokens` and `tokenizer` do not, nor does what is said about one.
_ABOUT = r"count|type|name|policy|min|max|len|ur[il]|file|path|field|id|ttl|expir|endpoint|hint|mode|format|life|dir"
_SUFFIX = rf"(?![_-]?(?i:{_ABOUT}))(?:(?i:[_-]?key)|[0-9]{{1,2}})?(?:[_-]\w{{1,20}})?"
NAME_ANCHORS = ("passw", "passphrase", "pwd", "secret", "token", "_key", "-key", "apikey", "sskey", "tekey", "ntkey")

DETECTORS: tuple[Detector, ...] = (
    Detector(
        kind="private-key",  # PEM of every sort: PKCS#1, PKCS#8, SEC 1, OpenSSH, PGP
        anchors=("PRIVATE KEY",),
        pattern=re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}?PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END)[^\x00])*+"
            r"(?:-----END [A-Z0-9 ]{0,60}-----)?"
        ),
        holds=_key_has_body,
    ),
    Detector(
        kind="private-key",  # PuTTY
        anchors=("Private-Lines:",),
        pattern=re.compile(r"Private-Lines: ?[0-9]{1,4}\s{1,4}[0-9A-Za-z+/=\s]{20,20000}"),
    ),
    Detector(kind="age-key", anchors=("AGE-SECRET-KEY-1",), pattern=re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,100}")),
    Detector(
        kind="aws-access-key-id",
        anchors=("AKIA", "ASIA", "ABIA", "ACCA"),
        pattern=re.compile(r"(?<![0-9A-Za-z])(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ),
    Detector(
        kind="aws-secret-key",
        anchors=("aws",),
        any_case=True,
        pattern=re.compile(
            r"(?i:aws)[\w.-]{0,20}(?i:secret|key)[\w.-]{0,20}[\"']?[ \t]{0,3}[:=]?[ \t]{0,3}[\"']?"
            r"(?P<value>[0-9A-Za-z+/]{40})(?![0-9A-Za-z+/=])"
        ),
        holds=_value_is_random,
    ),
    Detector(
        kind="github-token",
        anchors=("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        pattern=re.compile(r"gh[oprsu]_[0-9A-Za-z]{30,255}"),
    ),
    Detector(
        kind="github-token",
        anchors=("github_pat_",),
        pattern=re.compile(r"github_pat_[0-9A-Za-z_]{22,255}"),
    ),
    Detector(
        kind="gitlab-token",
        anchors=("gl",),
        pattern=re.compile(r"gl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[0-9A-Za-z_.-]{20,255}"),
    ),
    Detector(
        kind="slack-token",
        anchors=("xox", "xapp-"),
        pattern=re.compile(r"(?:xox[a-eoprs]|xoxe\.xox[bp]|xapp)-[0-9A-Za-z%-]{10,255}"),
        holds=lambda found: any(letter.isdigit() for letter in found[0]),
    ),
    Detector(
        kind="slack-webhook",
        anchors=("hooks.slack.com/",),
        pattern=re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[0-9A-Za-z/_-]{20,255})"),
    ),
    Detector(
        kind="stripe-key",
        anchors=("k_live_", "k_test_", "whsec_"),
        pattern=re.compile(r"(?:[rs]k_(?:live|test)_[0-9A-Za-z]{10,255}|whsec_[0-9A-Za-z+/=]{24,255})"),
    ),
    Detector(
        kind="google-key",
        anchors=("AIza", "GOCSPX-", "ya29."),
        pattern=re.compile(
            r"(?<![0-9A-Za-z])(?:AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])|GOCSPX-[0-9A-Za-z_-]{20,60}|ya29\.[0-9A-Za-z_-]{20,500})"
        ),
    ),
    Detector(
        kind="npm-token",
        anchors=("npm_",),
        pattern=re.compile(r"(?<![0-9A-Za-z_])npm_[0-9A-Za-z]{36}(?![0-9A-Za-z])"),
    ),
    Detector(kind="pypi-token", anchors=("pypi-AgE",), pattern=re.compile(r"pypi-AgE[0-9A-Za-z_-]{40,1000}")),
    Detector(
        kind="api-token",  # OpenAI, Anthropic, Hugging Face, SendGrid, DigitalOcean
        anchors=("sk-", "hf_", "SG.", "dop_v1_"),
        pattern=re.compile(
            r"(?<![0-9A-Za-z_-])(?:sk-(?:(?:proj|ant|svcacct)-[0-9A-Za-z_-]{32,255}|[0-9A-Za-z]{32,255})|hf_[0-9A-Za-z]{30,60}"
            r"|SG\.[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}|dop_v1_[0-9a-f]{64})"
        ),
        holds=lambda found: looks_random(found[0]),
    ),
    Detector(
        kind="jwt",
        anchors=("eyJ",),
        pattern=re.compile(r"(?<![0-9A-Za-z_-])eyJ[0-9A-Za-z_-]{8,}+\.[0-9A-Za-z_-]{2,}+\.[0-9A-Za-z_-]*+"),
        holds=_is_jwt,
    ),
    Detector(
        kind="basic-auth",
        anchors=("basic ",),
        any_case=True,
        pattern=re.compile(r"(?<![0-9A-Za-z])(?i:basic) {1,3}(?P<value>[0-9A-Za-z+/]{6,}+={0,2})"),
        holds=_is_basic,
    ),
    Detector(
        kind="bearer-token",
        anchors=("bearer ",),
        any_case=True,
        pattern=re.compile(r"(?<![0-9A-Za-z])(?i:bearer) {1,3}(?P<value>[0-9A-Za-z._~+/=-]{12,}+)"),
        holds=_value_is_random,
    ),
    Detector(
        kind="url-credentials",  # connection strings too: postgresql://user:password@host
        anchors=("://",),
        pattern=re.compile(r"://(?P<value>[^\s/?#\"'<>\\\x00]{1,400})@(?=[0-9A-Za-z\[_-])"),
        holds=_is_login,
    ),
    Detector(
        kind="assigned-secret",  # password=…, "api_key": "…", Password=…; in a connection string
        anchors=NAME_ANCHORS,
        any_case=True,
        pattern=re.compile(
            rf"{_NAMES}{_SUFFIX}[\\\"'\]]{{0,4}}(?P<sign>[ \t]{{0,3}}(?::=|=>|={{1,2}}|:)[ \t]{{0,3}})"
            r"[bBrRuU]?\\?(?P<quote>[\"']?)"
            r"(?=(?P<value>(?:(?<=[\"'])[^\"'\x00\r\n]{1,200}|[^\s\"',;&)}\]<>\x00]{1,200})))"
        ),
        holds=_is_assigned,
    ),
    Detector(
        kind="assigned-secret",  # --password … on a command line
        anchors=("--",),
        pattern=re.compile(rf"--(?:[a-z]{{1,20}}-){{0,3}}{_NAMES}[ \t]{{1,3}}[\"']?(?P<value>[^\s\"'\x00-]{{1,400}})"),
        holds=lambda found: is_literal(found["value"], least=4) and not found["value"].isalpha(),
    ),
)
