"""Whatever is posted, in whatever order: balances are the sums of postings, and every refusal leaves no trace."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.builders import DEPLOYMENT, Florin

# Three accounts that may not go below zero and one, the outside world, that may.
NAMES = ("a", "b", "c", "outside")
legs = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(-60, 60).filter(bool)), min_size=2, max_size=5)


@st.composite
def entries(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Mostly balanced, so that most are posted and their neighbours are refused for each reason."""
    drawn = draw(legs)
    rest = -sum(amount for _, amount in drawn)
    if rest and draw(st.integers(0, 9)):
        drawn.append((draw(st.sampled_from(NAMES)), rest))
    return drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    accepted: list[bool]
    balances: dict[str, int]
    summed: dict[str, int]
    running: bool


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries(), min_size=1, max_size=12))
def test_balances_follow_a_small_oracle(florin: Florin, sequence: list[list[tuple[str, int]]]) -> None:
    expected = dict.fromkeys(NAMES, 0)
    accepted = [_apply(expected, entry) for entry in sequence]
    found = asyncio.run(_post_all(florin, sequence))

    assert found.accepted == accepted
    assert found.balances == expected
    assert found.summed == {name: amount for name, amount in expected.items() if name in found.summed}
    assert found.running


def _apply(balances: dict[str, int], entry: list[tuple[str, int]]) -> bool:
    """
    The oracle: zero-sum, and no account below zero after any leg.

    Legs are applied in the order of accounts, so that within one account debits and credits may not cross zero.
    """
    if sum(amount for _, amount in entry) != 0:
        return False
    after = dict(balances)
    for name, amount in sorted(entry, key=lambda leg: NAMES.index(leg[0])):
        after[name] += amount
        if name != "outside" and after[name] < 0:
            return False
    balances.update(after)
    return True


async def _post_all(florin: Florin, sequence: list[list[tuple[str, int]]]) -> Outcome:
    run = uuid.uuid4().hex[:12]
    codes = {name: f"t{run}:{name}" for name in NAMES}
    connection = await asyncpg.connect(florin.database_url)
    try:
        await connection.execute("SET ROLE florin_app")
        for name in NAMES:
            minimum = None if name == "outside" else 0
            await connection.execute("SELECT ledger.open_account($1, 'CHF', $2)", codes[name], minimum)
        accepted = [
            await _posted(connection, f"{run}:{number}", [(codes[name], amount) for name, amount in entry])
            for number, entry in enumerate(sequence)
        ]
        return await _outcome(connection, codes, accepted)
    finally:
        await connection.close()


async def _posted(connection: asyncpg.Connection, ref: str, entry: list[tuple[str, int]]) -> bool:
    try:
        await connection.execute(
            "SELECT ledger.post('p', $1, 'p', $2, $3, $4)",
            ref,
            uuid.UUID(DEPLOYMENT),
            [code for code, _ in entry],
            [amount for _, amount in entry],
        )
    except asyncpg.CheckViolationError:
        return False
    return True


async def _outcome(connection: asyncpg.Connection, codes: dict[str, str], accepted: list[bool]) -> Outcome:
    names = {code: name for name, code in codes.items()}
    balances = await connection.fetch(
        "SELECT code, posted FROM ledger.balance JOIN ledger.account ON id = account_id WHERE code = ANY($1)",
        list(names),
    )
    summed = await connection.fetch(
        "SELECT code, sum(amount)::bigint AS total FROM ledger.posting JOIN ledger.account a ON a.id = account_id "
        "WHERE code = ANY($1) GROUP BY code",
        list(names),
    )
    # Each posting carries the balance after it, and versions count up without a gap.
    broken = await connection.fetchval(
        "SELECT count(*) FROM (SELECT p.*, sum(amount) OVER w AS running, row_number() OVER w AS number "
        "FROM ledger.posting p JOIN ledger.account a ON a.id = account_id WHERE code = ANY($1) "
        "WINDOW w AS (PARTITION BY account_id ORDER BY account_version)) s "
        "WHERE balance_after <> running OR account_version <> number",
        list(names),
    )
    return Outcome(
        accepted=accepted,
        balances={names[row["code"]]: row["posted"] for row in balances},
        summed={names[row["code"]]: row["total"] for row in summed},
        running=broken == 0,
    )
