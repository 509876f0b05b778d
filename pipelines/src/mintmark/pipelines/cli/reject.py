"""`mintmark reject`: says no to one artefact for one environment, and takes back an approval that one gave before."""

from __future__ import annotations

from collections.abc import Sequence

from mintmark.pipelines.cli.approve import speak


def run(words: Sequence[str]) -> int:
    return speak(words, verb="reject")
