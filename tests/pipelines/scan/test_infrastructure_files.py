"""Every infrastructure file is accounted for: read by checkov, told as unread, or none of its kind."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import CLEAN_DOCKERFILE, POD, clock, scan, tree

from mintmark.pipelines.scan.advisories import Advisories
from mintmark.pipelines.scan.checkov import CheckovScanner
from mintmark.pipelines.scan.environments import ToolEnvironments
from mintmark.pipelines.scan.hadolint import HadolintScanner
from mintmark.pipelines.scan.interface import ScanScope
from mintmark.pipelines.scan.model import ScanReport, Status
from mintmark.pipelines.scan.run import scan_release

BUCKET = 'resource "aws_s3_bucket" "b" { bucket = "till" }\n'
POD_AS_JSON = (
    '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "till"}, "spec": {"containers": '
    '[{"name": "till", "image": "till:1", "securityContext": {"privileged": true}}]}}'
)
FOUND = {
    "bucket.tf": BUCKET,
    "module/bucket.tf": BUCKET,
    "none.tf": BUCKET.replace("{", "{\n  count = 0\n ", 1).replace('" }', '"\n}'),
    "pod.json": POD_AS_JSON,
    "list.yaml": f"apiVersion: v1\nkind: List\nitems: [{POD_AS_JSON}]\n",
    "two.yaml": "---\n".join(POD.replace("{ANNOTATIONS}", "{}").replace("till", name) for name in ("one", "two")),
    "till.Dockerfile": "FROM till:1\nUSER root\n",
}
READ = {
    "variables.tf": 'variable "region" { default = "eu" }\n',
    "outputs.tf": 'output "region" { value = var.region }\n',
    "versions.tf": 'terraform { required_version = ">= 1" }\n',
    "comments.tf": "# nothing yet\n/* nor here */\n",
    "comments.yaml": "# nothing yet\n",
    "Dockerfile": CLEAN_DOCKERFILE,
}
UNREAD = {
    "Containerfile": "FROM till:1\nUSER root\n",
    "bucket.tf.json": '{"resource": {"aws_s3_bucket": {"j": {"bucket": "till"}}}}',
    "moved.tf": "moved {\n  from = a.b\n  to = a.c\n}\n",
    "values.yaml": "replicas: 1\n",
    "half.yaml": POD.replace("{ANNOTATIONS}", "{}") + "---\nreplicas: 1\n",
}
OTHERS = {"README.md": "# Till\n", "dashboard.json": '{"panels": []}'}


@pytest.fixture(scope="module")
def report(
    tmp_path_factory: pytest.TempPathFactory, environments: ToolEnvironments, advisories: Advisories
) -> ScanReport:
    folder = tmp_path_factory.mktemp("infrastructure")
    exported = tree(folder, {**FOUND, **READ, **UNREAD, **OTHERS})
    scope, scanners = ScanScope(iac=["."]), [CheckovScanner()]
    reports = scan_release(exported, scope, environments, advisories, folder / "out", clock, scanners=scanners)
    return next(item for item in reports if item.tool == "checkov")


def test_each_file_is_given_and_read_or_told_as_unread(report: ScanReport) -> None:
    assert report.status is Status.INCOMPLETE
    assert {item.path for item in report.unread} == UNREAD.keys()
    assert report.given == len(FOUND) + len(READ) + len(UNREAD)
    assert report.read == len(FOUND) + len(READ)


@pytest.mark.parametrize("path", FOUND)
def test_what_is_bad_in_a_file_is_found_whatever_the_file_is_called(path: str, report: ScanReport) -> None:
    assert [item for item in report.findings if item.path == path and item.severity == "high"]


@pytest.mark.parametrize("path", READ)
def test_a_file_with_nothing_to_check_is_read_and_clean(path: str, report: ScanReport) -> None:
    assert [item for item in report.findings if item.path == path] == []


def _database(name: str) -> str:
    return (
        f'variable "{name}" {{\n  default = false\n}}\n'
        f'resource "aws_db_instance" "{name}" {{\n  publicly_accessible = var.{name}\n}}\n'
    )


def test_values_decide_what_is_open_and_not_the_default_of_a_variable(
    tmp_path: Path, environments: ToolEnvironments, advisories: Advisories
) -> None:
    """Those that Terraform takes by itself, and those that somebody names to it (`-var-file`)."""
    files = {
        "automatic/main.tf": _database("automatic"),
        "automatic/terraform.tfvars": "automatic = true\n",
        "named/main.tf": _database("named"),
        "named/production.tfvars.json": '{"named": true}',
        "shut/main.tf": _database("shut"),
        "broken/main.tf": _database("broken"),
        "broken/terraform.tfvars": "broken = [\n",
    }
    report = scan(tmp_path, files, environments, advisories, ScanScope(iac=["."]), [CheckovScanner()])["checkov"]

    assert {item.path for item in report.findings if item.rule == "CKV_AWS_17"} == {
        "automatic/main.tf",
        "named/main.tf",
    }
    assert [item.path for item in report.unread] == ["broken/terraform.tfvars"]
    assert (report.given, report.read) == (7, 6)


def test_what_a_build_leaves_out_is_no_dockerfile_and_a_manifest_is_one_however_it_is_spelt(tmp_path: Path) -> None:
    spelt = POD_AS_JSON.replace("apiVersion", "\\u0061piVersion").replace("kind", "k\\u0069nd")
    exported = tree(tmp_path, {"Dockerfile.dockerignore": "*.pyc\n", "pod.json": spelt, "other.json": "{}"})

    assert CheckovScanner().files(exported, ScanScope(iac=["."])) == ("pod.json",)
    assert HadolintScanner().files(exported, ScanScope(iac=["."])) is None
