"""Tells a value that could be a secret from one that only stands for it. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter

_WORDS = frozenset(
    {"changeme", "default", "dummy", "empty", "example", "expired", "false", "hidden", "invalid", "masked", "missing"}
    | {"none", "null", "omitted", "password", "placeholder", "redacted", "removed", "required", "revoked", "rotated"}
    | {"secret", "token", "true", "undefined", "unknown", "unset"}
)
_STANDS_FOR_ANOTHER = re.compile(
    r"\$\{?\w{1,100}\}?|\$\(.*|\{.*|<.*|%[\w(].*|\[redacted:[a-z-]{1,40}\]?"  # variables and templates
    r"|(?:your|my)[_-][\w-]*"
    r"|[A-Za-z_]\w*(?:\.\w+)*[(\[].*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"  # a call, an index, an attribute
    r"|sha(?:1|256|384|512):[0-9a-f]+"
    r"|[A-Za-z][\w+.-]*://.*"  # an address; what it carries has a detector of its own
    r"|(?:[A-Za-z]:|[~.]{1,2})?(?:[/\\][\w.@ -]*){2,}",  # a path
    re.DOTALL,
)
_MAX_LOOKED_AT = 512


def is_literal(value: str, *, least: int) -> bool:
    """Whether `value` is a value of at least that length, and no variable, template, call, path, mask or filler."""
    value = value[:_MAX_LOOKED_AT].strip("\"'`.,;: \t\\")
    return (
        len(value) >= least
        and len(set(value)) > 2  # xxxxxx, ******, ••••
        and value.lower() not in _WORDS
        and _STANDS_FOR_ANOTHER.fullmatch(value) is None
    )


def is_template(value: str) -> bool:
    """Whether it is a variable, a template or a mask: stricter than `is_literal`, for where a word is a secret too."""
    return not value.strip("*xX•.") or re.fullmatch(r"\$\{?\w{1,100}\}?|\{.*\}|<.*>", value) is not None


def looks_random(value: str) -> bool:
    """16 characters or more, letters and digits, with 3 bits of entropy a character: no word and no name."""
    value = value[:_MAX_LOOKED_AT]
    if len(value) < 16 or not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return False
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values()) >= 3
