"""A trace reads a posting from what the log binds: Florin's answer is only where the bytes come from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.pipelines.trace.doubters import Change, lying
from tests.service.builders import DEPLOYMENT, Florin

from mintmark.evidence.ledger.receipt import verify_ledger_receipt
from mintmark.evidence.log import EvidenceLog
from mintmark.pipelines.deploy.ledger_binding import clock, open_binder
from mintmark.pipelines.deploy.service_client import FlorinClient
from mintmark.pipelines.errors import PipelineError
from mintmark.pipelines.locations import Locations
from mintmark.pipelines.sign.local_key import local_signer
from mintmark.pipelines.trace.ledger import LedgerProver
from mintmark.pipelines.trace.posting import trace_posting
from mintmark.pipelines.workshop import open_evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An evidence log beside a running Florin, whose ledger it binds under a name of its own."""

    florin: Florin
    locations: Locations
    log: EvidenceLog

    def bind(self) -> None:
        signer = local_signer(self.locations.keys)
        with open_binder(self.log, signer, url=self.florin.database_url) as binder:
            list(binder.drain(clock))

    def points_to(self, url: str) -> None:
        folder = self.locations.environment("local")
        folder.mkdir(parents=True, exist_ok=True)
        running = {
            "environment": "local",
            "deployment_id": DEPLOYMENT,
            "digest": "",
            "url": url,
            "pid": 0,
            "folder": str(folder / "deployments" / DEPLOYMENT),
        }
        (folder / "current.json").write_text(json.dumps(running), encoding="utf-8")

    def lines(self, posting: str, *, receipt: Path | None = None) -> list[str]:
        """The lines about the ledger; no deployment is on record here, so the trail ends after them."""
        found = []
        try:
            for line in trace_posting(self.log, posting, self.locations, receipt=receipt):
                found.append(line)  # noqa: PERF402  what was yielded before the end counts
        except PipelineError as ended:
            if ended.reason != "not_recorded":
                raise
        return found

    def refused(self, posting: str) -> str:
        with pytest.raises(PipelineError) as refused:
            list(trace_posting(self.log, posting, self.locations))
        return refused.value.reason


