"""The scanners as the conformance table knows them: a new adapter joins it with one entry in `ADAPTERS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from tests.pipelines.scan.builders import POD
from tests.pipelines.scan_infra.index import Wheel, lock_of
from tests.pipelines.scan_infra.oci_images import layout, python_package

from mintmark.pipelines.scan import (
    bandit,
    checkov,
    detect_secrets,
    hadolint,
    images,
    licences,
    pip_audit,
    semgrep,
    zizmor,
)
from mintmark.pipelines.scan import lock as lock_module
from mintmark.pipelines.scan.interface import Scanner
from mintmark.pipelines.scan.model import Category

SECRET = "tr0ub4dor-and-3-staples"
NOT_APPLICABLE = "-"
_ALL_OF_ITS_KIND = "skipped, as the tree holds none"
IMAGE = "images/till"
CLEAN_WHEEL = Wheel(name="idna", version="3.10", metadata=["License-Expression: BSD-3-Clause"])
DIRTY_WHEEL = Wheel(name="urllib3", version="2.0.6", metadata=["License-Expression: AGPL-3.0-only"])
_FROM_GIT = "till @ git+https://example.org/till@0000000000000000000000000000000000000000"


def image(name: str, version: str) -> dict[str, str]:
    """An OCI layout in the tree with one package of Python; tar and JSON of plain letters are text."""
    made = layout(python_package(name, version))
    return {f"{IMAGE}/{path}": content.decode("ascii") for path, content in made.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """
    One scanner, what it is shown, and what the page says of it.

    `files` hold what `finds` names (rule, path, category) and what `silenced` names (rule, path); `unreadable` holds
    files of which it must name `unread`. `exceptions` are situations in which it rightly says something else than the
    other scanners do. `tool` is False for an adapter that runs no program of another: it cannot misbehave. `isolated`
    is False for one that starts no process, or needs the network. `counts_contents` is for one that is given files and
    counts what is in them.
    """

    scanner: Scanner
    module: ModuleType
    clean: int
    files: Mapping[str, str]
    finds: Sequence[tuple[str, str, Category]]
    silenced: Sequence[tuple[str, str]] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    unread: Sequence[str] = ()
    exceptions: Mapping[str, str] = field(default_factory=dict)
    tool: bool = True
    isolated: bool = True
    counts_contents: bool = False
    reads: str
    run: str
    exit_code: str
    suppressions: str
    configuration: str

    @property
    def name(self) -> str:
        return self.scanner.name


_BROKEN_PYTHON = {
    # semgrep's grammar forgives much that Python's does not (`def half(:`); bandit, on the same files, forgives nothing
    "src/broken.py": f'password = "{SECRET}" +* 2\n',
}
_CALLS = {
    "src/bad.py": "import subprocess\n\n\ndef run(t):\n    subprocess.call(t, shell=True)\n    return eval(t)\n",
    "src/secret.py": f'API_KEY = "{SECRET}"\npassword = "{SECRET}"\n',
    "src/quiet.py": "def run(text):\n    return eval(text)  # nosec  # nosemgrep\n",
    "src/tests/test_bad.py": "eval(input())\n",
    "src/.tox/bad.py": "eval(input())\n",
}
_INJECTION = "      - run: echo ${{ github.event.issue.title }}"
_WORKFLOW = f"name: Greet\non: issues\njobs:\n  greet:\n    runs-on: ubuntu-24.04\n    steps:\n{_INJECTION}"

ADAPTERS: tuple[Adapter, ...] = (
    Adapter(
        scanner=bandit.BanditScanner(),
        module=bandit,
        clean=1,
        files=_CALLS,
        finds=(
            ("B602", "src/bad.py", Category.CODE),
            ("B307", "src/bad.py", Category.CODE),
            ("B307", "src/tests/test_bad.py", Category.CODE),
            ("B307", "src/.tox/bad.py", Category.CODE),
            ("B105", "src/secret.py", Category.SECRET),
        ),
        silenced=(("B307", "src/quiet.py"),),
        unreadable=_BROKEN_PYTHON,
        unread=("src/broken.py",),
        reads="Python files below `[scan] code`. Read is what its `metrics` name and its `errors` do not.",
        run="`bandit -r . -f json --ini EMPTY --ignore-nosec -x ''`: of itself it passes over `.tox`, "
        "`.eggs` and more.",
        exit_code="0 for a file that is missing or does not parse; 1 for findings as for a crash.",
        suppressions="`# nosec` is ignored by the tool and marked by us, as it stands on a flagged line.",
        configuration="`.bandit` below the target is obeyed without `--ini`. `setup.cfg`, `tox.ini` and "
        "`[tool.bandit]` in `pyproject.toml` are read only where `-c` or `--ini` names them.",
    ),
    Adapter(
        scanner=checkov.CheckovScanner(),
        module=checkov,
        clean=1,
        files={
            "deploy/pod.yaml": POD.replace("{ANNOTATIONS}", "{}"),
            "deploy/quiet.yaml": POD.replace("{ANNOTATIONS}", '{checkov.io/skip1: "CKV_K8S_16=we like it"}'),
            "deploy/.hidden/pod.yaml": POD.replace("{ANNOTATIONS}", "{}"),
        },
        finds=(
            ("CKV_K8S_16", "deploy/pod.yaml", Category.IAC),
            ("CKV_K8S_16", "deploy/.hidden/pod.yaml", Category.IAC),
        ),
        silenced=(("CKV_K8S_16", "deploy/quiet.yaml"),),
        unreadable={
            "deploy/broken.tf": 'resource "aws_s3_bucket" "b" { bucket = \n',
            "deploy/template.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n bad: [\n",
            "deploy/compose.yaml": "services: {till: {image: till}}\n",
        },
        unread=("deploy/broken.tf", "deploy/template.yaml", "deploy/compose.yaml"),
        reads="Terraform, Dockerfiles, Kubernetes manifests and GitHub workflows below `[scan] iac`. Read is "
        "what a driver in checkov's own process sees that its runners parsed; each document of a YAML file "
        "must be among it. Values (`.tfvars`) that Terraform takes by itself are read with its modules.",
        run="`checkov -d VIEW --framework terraform dockerfile github_actions kubernetes --skip-download "
        "--compact -o json`, and once more with `--var-file` for each further file of values.",
        exit_code="0 for a folder that is missing, and with `--hard-fail-on`, as severities need an account.",
        suppressions="`checkov:skip` and its annotation are obeyed by the tool, which then lists the check "
        "as skipped: that is taken as a finding, marked.",
        configuration="`.checkov.yaml` and `.checkov.yml` are obeyed even with `--config-file` naming another.",
    ),
    Adapter(
        scanner=detect_secrets.DetectSecretsScanner(),
        module=detect_secrets,
        clean=3,
        files={
            "src/settings.ini": f"[till]\npassword = {SECRET}\n",
            "src/.env": f"TILL_PASSWORD={SECRET}\n",
            "src/swagger.lock": "-----BEGIN RSA PRIVATE KEY-----\n",
            "src/quiet_secrets.py": f'password = "{SECRET}"  # pragma: allowlist secret\n\n'
            f'# pragma: allowlist nextline secret\nsecret = "{SECRET}"\n',
        },
        finds=(
            ("KeywordDetector", "src/secret.py", Category.SECRET),
            ("KeywordDetector", "src/settings.ini", Category.SECRET),
            ("KeywordDetector", "src/.env", Category.SECRET),
            ("PrivateKeyDetector", "src/swagger.lock", Category.SECRET),
        ),
        silenced=(("KeywordDetector", "src/quiet_secrets.py"),),
        unreadable={"src/deep.yaml": "[" * 5000},
        unread=("src/deep.yaml",),
        reads="Every file below `[scan] code`, `iac` and `workflows`, whatever it is called; what is no "
        "UTF-8 byte by byte, without NULs. A driver in its own process runs its detectors and says what it "
        "read: the tool's own scan passes over binary files, lock files and whatever has `swagger` in its "
        "name, and says nothing of it.",
        run="its detectors, called by our driver without verification over a network: all but "
        "`IPPublicDetector` (an address is no secret) and `HexHighEntropyString` (each digest is one to it).",
        exit_code="0 with findings, without any, and for a file that it skipped.",
        suppressions="`pragma: allowlist secret` and `allowlist nextline secret` are marked, never obeyed.",
        configuration="A baseline is read only where it is named; `.secrets.baseline` is a finding all the "
        "same. No hash of a secret leaves the driver.",
    ),
    Adapter(
        scanner=hadolint.HadolintScanner(),
        module=hadolint,
        clean=1,
        files={
            "deploy/Dockerfile.bad": "FROM debian:12\nRUN sudo true\n",
            "deploy/quiet.Dockerfile": "FROM debian:12\n# hadolint ignore=DL3004\nRUN sudo true\n",
            "deploy/shell.Dockerfile": "# hadolint shell=powershell\nFROM debian:12\nRUN echo $TILL\n",
            "deploy/heredoc.Dockerfile": "FROM debian:12\nRUN <<E\n# shellcheck disable=SC2086\necho $TILL\nE\n",
        },
        finds=(("DL3004", "deploy/Dockerfile.bad", Category.IAC),),
        silenced=(
            ("DL3004", "deploy/quiet.Dockerfile"),
            ("SC2086", "deploy/shell.Dockerfile"),
            ("SC2086", "deploy/heredoc.Dockerfile"),
        ),
        unreadable={"deploy/broken.Dockerfile": "FROM debian:12\nRUNN true\n"},
        unread=("deploy/broken.Dockerfile",),
        exceptions={
            "empty": _ALL_OF_ITS_KIND,
            "absent-minded": "complete",  # one file a run, so an empty list speaks of that file
        },
        reads="Dockerfiles and Containerfiles below `[scan] iac`, each in a run of its own: a report names "
        "only files with findings. `DL1000`, its word for a file that is no Dockerfile, makes that file "
        "unread.",
        run="`hadolint -c EMPTY --disable-ignore-pragma -f json -o REPORT FILE` on a copy without pragmas, "
        "then without the option on the file as it is.",
        exit_code="1 for a finding, for a file that does not parse, and for one that is not there.",
        suppressions="what the second run does not find was silenced, and is marked. "
        "`--disable-ignore-pragma` alone leaves two ways open: `# hadolint shell=powershell`, and "
        "ShellCheck's directives in a here-document, behind a `then` or a `{` as well.",
        configuration="`.hadolint.yaml` and `.hadolint.yml` in the working folder are obeyed without `-c`.",
    ),
    Adapter(
        scanner=images.ImagesScanner(),
        module=images,
        clean=2,  # the image, and the package in it
        files=image("urllib3", "2.0.6"),
        finds=(("CVE-2023-45803", IMAGE, Category.DEPENDENCY),),
        unreadable={f"{IMAGE}/index.json": "{}"},
        unread=(IMAGE,),
        exceptions={
            "silenced": NOT_APPLICABLE,
            "out-of-scope": _ALL_OF_ITS_KIND,  # an image lies beside the tree: only the scope can know of it
        },
        counts_contents=True,
        reads="the OCI layouts and the archives that `[scan] images` names, and each package in them. An image is "
        "read when each of its bytes is what its digests say and syft names a package in it; a package, when there "
        "are advisories of its kind to match it against.",
        run="`syft scan SCHEME:PATH --quiet --output cyclonedx-json=REPORT`; matching is done here, with the "
        "advisories of the run.",
        exit_code="0 for an image in which it found nothing.",
        suppressions="has none: what it writes is an inventory.",
        configuration="`.syft.yaml` in the working folder is obeyed; it works in a folder of its own.",
    ),
    Adapter(
        scanner=licences.LicencesScanner(),
        module=licences,
        clean=1,
        files=lock_of(DIRTY_WHEEL),
        finds=(("licence-other", "uv.lock", Category.LICENCE),),
        unread=(_FROM_GIT,),
        exceptions={"silenced": NOT_APPLICABLE, "unreachable": "failed: `no_report`"},
        tool=False,
        isolated=False,
        reads="the pins of the released package in `uv.lock`, as pip-audit does. Read is each pin of which uv got a "
        "wheel that is as it is locked.",
        run="`uv pip install --no-deps --require-hashes --only-binary :all: --target FOLDER -r PINS`, for what is in "
        "a wheel's METADATA: nothing is built, and nothing is imported. It needs the network, or uv's cache.",
        exit_code="is not looked at: what was unpacked is.",
        suppressions="has none.",
        configuration="uv's own, of whoever runs it, says where its index is. The hashes of the lock hold.",
    ),
    Adapter(
        scanner=lock_module.LockScanner(),
        module=lock_module,
        clean=1,
        files={"old/requirements.txt": "reqeusts==2.32.3\n"},
        finds=(
            ("dep_typosquat", "old/requirements.txt", Category.SUPPLY_CHAIN),
            ("dep_unhashed", "old/requirements.txt", Category.SUPPLY_CHAIN),
        ),
        unreadable={"old/pylock.toml": 'lock-version = "9.0"\n', "old/requirements-dev.txt": "--plug ./in\n"},
        unread=("old/pylock.toml", "old/requirements-dev.txt"),
        exceptions={"silenced": NOT_APPLICABLE},
        tool=False,
        isolated=False,
        reads="every lock and requirements file of the tree, wherever it lies. Read is what parses whole, in a layout "
        "that is known.",
        run="no program: it is read here.",
        exit_code="has none.",
        suppressions="has none.",
        configuration="`internal_packages` and `trusted_indexes` come with the scope.",
    ),
    Adapter(
        scanner=pip_audit.PipAuditScanner(),
        module=pip_audit,
        clean=1,
        files=lock_of(DIRTY_WHEEL),
        finds=(("CVE-2023-45803", "uv.lock", Category.DEPENDENCY),),
        # a dependency from git, of which no advisory can speak; the lock with it is made where it is scanned
        unread=(_FROM_GIT,),
        exceptions={"silenced": NOT_APPLICABLE, "unreachable": "failed: `no_report`"},
        reads="the pins of the released package in `uv.lock`, with all extras, for every platform. Read is "
        "each pin that its report names without a `skip_reason`.",
        run="`pip-audit -r PINS --no-deps --disable-pip -s osv --osv-url URL -f json`, against advisories "
        "that we serve on a loopback of its own.",
        exit_code="1 for a vulnerable pin as for a service that does not answer; 0 where nothing could be audited.",
        suppressions="has none in a repository; `--ignore-vuln` is never given.",
        configuration="reads none.",
    ),
    Adapter(
        scanner=semgrep.SemgrepScanner(),
        module=semgrep,
        clean=1,
        files=_CALLS,
        finds=(
            ("shell-true", "src/bad.py", Category.CODE),
            ("eval-or-exec", "src/bad.py", Category.CODE),
            ("eval-or-exec", "src/tests/test_bad.py", Category.CODE),
            ("eval-or-exec", "src/.tox/bad.py", Category.CODE),
            ("hardcoded-secret", "src/secret.py", Category.SECRET),
        ),
        silenced=(("eval-or-exec", "src/quiet.py"),),
        unreadable=_BROKEN_PYTHON,
        unread=("src/broken.py",),
        reads="Python files below `[scan] code`. Read is what `paths.scanned` names and no error does; a "
        "rule that matches nothing makes it parse each file, which it otherwise leaves to what a rule could "
        "match.",
        run="`semgrep scan --config RULES --metrics=off --no-git-ignore --x-ignore-semgrepignore-files "
        "--disable-nosem --json`, without its version check.",
        exit_code="0 with findings, and for files that it could not parse.",
        suppressions="`# nosem` and `# nosemgrep` are ignored by the tool and marked by us, on the line or "
        "alone above it.",
        configuration="`.semgrepignore` in the working folder is obeyed without `--x-ignore-semgrepignore-files`.",
    ),
    Adapter(
        scanner=zizmor.ZizmorScanner(),
        module=zizmor,
        clean=1,
        files={
            ".github/workflows/greet.yml": f"{_WORKFLOW}\n",
            ".github/workflows/quiet.yaml": f"{_WORKFLOW} # zizmor: ignore[template-injection]\n",
            ".github/actions/greet/action.yml": "name: Greet\ndescription: Says hello\nruns:\n  using: composite\n"
            '  steps:\n    - run: echo "${{ inputs.name }}"\n      shell: bash\n',
        },
        finds=(
            ("template-injection", ".github/workflows/greet.yml", Category.WORKFLOW),
            ("template-injection", ".github/actions/greet/action.yml", Category.WORKFLOW),
        ),
        silenced=(("template-injection", ".github/workflows/quiet.yaml"),),
        unreadable={
            ".github/workflows/broken.yml": "name: Broken\non: push\njobs: {x: [\n",
            ".github/workflows/other.yml": "name: Other\non: push\n",
            ".github/workflows/expression.yml": "name: Expression\non: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n"
            "    steps:\n      - run: echo ${{ if ( }} ${{ github.event.issue.title }}\n",
        },
        unread=(
            ".github/workflows/broken.yml",
            ".github/workflows/other.yml",
            ".github/workflows/expression.yml",
        ),
        exceptions={"empty": _ALL_OF_ITS_KIND},
        reads="workflows, actions and Dependabot's configuration below `[scan] workflows`. Read is each file "
        "that it says it completed, and in which none of its audits gave up on an expression.",
        run="`zizmor --offline --no-config --no-ignores --strict-collection --collect all --format json-v1 "
        "--verbose FILE…`; a file that does not load ends the run, and it runs again without it.",
        exit_code="0 with `--format sarif` whatever it found; 11 to 14 for findings, 3 where there was "
        "nothing to read.",
        suppressions="with `--no-ignores` a finding under `# zizmor: ignore[…]` stays in the report, as "
        "`ignored`: marked.",
        configuration="`zizmor.yml` and `zizmor.yaml`, in the root and in `.github`, are obeyed without `--no-config`.",
    ),
)

# Each of these switches a scanner off, or some of its rules, when it is found beside what is scanned. They are left out
# of the scan, and are findings themselves.
SWITCHES: Mapping[str, str] = {
    ".bandit": "[bandit]\nskips: B602,B307\nexclude: src\n",
    ".checkov.yaml": "skip-check: [CKV_K8S_16]\nframework: [bicep]\n",
    "deploy/.checkov.yml": "skip-check: [CKV_K8S_16]\n",
    ".semgrepignore": "src\n",
    "src/.semgrepignore": "*.py\n",
    ".hadolint.yaml": "ignored: [DL3004, SC2086]\n",
    "deploy/.hadolint.yml": "ignored: [DL3004, SC2086]\n",
    ".github/zizmor.yml": "rules: {template-injection: {disable: true}}\n",
    "zizmor.yaml": "rules: {template-injection: {disable: true}}\n",
    ".secrets.baseline": '{"version": "1.5.0", "plugins_used": [], "filters_used": [], "results": {}}\n',
}
# These hold sections for scanners among much else, and are only read where a scanner is told to, which none is.
SECTIONS: Mapping[str, str] = {
    "setup.cfg": "[bandit]\nskips: B602,B307\n",
    "tox.ini": "[bandit]\nskips: B602,B307\n",
    "pyproject.toml": '\n[tool.bandit]\nskips = ["B602", "B307"]\nexclude_dirs = ["src"]\n',
    ".gitattributes": "src/bad.py export-ignore\ndeploy/** export-ignore\n",
    ".gitignore": "src\n",
}
