"""A bill of materials is read strictly, compared with its lock, and says the licence of each component."""

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7
from tests.pipelines.scan.builders import lock, tree
from tests.pipelines.scan.conftest import environments

from mintmark.pipelines.sbom.check import SPEC_VERSIONS, SbomInvalid, check_bill, parse_purl
from mintmark.pipelines.sbom.cyclonedx import Sbom, SbomIncomplete, export_sbom
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.pins import Pin

__all__ = ["environments"]

Bill = dict[str, Any]
SUBJECT = hashlib.sha256(b"wheel").hexdigest()
PINS = [Pin(name="idna", version="3.10", line=1), Pin(name="urllib3", version="2.2.3", line=2)]
LICENCES = {("idna", "3.10"): "BSD-3-Clause", ("urllib3", "2.2.3"): "MIT OR LicenseRef-BSD"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Sbom:
    return bill_of(tmp_path_factory.mktemp("shop"), LICENCES)


def bill_of(folder: Path, licences: dict[tuple[str, str], str] | None) -> Sbom:
    return export_sbom(
        tree(folder, lock("idna==3.10", "urllib3==2.2.3")),
        package="shop",
        subject_name="shop.whl",
        subject_sha256=SUBJECT,
        licences=licences,
    )


@pytest.fixture
def bill(exported: Sbom) -> Bill:
    document: Bill = json.loads(exported.document)
    return document


def checked(document: Bill) -> Any:
    return check_bill(json.dumps(document).encode(), pins=PINS)


def test_our_own_bill_is_whole_and_gives_the_gate_what_it_says(exported: Sbom) -> None:
    found = check_bill(exported.document, pins=PINS)

    assert found.whole
    assert found.to_gate(lock_digest=exported.lock_digest) == exported.to_gate(subject_sha256=SUBJECT)
    assert {str(item): item.licence for item in found.components} == {
        "idna 3.10": "BSD-3-Clause",
        "urllib3 2.2.3": "MIT OR LicenseRef-BSD",
    }


def test_the_serial_number_is_that_of_the_content(tmp_path: Path) -> None:
    bills = [bill_of(tmp_path / str(number), licences) for number, licences in enumerate((LICENCES, LICENCES, None))]
    serials = [json.loads(item.document)["serialNumber"] for item in bills]

    assert bills[0] == bills[1]
    assert serials[0] == serials[1] != serials[2]


def test_a_licence_that_is_not_known_is_said_aloud(tmp_path: Path) -> None:
    document = json.loads(bill_of(tmp_path, {("idna", "3.10"): "unknown"}).document)

    assert [item["properties"] for item in document["components"]] == [
        [{"name": "mintmark:licence", "value": "unknown"}]
    ] * 2
    assert {item.licence for item in checked(document).components} == {"unknown"}


def validator(environments: ToolEnvironments, version: str) -> Draft7Validator:
    """The schema of CycloneDX itself, as it comes with cyclonedx-python-lib in pip-audit's environment."""
    folder = next((environments.root / "pip-audit/lib").glob("python3*/site-packages/cyclonedx/schema/_res"))
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.schema.json")}
    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", DRAFT7.create_resource(schema)) for name, schema in schemas.items()
    )
    wanted = schemas[f"bom-{version}.SNAPSHOT.schema.json"]
    return Draft7Validator(wanted, registry=registry)


def test_our_own_bill_is_valid_by_the_schema_of_cyclonedx(environments: ToolEnvironments, exported: Sbom) -> None:
    document = json.loads(exported.document)

    assert [error.message for error in validator(environments, "1.5").iter_errors(document)] == []


def _component(document: Bill, **changes: Any) -> None:
    document["components"][0] |= changes


def _without(name: str) -> Callable[[Bill], None]:
    return lambda document: document["components"][0].pop(name)


