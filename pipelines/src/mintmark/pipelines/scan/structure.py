"""What the code around a place looks like without any value in it: names, operators and scopes of Python source."""

from __future__ import annotations

import ast
import io
import token
import tokenize
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

_SHOWN = (token.NAME, token.OP)
# Since Python 3.12 an f-string comes in pieces; it is left out as a whole, as older versions' single token is.
_F_STRINGS = {getattr(token, "FSTRING_START", -1): 1, getattr(token, "FSTRING_END", -1): -1}


def structure_of(source: str, first: int, last: int) -> str:
    """
    Name where lines `first` to `last` stand, so that no text of a string, number or comment goes in.

    Two sources that differ in such texts only give the same structure: it tells nothing of them. What Python cannot
    read has none.
    """
    shape = _shape_of(source)
    if shape is None:
        return ""
    names = [name for start, end, name in shape.scopes if start <= first <= end]
    shown = shape.shown[bisect_left(shape.lines, first) : bisect_left(shape.lines, last + 1)]
    return " ".join([*names, ":", *shown])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """`scopes` are classes and functions, from the outside in; `lines` are those of the tokens in `shown`."""

    scopes: tuple[tuple[int, int, str], ...]
    lines: tuple[int, ...]
    shown: tuple[str, ...]


@lru_cache(maxsize=4)  # a report may flag each line of a file, which is then parsed once
def _shape_of(source: str) -> _Shape | None:
    try:
        nodes = list(ast.walk(ast.parse(source)))
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        return None
    scopes = [
        (node.lineno, node.name, node.end_lineno or node.lineno)
        for node in nodes
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    shown, depth = [], 0
    for item in tokens:
        depth += _F_STRINGS.get(item.type, 0)
        if not depth and item.type in _SHOWN:
            shown.append((item.start[0], item.string))  # a name or an operator never spans lines
    return _Shape(
        scopes=tuple((start, end, name) for start, name, end in sorted(scopes)),
        lines=tuple(line for line, _ in shown),
        shown=tuple(text for _, text in shown),
    )
