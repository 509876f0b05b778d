"""The patches of canaries: RFC 6902, three operations, nothing lenient."""

from __future__ import annotations

import pytest

from mintmark.pipelines.gate import patch

DOCUMENT = {"a": [1, 2], "b": {"c~d/e": 1}}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3], "b": {"c~d/e": 1}}),
        ({"op": "add", "path": "/a/0", "value": 0}, {"a": [0, 1, 2], "b": {"c~d/e": 1}}),
        ({"op": "add", "path": "/x", "value": {}}, {**DOCUMENT, "x": {}}),
        ({"op": "replace", "path": "/b/c~0d~1e", "value": 2}, {"a": [1, 2], "b": {"c~d/e": 2}}),
        ({"op": "remove", "path": "/a/1"}, {"a": [1], "b": {"c~d/e": 1}}),
    ],
)
def test_an_operation_does_what_the_rfc_says(operation: dict[str, object], expected: dict[str, object]) -> None:
    assert patch.apply(DOCUMENT, [operation]) == expected
    assert DOCUMENT == {"a": [1, 2], "b": {"c~d/e": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/x", "value": 1},
        {"op": "remove", "path": "/a/9"},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "test", "path": "/a", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "", "value": 1},
    ],
)
def test_what_does_not_fit_is_refused(operation: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="JSON Patch"):
        patch.apply(DOCUMENT, [operation])
