"""One export with everything in it, made once and copied by whoever changes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evidence.single_file.exports import Exported, rich_export


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Over two entry bundles, so that there are full and partial tiles."""
    return rich_export(tmp_path_factory.mktemp("rich"), scans=258)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return rich_export(tmp_path_factory.mktemp("small"), scans=3)


@pytest.fixture
def changed(rich: Exported, tmp_path: Path) -> Exported:
    return rich.copied(tmp_path)
