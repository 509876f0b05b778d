"""The bill of materials names what the lock pins, is about the artefact, and is the same for the same lock."""

import json
from pathlib import Path

import pytest
from tests.pipelines.scan.builders import lock, tree

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.sbom.cyclonedx import SbomIncomplete, export_sbom
from mintmark.pipelines.scan.export import Tree

ROOT = Path(__file__).resolve().parents[3]
SUBJECT = "a" * 64


def sbom_of(exported: Tree, package: str = "shop") -> object:
    bill = export_sbom(exported, package=package, subject_name=f"{package}.whl", subject_sha256=SUBJECT)
    return json.loads(bill.document)


def test_the_bill_names_every_pin_and_the_artefact(tmp_path: Path) -> None:
    exported = tree(tmp_path, lock("idna==3.10", "urllib3==2.2.3"))
    bill = export_sbom(exported, package="shop", subject_name="shop.whl", subject_sha256=SUBJECT)
    document = json.loads(bill.document)

    assert (document["bomFormat"], document["specVersion"], bill.components) == ("CycloneDX", "1.5", 2)
    assert {(item["name"], item["version"]) for item in document["components"]} == {
        ("idna", "3.10"),
        ("urllib3", "2.2.3"),
    }
    assert document["metadata"]["component"]["name"] == "shop.whl"
    assert document["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": SUBJECT}]
    assert bill.to_gate(subject_sha256=SUBJECT) == {
        "present": True,
        "format": "CycloneDX",
        "spec_version": "1.5",
        "components": 2,
        "subject_sha256": SUBJECT,
        "lock_digest": f"sha256:{bill.lock_digest}",
    }


def test_the_same_lock_gives_the_same_bytes(tmp_path: Path) -> None:
    bills = [
        export_sbom(tree(tmp_path / name, lock("idna==3.10")), package="shop", subject_name="s", subject_sha256=SUBJECT)
        for name in ("one", "two")
    ]

    assert bills[0] == bills[1]
    assert b"timestamp" not in bills[0].document
    assert json.loads(bills[0].document)["serialNumber"] == json.loads(bills[1].document)["serialNumber"]


def test_another_lock_gives_another_bill(tmp_path: Path) -> None:
    assert sbom_of(tree(tmp_path / "one", lock("idna==3.10"))) != sbom_of(tree(tmp_path / "two", lock("idna==3.9")))


@pytest.mark.parametrize("missing", ["uv.lock", "pyproject.toml"])
def test_a_tree_without_its_lock_or_project_is_refused(missing: str, tmp_path: Path) -> None:
    files = {path: content for path, content in lock("idna==3.10").items() if path != missing}
    with pytest.raises(UsageError) as refused:
        sbom_of(tree(tmp_path, files))

    assert refused.value.reason == "lock_unreadable"


def test_a_package_that_is_not_in_the_lock_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        sbom_of(tree(tmp_path, lock("idna==3.10")), package="stall")

    assert refused.value.reason == "lock_unreadable"


def test_a_dependency_that_the_bill_cannot_name_is_refused(tmp_path: Path) -> None:
    files = lock("idna==3.10")
    files["uv.lock"] = files["uv.lock"].replace('{ name = "idna" }]', '{ name = "idna" }, { name = "till" }]', 1) + (
        '\n[[package]]\nname = "till"\nsource = { directory = "till" }\n'
    )
    files |= {"till/pyproject.toml": '[project]\nname = "till"\nversion = "1"\n'}
    with pytest.raises(SbomIncomplete) as refused:
        sbom_of(tree(tmp_path, files))

    assert refused.value.reason == "sbom_incomplete"