@pytest.fixture(scope="module")
def desk(florin: Florin, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One log for the whole file: a ledger is bound to one."""
    folder = tmp_path_factory.mktemp("desk")
    locations = Locations(
        state=folder / "evidence",
        keys=folder / "config" / "mintmark" / "keys",
        checkpoints=folder / "state" / "mintmark" / "checkpoints",
        cache=folder / "cache",
    )
    made = Desk(florin=florin, locations=locations, log=open_evidence(locations))
    made.points_to(florin.url)
    return made


def _posting(desk: Desk, *, bound: bool = True) -> str:
    posting = str(desk.florin.captured(1250)["posting_ids"][0])
    if bound:
        desk.bind()
    return posting


def test_a_bound_posting_shows_its_place_in_the_batch_and_in_the_log(desk: Desk) -> None:
    lines = desk.lines(_posting(desk))

    assert re.fullmatch(r"posting +\d+\.1: -1250 EUR minor units on demo:customer, entry \d+ at \S+Z", lines[0])
    assert re.fullmatch(r"ledger +bound batch \d+ leaf \d+ of \d+ → entry \d+ → checkpoint size \d+ ✓", lines[2])


def test_a_posting_that_waits_is_said_to_wait_and_to_rest_on_florins_word(desk: Desk) -> None:
    posting = _posting(desk, bound=False)
    lines = desk.lines(posting)
    desk.bind()

    assert re.search(r"not bound yet, queued \d+\.\d s ago: .* Florin's word alone", lines[2])
    assert "✓" in desk.lines(posting)[2]


def test_the_receipt_is_written_and_proves_the_posting_offline(desk: Desk, tmp_path: Path) -> None:
    posting = _posting(desk)
    path = tmp_path / "posting.ledger-receipt"
    lines = desk.lines(posting, receipt=path)
    verified = verify_ledger_receipt(path.read_bytes(), log_vkey=desk.log.signer.vkey)

    assert str(path) in lines[3]
    assert f"{verified.journal_entry.id}.1" == posting
    assert verified.describe() in lines[2]
    waiting = _posting(desk, bound=False)
    with pytest.raises(PipelineError) as refused:
        list(trace_posting(desk.log, waiting, desk.locations, receipt=tmp_path / "none"))
    assert refused.value.reason == "not_bound"
    assert not (tmp_path / "none").exists()


def _with_entry(**changed: Any) -> Change:
    def change(path: str, answer: Any) -> Any:
        return answer | {"entry": answer["entry"] | changed} if "/postings/" in path else answer

    return change


def _edited(path: str, answer: Any) -> Any:
    """Another amount, with a leaf hash that fits it."""
    import hashlib

    if "/postings/" not in path:
        return answer
    text = answer["entry"]["canonical"].replace("1250", "9250")
    leaf = hashlib.sha256(b"\x00" + text.encode()).hexdigest()
    return answer | {"entry": answer["entry"] | {"canonical": text, "leaf_hash": leaf}}


def _edited_and_denied(path: str, answer: Any) -> Any:
    changed = _edited(path, answer)
    return _with_entry(batch=None, queued_at="2026-11-24T00:00:00+00:00")(path, changed)


def _leaf_left_out(path: str, answer: Any) -> Any:
    return answer | {"leaves": answer["leaves"][:-1]} if "/batches/" in path else answer


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_edited, "leaf_mismatch"),
        (_edited_and_denied, "bound_and_denied"),
        (_with_entry(batch=None, queued_at=None), "bound_and_denied"),
        (_with_entry(batch=999_999), "bound_and_denied"),
        (_with_entry(leaf_hash="00" * 32), "leaf_mismatch"),
        (_with_entry(canonical="florin/entry/v1\n"), "malformed"),
        (_leaf_left_out, "root_mismatch"),
        (lambda path, answer: {"leaves": [1]} if "/batches/" in path else answer, "malformed"),
    ],
)
def test_an_answer_that_the_log_contradicts_is_refused(desk: Desk, change: Change, reason: str) -> None:
    posting = _posting(desk)
    with lying(desk.florin, change) as url:
        desk.points_to(url)
        found = desk.refused(posting)
    desk.points_to(desk.florin.url)

    assert found == reason
    assert desk.lines(posting)


def test_another_entrys_text_in_the_place_of_the_one_asked_for_is_refused(desk: Desk) -> None:
    first, second = _posting(desk), _posting(desk)
    other = desk.florin.call(f"/v1/ledger/postings/{second}").json()
    with lying(desk.florin, lambda path, answer: other if "/postings/" in path else answer) as url:
        desk.points_to(url)
        found = desk.refused(first)
    desk.points_to(desk.florin.url)

    assert found == "id_mismatch"


def test_the_sums_of_a_deployment_are_read_from_what_the_log_binds(desk: Desk) -> None:
    _posting(desk)
    _posting(desk, bound=False)
    prover = LedgerProver(log=desk.log, client=FlorinClient(url=desk.florin.url))
    from mintmark.pipelines.trace.build import _Posted

    posted = _Posted()
    posted.add(prover, DEPLOYMENT)
    totals = desk.florin.call(f"/v1/ledger/deployments/{DEPLOYMENT}/totals").json()

    assert (posted.entries, posted.postings) == (totals["entries"], totals["postings"])
    assert dict(posted.sums) == {item["currency"]: item["debit_minor"] for item in totals["totals"]}
    assert posted.waiting == 1


def test_the_command_binds_says_the_age_and_refuses_a_leaf_that_waits_too_long(desk: Desk) -> None:
    folder = desk.locations.state.parent
    environment = os.environ | {
        "MINTMARK_STATE": str(desk.locations.state),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "FLORIN_DATABASE_URL": desk.florin.database_url,
    }

    def command(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mintmark.pipelines.cli.main", "bind-ledger", *words],
            env=environment | changed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    posting = _posting(desk, bound=False)
    late = command("--check", "--max-age", "1ms")
    bound = command("--max-age", "1h", "-o", "json")
    document = json.loads(bound.stdout)

    assert (late.returncode, "TOO OLD" in late.stdout) == (3, True), late.stderr
    assert (bound.returncode, document["too_old"], document["oldest_unbound_age_s"]) == (0, False, None), bound.stderr
    assert document["batches"][-1]["last"] == int(posting.partition(".")[0])
    assert "✓" in desk.lines(posting)[2]
    assert command("--check", "--max-age", "never").returncode == 2
    away = command("--every", "100ms", "--max-age", "3s", FLORIN_DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert (away.returncode, "trying again" in away.stderr) == (5, True), away.stderr
    assert command("--check", MINTMARK_STATE=str(folder / "none")).returncode == 0
    assert not (folder / "none").exists()  # asking for the age makes no log
