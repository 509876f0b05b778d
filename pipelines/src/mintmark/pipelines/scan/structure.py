"""What the code around a place looks like without any value in it: names, operators and scopes of Python source."""

from __future__ import annotations

import ast
import io
import token
import tokenize

_SHOWN = (token.NAME, token.OP)
# Since Python 3.12 an f-string comes in pieces; it is left out as a whole, as older versions' single token is.
_F_STRINGS = {getattr(token, "FSTRING_START", -1): 1, getattr(token, "FSTRING_END", -1): -1}


def structure_of(source: str, first: int, last: int) -> str:
    """
    Name where lines `first` to `last` stand, so that no text of a string, number or comment goes in.

    Two sources that differ in such texts only give the same structure: it tells nothing of them. What Python cannot
    read has none.
    """
    try:
        names = _scopes(ast.parse(source), first)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        return ""
    shown, depth = [], 0
    for item in tokens:
        depth += _F_STRINGS.get(item.type, 0)
        inside = item.start[0] <= last and item.end[0] >= first
        if inside and not depth and item.type in _SHOWN:
            shown.append(item.string)
    return " ".join([*names, ":", *shown])


def _scopes(tree: ast.AST, line: int) -> list[str]:
    """The classes and functions around a line, from the outside in."""
    found = [
        (node.lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return [name for _, name in sorted(found)]
