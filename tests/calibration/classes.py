"""The classes of weakness that are calibrated, and which rules of which tool speak of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WeaknessClass:
    """`name` is that of the file in `cases/`; a finding counts for a class only where its rule is listed here."""

    name: str
    title: str
    cwe: str
    bandit: frozenset[str] = frozenset()
    semgrep: frozenset[str]


CLASSES = (
    WeaknessClass(
        name="sql_injection",
        title="SQL injection",
        cwe="CWE-89",
        bandit=frozenset({"B608", "B610", "B611"}),
        semgrep=frozenset({"sql-from-strings"}),
    ),
    WeaknessClass(
        name="command_injection",
        title="Commands and code",
        cwe="CWE-78, CWE-95",
        bandit=frozenset({"B102", "B307", "B602", "B603", "B604", "B605", "B606", "B607", "B609"}),
        semgrep=frozenset({"shell-true", "eval-or-exec"}),
    ),
    WeaknessClass(
        name="path_traversal",
        title="Path traversal",
        cwe="CWE-22",
        bandit=frozenset({"B202"}),
        semgrep=frozenset({"path-from-request", "archive-unpacked"}),
    ),
    WeaknessClass(
        name="deserialisation",
        title="Deserialisation",
        cwe="CWE-502",
        bandit=frozenset({"B301", "B302", "B506", "B614"}),
        semgrep=frozenset({"unsafe-deserialisation"}),
    ),
    WeaknessClass(
        name="weak_cryptography",
        title="Weak cryptography",
        cwe="CWE-327, CWE-328",
        bandit=frozenset({"B303", "B304", "B305", "B324", "B505"}),
        semgrep=frozenset({"weak-hash", "weak-cipher"}),
    ),
    WeaknessClass(
        name="randomness",
        title="Randomness",
        cwe="CWE-338",
        bandit=frozenset({"B311"}),
        semgrep=frozenset({"predictable-token"}),
    ),
    WeaknessClass(
        name="hardcoded_secrets",
        title="Secrets in the source",
        cwe="CWE-798",
        bandit=frozenset({"B105", "B106", "B107"}),
        semgrep=frozenset({"hardcoded-secret"}),
    ),
    WeaknessClass(
        name="card_data",
        title="Card data kept or logged",
        cwe="CWE-312, CWE-532",
        semgrep=frozenset({"card-number-logged", "card-number-in-code", "authentication-data-stored"}),
    ),
    WeaknessClass(
        name="money", title="Money as a float", cwe="CWE-682", semgrep=frozenset({"float-money", "money-rounded"})
    ),
    WeaknessClass(name="timing", title="Comparison of secrets", cwe="CWE-208", semgrep=frozenset({"secret-compared"})),
    WeaknessClass(
        name="tls",
        title="TLS",
        cwe="CWE-295, CWE-327",
        bandit=frozenset({"B323", "B501", "B502", "B503", "B504"}),
        semgrep=frozenset({"certificate-not-verified", "tls-too-old"}),
    ),
    WeaknessClass(
        name="xml_entities",
        title="XML entities",
        cwe="CWE-611",
        bandit=frozenset({"B313", "B314", "B315", "B316", "B317", "B318", "B319", "B320"}),
        semgrep=frozenset({"xml-entities"}),
    ),
    WeaknessClass(
        name="server_side_requests",
        title="Requests forged through the server",
        cwe="CWE-918",
        bandit=frozenset({"B310"}),
        semgrep=frozenset({"url-from-request"}),
    ),
    WeaknessClass(
        name="template_injection",
        title="Templates",
        cwe="CWE-79, CWE-1336",
        bandit=frozenset({"B701", "B702", "B703", "B704"}),
        semgrep=frozenset({"template-unescaped"}),
    ),
    WeaknessClass(
        name="asserts",
        title="Asserts that decide",
        cwe="CWE-617",
        bandit=frozenset({"B101"}),
        semgrep=frozenset({"assert-decides"}),
    ),
)
