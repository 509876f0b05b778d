"""The first bad index is exact at the edges of the log and of its tiles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.evidence.tamper.attacks import FAR, Table, Vandal, changed, swap
from tests.evidence.tamper.logs import SIZE, Victim, attacked, verify

from mintmark.evidence.verify.report import Answer, Level

ENTRY = Table(name="entry", columns=("idx", "content"), key=("idx",))
INDEXES = (0, 128, 255, 256, 257, SIZE - 2, SIZE - 1)


def edited(vandal: Vandal, index: int) -> None:
    vandal.put([index], "content", changed(vandal.row([index])["content"]))


def deleted(vandal: Vandal, index: int) -> None:
    vandal.delete([index])


def deleted_and_closed_up(vandal: Vandal, index: int) -> None:
    vandal.delete([index])
    vandal.run("UPDATE entry SET idx = idx + ? WHERE idx > ?", [FAR, index])
    vandal.run("UPDATE entry SET idx = idx - ? WHERE idx >= ?", [FAR + 1, FAR])


def inserted(vandal: Vandal, index: int) -> None:
    """Those behind it move up by one."""
    content = changed(vandal.row([index])["content"])
    vandal.run("UPDATE entry SET idx = idx + ? WHERE idx >= ?", [FAR, index])
    vandal.run("UPDATE entry SET idx = idx - ? WHERE idx >= ?", [FAR - 1, FAR])
    vandal.insert({"idx": index, "content": content})


def swapped(vandal: Vandal, index: int) -> None:
    """With the next one, or the last one with the one before it: then that is the first."""
    swap(vandal, "content", [index], [index + 1 if index + 1 < SIZE else index - 1])


ATTACKS: tuple[Callable[[Vandal, int], None], ...] = (edited, deleted, deleted_and_closed_up, inserted, swapped)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_is_named_wherever_an_entry_is_attacked(attack: Callable[[Vandal, int], None], subject: Victim) -> None:
    found = {}
    for index in INDEXES:
        with attacked(subject) as (connection, source):
            vandal = Vandal(connection=connection, table=ENTRY)
            with vandal.unguarded():
                attack(vandal, index)
            report = verify(subject, source, levels=frozenset({Level.L1, Level.L2, Level.L3}))
        assert report.answer is Answer.FAILED
        assert {"L1", "L2"} & {item.level for item in report.broken}
        found[index] = report.first_bad_index

    last = SIZE - 1
    assert found == {index: index - 1 if attack is swapped and index == last else index for index in INDEXES}


def test_without_the_query_tables_it_is_the_first_that_no_tile_and_no_checkpoint_covers(subject: Victim) -> None:
    """The last tile is not full, so nothing holds the hash of each of its entries."""
    named = []
    for index in (300, 400, 515):
        with attacked(subject) as (connection, source):
            vandal = Vandal(connection=connection, table=ENTRY)
            with vandal.unguarded():
                edited(vandal, index)
            named.append(verify(subject, source, levels=frozenset({Level.L1, Level.L2})).first_bad_index)

    assert named == [300, 400, 357]