# What the schema of CycloneDX refuses, ours refuses; what else is refused is stricter on purpose.
BROKEN: dict[str, tuple[Callable[[Bill], Any], bool]] = {
    "another format": (lambda document: document.update(bomFormat="SPDX"), True),
    "an unknown version": (lambda document: document.update(specVersion="9.9"), False),
    "a version of the bill that is none": (lambda document: document.update(version=0), True),
    "a version of the bill that is true": (lambda document: document.update(version=True), True),
    "a serial number that is no UUID": (lambda document: document.update(serialNumber="urn:uuid:1"), True),
    "components that are no list": (lambda document: document.update(components={}), True),
    "a component that is no object": (lambda document: document["components"].append("idna"), True),
    "a component without a type": (_without("type"), True),
    "a component of a type that is none": (lambda document: _component(document, type="thing"), True),
    "a component without a name": (_without("name"), True),
    "a name that is a number": (lambda document: _component(document, name=1), True),
    "a component without a version": (_without("version"), False),
    "a component without a purl": (_without("purl"), False),
    "a purl that is none": (lambda document: _component(document, purl="idna@3.10"), False),
    "a purl of another package": (lambda document: _component(document, purl="pkg:pypi/other@3.10"), False),
    "a purl of another version": (lambda document: _component(document, purl="pkg:pypi/idna@3.9"), False),
    "two of one bom-ref": (
        lambda document: _component(document, **{"bom-ref": document["components"][1]["bom-ref"]}),
        False,
    ),
    "the bom-ref of the subject": (
        lambda document: _component(document, **{"bom-ref": document["metadata"]["component"]["bom-ref"]}),
        False,
    ),
    "a component that stands twice": (
        lambda document: document["components"].append(document["components"][0] | {"bom-ref": "another"}),
        False,
    ),
    "a dependency on nothing": (lambda document: document["dependencies"].append({"ref": "nobody"}), False),
    "a dependency without a ref": (lambda document: document["dependencies"].append({}), True),
    "a hash that is too short": (
        lambda document: _component(document, hashes=[{"alg": "SHA-256", "content": "ab"}]),
        True,
    ),
    "a license that is none": (lambda document: _component(document, licenses=[{"licence": {"id": "MIT"}}]), True),
    "no metadata": (lambda document: document.pop("metadata"), False),
    "no subject": (lambda document: document["metadata"].pop("component"), False),
    "a subject without a hash": (lambda document: document["metadata"]["component"].pop("hashes"), False),
    "a subject with a weak hash": (
        lambda document: document["metadata"]["component"].update(hashes=[{"alg": "SHA-1", "content": "a" * 40}]),
        False,
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bill_that_cannot_be_relied_on_is_refused(case: str, bill: Bill, environments: ToolEnvironments) -> None:
    change, by_schema_too = BROKEN[case]
    whole = copy.deepcopy(bill)
    change(bill)
    with pytest.raises(SbomInvalid) as refused:
        checked(bill)

    assert refused.value.reason == "sbom_invalid"
    assert checked(whole).whole
    assert bool(list(validator(environments, "1.5").iter_errors(bill))) is by_schema_too


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}']
)
def test_what_is_not_even_a_document_is_refused(content: bytes) -> None:
    with pytest.raises(SbomInvalid) as refused:
        check_bill(content, pins=PINS)

    assert refused.value.reason == "sbom_invalid"


@pytest.mark.parametrize("version", SPEC_VERSIONS)
def test_every_version_that_the_policy_knows_is_read(version: str, bill: Bill) -> None:
    assert checked(bill | {"specVersion": version}).spec_version == version


def test_a_pin_that_the_bill_leaves_out_is_named(bill: Bill) -> None:
    gone = bill["components"].pop()
    bill["dependencies"] = [item for item in bill["dependencies"] if item["ref"] != gone["bom-ref"]]
    found = checked(bill)
    with pytest.raises(SbomIncomplete) as refused:
        found.to_gate(lock_digest="0" * 64)

    assert found.missing == ("urllib3==2.2.3",)
    assert refused.value.reason == "sbom_incomplete"
    assert "it does not name urllib3==2.2.3" in str(refused.value)


@pytest.mark.parametrize("purl", ["pkg:pypi/till@1", "pkg:deb/debian/till@1?arch=amd64"])
def test_a_component_that_no_pin_stands_for_is_named(purl: str, bill: Bill) -> None:
    nested = {"type": "library", "name": "till", "version": "1", "purl": purl}
    bill["components"][0]["components"] = [nested]
    found = checked(bill)
    with pytest.raises(SbomIncomplete) as refused:
        found.require_whole()

    assert found.extra == ("till 1",)
    assert refused.value.reason == "sbom_incomplete"


def test_another_version_is_both_missing_and_extra(bill: Bill) -> None:
    _component(bill, version="3.9", purl="pkg:pypi/idna@3.9")
    found = checked(bill)

    assert (found.missing, found.extra) == (("idna==3.10",), ("idna 3.9",))


def test_a_bill_that_names_nothing_is_not_whole(bill: Bill) -> None:
    with pytest.raises(SbomIncomplete):
        check_bill(json.dumps(bill | {"components": [], "dependencies": []}).encode(), pins=[]).require_whole()


@pytest.mark.parametrize(
    ("purl", "parts"),
    [
        ("pkg:pypi/my-shop@1.0", ("pypi", "my-shop", "1.0")),
        ("pkg:PyPI/my-shop@1.0%2Blocal", ("pypi", "my-shop", "1.0+local")),
        ("pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", ("deb", "debian/curl", "7.50.3-1")),
        ("pkg:npm/%40shop/till@1#src", ("npm", "@shop/till", "1")),
    ],
)
def test_a_package_url_is_parsed(purl: str, parts: tuple[str, str, str]) -> None:
    assert parse_purl(purl, "here") == parts


@pytest.mark.parametrize(
    "purl", ["", "pypi/x@1", "pkg:pypi/x", "pkg:pypi/@1", "pkg:/x@1", "pkg:pypi/x@1%2", "pkg:pypi/x y@1"]
)
def test_what_is_no_package_url_is_refused(purl: str) -> None:
    with pytest.raises(SbomInvalid) as refused:
        parse_purl(purl, "here")

    assert refused.value.reason == "sbom_invalid"
