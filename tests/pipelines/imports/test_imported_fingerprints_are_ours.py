"""Where the tree is at hand, what another run of a tool found has the fingerprints that our own run gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipelines.imports.builders import ROOT, TREE, bandit, read, result, sarif, sarif_run, vector
from tests.pipelines.scan.builders import commit, lock, scan

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.export import Tree, export_tree, read_tree
from mintmark.pipelines.scan.imports import Background, ReportRefused
from mintmark.pipelines.scan.model import Category, ScanReport, Severity


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def ours(folder: Path, environments: ToolEnvironments, advisories: Advisories) -> dict[str, ScanReport]:
    return scan(folder, {**TREE, **lock("urllib3==2.0.6", "idna==3.10")}, environments, advisories)


@pytest.fixture(scope="module")
def tree(folder: Path, ours: dict[str, ScanReport]) -> Tree:
    """The export that was scanned; to ask for it after `ours` is what makes it be there."""
    assert ours
    return read_tree(folder / "tree")


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("bandit-1.7.5.json", "bandit"),
        ("bandit-1.7.10.json", "bandit"),
        ("semgrep-1.90.0.json", "semgrep"),
        ("semgrep-1.90.0.sarif", "semgrep"),
        ("checkov-3.2.255.json", "checkov"),
        ("pip-audit-2.7.3.json", "pip-audit"),
        ("osv-scanner-1.9.2.json", "pip-audit"),
        ("zizmor-1.32.0.sarif", "zizmor"),
    ],
)
def test_a_finding_of_both_runs_has_one_fingerprint(
    name: str, tool: str, ours: dict[str, ScanReport], tree: Tree
) -> None:
    own = {item.fingerprint: item for item in ours[tool].findings}
    imported = {item.fingerprint: item for item in vector(name, Background(tree=tree, root=ROOT)).findings}

    assert imported
    assert imported.keys() <= own.keys()
    for mark, item in imported.items():
        assert item.rule == own[mark].rule
        assert (item.category, item.package) == (own[mark].category, own[mark].package)


def test_bandits_sarif_differs_only_where_it_says_another_place(ours: dict[str, ScanReport], tree: Tree) -> None:
    """Of a call over several lines its SARIF flags other ones than its JSON does."""
    own = {item.fingerprint for item in ours["bandit"].findings}
    imported = vector("bandit-1.7.10.sarif", Background(tree=tree, root=ROOT)).findings

    assert [item.rule for item in imported if item.fingerprint not in own] == ["B602"]


def test_a_secret_is_marked_by_its_place_in_the_tree_and_not_by_its_text(tree: Tree) -> None:
    with_tree = vector("bandit-1.7.10.json", Background(tree=tree, root=ROOT))
    without = vector("bandit-1.7.10.json")
    (secret,) = [item for item in with_tree.findings if item.category is Category.SECRET]
    (blind,) = [item for item in without.findings if item.category is Category.SECRET]

    assert secret.fingerprint != blind.fingerprint


def test_a_report_of_another_tree_is_refused(tree: Tree) -> None:
    background = Background(tree=tree)
    for uri, line in (("src/ghost.py", 1), ("src/shop.py", 999)):
        with pytest.raises(ReportRefused) as refused:
            read("sarif", sarif(sarif_run(result(uri=uri, line=line))), background)
        assert refused.value.reason == "malformed"
    with pytest.raises(ReportRefused) as refused:
        read("bandit", bandit(filename="src/ghost.py"), background)

    assert refused.value.reason == "malformed"
    assert read("sarif", sarif(sarif_run(result())), background).findings
    assert read("bandit", bandit(), background).findings[0].severity is Severity.MEDIUM


def test_a_clean_checkout_has_the_digest_of_its_commit(tmp_path: Path) -> None:
    identity = commit(tmp_path / "checkout", TREE | {".bandit": "[bandit]\n"})
    exported = export_tree(tmp_path / "checkout", identity, ["."], tmp_path / "tree")

    assert read_tree(tmp_path / "checkout").digest == exported.digest
    (tmp_path / "checkout/src/shop.py").write_text("pass\n", encoding="utf-8")
    assert read_tree(tmp_path / "checkout").digest != exported.digest


def test_without_the_tree_a_report_is_of_no_tree(tree: Tree) -> None:
    raw = sarif(sarif_run(result()))

    assert read("sarif", raw).tree_digest != tree.digest
    assert read("sarif", raw, Background(tree=tree)).tree_digest == tree.digest
