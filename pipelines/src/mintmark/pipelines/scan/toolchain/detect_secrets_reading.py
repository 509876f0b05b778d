"""
Runs detect-secrets' detectors inside its own environment over every file below a folder, and says what it read.

The tool's own scan passes over what it takes for binary, over lock files and whatever has `swagger` in its name, drops
comments of YAML, and names a file only where it found something. Here each file is read, whatever it is called; and no
secret leaves this process, nor a hash of one, which anybody could try guesses on. Usage: OUTPUT FOLDER
"""

import importlib
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# All that know a secret by its form, and two that guess. Left out: `IPPublicDetector`, for an address is no secret, and
# `HexHighEntropyString`, which takes each digest for one.
BY_FORM = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
BY_GUESS = ("Base64HighEntropyString", "KeywordDetector")
# Kubernetes names the object that holds a secret so. The whole line, or the rest of it could hold one.
KEYWORD_EXCLUDE = r"^\s*(-\s*)?secretName\s*:\s*[\"']?[a-z0-9][a-z0-9.-]*[\"']?\s*$"
FOR_ALL = ("is_templated_secret", "is_prefixed_with_dollar_sign")
FOR_GUESSES = (
    "is_sequential_string",
    "is_potential_uuid",
    "is_not_alphanumeric_string",
)
# The tool's own look at the whole line: one call anywhere, or one `user_id=`, would hide each password beside it.
REFERENCE = r"[\w.-]+\s*[(\[]"  # what is set is the result of a call, or an element
ASSIGNED = r"[\w.-]+\s*[:=]+\s*[\w.-]+\s*[(\[]"  # and so is this, though a parser of settings puts it in quotes
IDENTIFIER = r"(?:^|[^A-Za-z0-9])(?:my|user)?ids?[\"'\]]?\s*[:=]{1,3}\s*[\"'(\[{]*$"  # the name right before it
MAX_FILE_BYTES = 20 * 1024 * 1024
WINDOW, STEP = (
    10_000,
    8_000,
)  # some expressions take quadratic time; no secret that they know is longer than the overlap
_NAME = re.compile(r"\s*(?:export\s+|-\s+)?[\"']?([A-Za-z_][\w.-]{0,99})[\"']?\s*[:=]")


def main(output: Path, folder: Path) -> int:
    plugins = _plugins()
    reading: dict[str, Any] = {
        "version": _module("__version__").VERSION,
        "plugins": sorted(type(plugin).__name__ for plugin in plugins),
        "filters": [*sorted({*FOR_ALL, *FOR_GUESSES}), REFERENCE, ASSIGNED, IDENTIFIER],
        "read": [],
        "unread": [],
        "found": [],
    }
    for path in sorted(item for item in folder.rglob("*") if item.is_file()):
        name = path.relative_to(folder).as_posix()
        try:
            reading["found"] += _found(name, _text(path), plugins)
            reading["read"].append(name)
        except Exception as cause:  # noqa: BLE001  one file that cannot be read leaves the others readable
            reading["unread"].append({"path": name, "reason": type(cause).__name__})
    output.write_text(json.dumps(reading, sort_keys=True), encoding="utf-8")
    return 0


def _module(name: str) -> Any:
    return importlib.import_module(f"detect_secrets.{name}")


def _plugins() -> list[Any]:
    settings: dict[str, dict[str, Any]] = {
        "Base64HighEntropyString": {"limit": 4.5},
        "KeywordDetector": {"keyword_exclude": KEYWORD_EXCLUDE},
    }
    names = [settings.get(name, {}) | {"name": name} for name in (*BY_FORM, *BY_GUESS)]
    _module("settings").get_settings().configure_plugins(names)
    return list(_module("settings").get_plugins())


class FileTooLarge(Exception):
    """A file over `MAX_FILE_BYTES`."""


def _text(path: Path) -> str:
    """Every file as text: what is no UTF-8 byte by byte, without the NULs that UTF-16 puts between letters."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise FileTooLarge
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _found(name: str, text: str, plugins: list[Any]) -> list[dict[str, Any]]:
    lines = text.split("\n")
    secrets: dict[tuple[int, str, str], set[str]] = {}
    for number, line, plugin in _looked_at(name, text, plugins):
        for window in _windows(line):
            for secret in _secrets(name, number, window, plugin):
                place = (min(number, len(lines)), type(plugin).__name__, plugin.secret_type)
                secrets.setdefault(place, set()).add(secret)
    return [
        {
            "path": name,
            "line": number,
            "detector": detector,
            "kind": kind,
            "name": _name(lines[number - 1], values),
            "allowlisted": _allowlisted(name, lines, number),
        }
        for (number, detector, kind), values in sorted(secrets.items())
    ]


def _looked_at(name: str, text: str, plugins: list[Any]) -> Iterator[tuple[int, str, Any]]:
    """
    Lines as they stand, and the settings that detect-secrets makes out in them.

    Where it makes out settings, it looks for telling names there only, for a comment such as `# password: ask Ana` sets
    nothing.
    """
    plain, eager = (_settings(name, text, eager=eager) for eager in (False, True))
    for number, line in enumerate(text.split("\n"), start=1):
        for plugin in plugins:
            if not (plain and type(plugin).__name__ == "KeywordDetector"):
                yield number, line, plugin
    for listed in (plain, eager):
        for number, line in enumerate(listed, start=1):
            for plugin in plugins:
                yield number, line, plugin


class _Named(io.StringIO):
    name = ""


def _settings(name: str, text: str, *, eager: bool) -> list[str]:
    file = _Named(text)
    file.name = name
    return list(_module("transformers").get_transformed_file(file, use_eager_transformers=eager) or ())


def _windows(line: str) -> Iterator[str]:
    if len(line) <= WINDOW:
        yield line
        return
    for start in range(0, len(line), STEP):
        yield line[start : start + WINDOW]


def _secrets(name: str, number: int, line: str, plugin: Any) -> Iterator[str]:
    heuristic = _module("filters.heuristic")
    guesses = type(plugin).__name__ in BY_GUESS
    for found in plugin.analyze_line(filename=name, line=line, line_number=number):
        secret = found.secret_value
        dropped = any(getattr(heuristic, rule)(secret) for rule in FOR_ALL) or (
            guesses and (any(getattr(heuristic, rule)(secret) for rule in FOR_GUESSES) or _is_elsewhere(secret, line))
        )
        if not dropped:
            yield secret


def _is_elsewhere(secret: str, line: str) -> bool:
    """Not the secret itself stands there, but where it is taken from, or by what it is known."""
    before = line[: max(line.find(secret), 0)]
    if re.search(IDENTIFIER, before, re.IGNORECASE) or re.match(ASSIGNED, secret):
        return True
    return not before.endswith(("'", '"', "`")) and re.match(REFERENCE, secret) is not None


def _name(line: str, secrets: set[str]) -> str:
    """What the line sets, unless that is part of a secret itself."""
    match = _NAME.match(line)
    return match[1] if match and not any(match[1] in secret or secret in match[1] for secret in secrets) else ""


def _allowlisted(name: str, lines: list[str], number: int) -> bool:
    context = _module("util.code_snippet").get_code_snippet(lines, number)
    allowed = _module("filters.allowlist").is_line_allowlisted(name, lines[number - 1].rstrip(), context)
    return bool(allowed)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
