"""The bad releases are bad in one way each, and only the expected refusal counts as one."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts import ship_bad
from scripts.ship_bad import BAD_RELEASES

ROOT = Path(__file__).resolve().parents[3]
KEY = re.compile(r"sk_live_[A-Za-z0-9]{24}|AKIA[A-Z0-9]{16}")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Florin as it is in the checkout, without the repository around it."""
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_each_bad_release_names_a_rule_that_the_policy_has() -> None:
    pages = {path.stem for path in (ROOT / "docs/policies").glob("*.md")}

    assert {bad.rule for bad in BAD_RELEASES.values()} <= pages
    assert {name: bad.exit_code for name, bad in BAD_RELEASES.items()} == {
        "vulnerable-dependency": 1,
        "sql-injection": 1,
        "privileged-container": 1,
        "hard-coded-secret": 1,
        "open-workflow": 1,
        "unhashed-dependency": 1,
        "unparsable-file": 3,
    }


def test_the_vulnerable_dependency_is_pinned_beside_the_real_ones(copy: Path) -> None:
    before = (copy / "service/pyproject.toml").read_text(encoding="utf-8")

    ship_bad.require_werkzeug(copy)

    after = (copy / "service/pyproject.toml").read_text(encoding="utf-8")
    assert set(after.splitlines()) - set(before.splitlines()) == {'    "werkzeug==3.0.0",'}
    assert set(before.splitlines()) <= set(after.splitlines())


def test_the_injection_is_python_that_builds_its_query_from_an_argument(copy: Path) -> None:
    ship_bad.add_sql_injection(copy)

    tree = ast.parse((copy / "service/src/florin/statement_search.py").read_text(encoding="utf-8"))
    (query,) = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    assert "FROM payments.payments WHERE reference = '{reference}'" in ast.unparse(query)


def test_the_privileged_deployment_is_the_same_but_for_its_privilege(copy: Path) -> None:
    path = copy / "service/deploy/kubernetes/deployment.yaml"
    before = yaml.safe_load(path.read_text(encoding="utf-8"))

    ship_bad.make_container_privileged(copy)

    after = yaml.safe_load(path.read_text(encoding="utf-8"))
    for pod, privileged in ((before, None), (after, True)):
        contexts = [container["securityContext"] for container in containers_of(pod)]
        assert [context.pop("privileged", None) for context in contexts] == [privileged] * len(contexts)
        assert {context.pop("allowPrivilegeEscalation") for context in contexts} == {privileged is True}
    assert after == before


def test_the_secret_has_the_shape_of_a_live_key_and_is_not_in_this_repository(copy: Path) -> None:
    ship_bad.hard_code_secret(copy)

    spoiled = (copy / "service/src/florin/acquirer.py").read_text(encoding="utf-8")
    assert KEY.search(spoiled)
    assert ast.parse(spoiled)
    assert not KEY.search((ROOT / "scripts/ship_bad.py").read_text(encoding="utf-8"))


def test_the_workflow_starts_on_what_strangers_send_and_names_its_action_by_a_tag(copy: Path) -> None:
    ship_bad.open_workflow(copy)

    workflow = yaml.safe_load((copy / ".github/workflows/triage.yml").read_text(encoding="utf-8"))
    assert workflow[True] == "pull_request_target"  # YAML 1.1 reads `on` as a truth
    assert workflow["jobs"]["greet"]["steps"][0]["uses"] == "actions/checkout@v4"


def test_the_lock_loses_the_hashes_of_one_package_and_nothing_else(copy: Path) -> None:
    shutil.copy2(ROOT / "uv.lock", copy / "uv.lock")
    before = packages_of(copy / "uv.lock")

    ship_bad.take_hashes_out(copy)

    after = packages_of(copy / "uv.lock")
    assert [name for name in before if before[name] != after[name]] == ["anyio"]
    assert "hash" not in str(after["anyio"])
    assert after["anyio"]["version"] == before["anyio"]["version"]


def test_the_unparsable_file_does_not_parse(copy: Path) -> None:
    ship_bad.add_unparsable_file(copy)

    with pytest.raises(SyntaxError):
        ast.parse((copy / "service/src/florin/surcharge.py").read_text(encoding="utf-8"))


def test_an_edit_that_no_longer_fits_florin_says_so_instead_of_shipping_a_good_release(copy: Path) -> None:
    path = copy / "service/deploy/kubernetes/deployment.yaml"
    path.write_text("kind: Deployment\n", encoding="utf-8")

    with pytest.raises(ValueError, match="has no 'allowPrivilegeEscalation: false'"):
        ship_bad.make_container_privileged(copy)


def test_a_bad_release_is_a_commit_on_top_of_ours_and_leaves_this_checkout_alone(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout, so there is no commit to copy")
    head = git(ROOT, "rev-parse", "HEAD")

    ship_bad.spoil(tmp_path / "florin", BAD_RELEASES["unparsable-file"])

    assert git(tmp_path / "florin", "rev-parse", "HEAD~1") == head
    assert git(tmp_path / "florin", "diff", "--name-only", "HEAD~1") == "service/src/florin/surcharge.py"
    assert git(tmp_path / "florin", "status", "--porcelain") == ""
    assert not (ROOT / "service/src/florin/surcharge.py").exists()


def test_the_expected_refusal_is_no_surprise() -> None:
    assert ship_bad.surprise(verdict(), 1, BAD_RELEASES["sql-injection"]) == ""


@pytest.mark.parametrize(
    ("document", "exit_code", "said"),
    [
        ({"running": {"pid": 7}}, 1, "it was deployed"),
        ({"exit_code": 0}, 0, "exit 0, not 1"),
        ({"exit_code": 3}, 1, "the verdict says exit 3, the command exited 1"),
        (
            {"decision": {"violations": [{"id": "scan.fresh"}], "incomplete": []}},
            1,
            "code.dangerous_finding did not refuse it",
        ),
    ],
)
def test_anything_else_is_a_surprise(document: dict[str, Any], exit_code: int, said: str) -> None:
    assert ship_bad.surprise(verdict() | document, exit_code, BAD_RELEASES["sql-injection"]) == said


def test_an_incomplete_reason_counts_as_a_refusal() -> None:
    document = verdict() | {"exit_code": 3, "decision": {"violations": [], "incomplete": [{"id": "scan.complete"}]}}

    assert ship_bad.refusals(document) == ("scan.complete",)
    assert ship_bad.surprise(document, 3, BAD_RELEASES["unparsable-file"]) == ""


def test_an_unknown_name_is_a_usage_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        ship_bad.main(["sql-inject"])

    assert stopped.value.code == 2
    assert "sql-injection" in capsys.readouterr().err


def verdict() -> dict[str, Any]:
    decision = {"decision": "DENY", "violations": [{"id": "code.dangerous_finding"}], "incomplete": []}
    return {"decision": decision, "exit_code": 1, "running": None}


def containers_of(deployment: dict[str, Any]) -> list[dict[str, Any]]:
    pod = deployment["spec"]["template"]["spec"]
    return [*pod["initContainers"], *pod["containers"]]


def packages_of(lock: Path) -> dict[str, Any]:
    return {entry["name"]: entry for entry in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
