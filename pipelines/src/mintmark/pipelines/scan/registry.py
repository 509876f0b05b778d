"""The scanners, the slowest first, so that the fast ones fill the gaps."""

from __future__ import annotations

from mintmark.pipelines.scan.bandit import BanditScanner
from mintmark.pipelines.scan.checkov import CheckovScanner
from mintmark.pipelines.scan.detect_secrets import DetectSecretsScanner
from mintmark.pipelines.scan.hadolint import HadolintScanner
from mintmark.pipelines.scan.images import ImagesScanner
from mintmark.pipelines.scan.interface import Scanner
from mintmark.pipelines.scan.licences import LicencesScanner
from mintmark.pipelines.scan.lock import LockScanner
from mintmark.pipelines.scan.pip_audit import PipAuditScanner
from mintmark.pipelines.scan.semgrep import SemgrepScanner
from mintmark.pipelines.scan.zizmor import ZizmorScanner

SCANNERS: tuple[Scanner, ...] = (
    CheckovScanner(),
    SemgrepScanner(),
    ImagesScanner(),
    PipAuditScanner(),
    LicencesScanner(),
    DetectSecretsScanner(),
    BanditScanner(),
    HadolintScanner(),
    ZizmorScanner(),
    LockScanner(),
)
