from pathlib import Path

import pytest

from mintmark.pipelines.scan.advisories import Advisories, open_advisories
from mintmark.pipelines.scan.environments import ToolEnvironments, install_tools


@pytest.fixture(scope="session")
def environments() -> ToolEnvironments:
    """The real scanners, from the user's cache: installed by the first run, used by all others."""
    return install_tools(print)


@pytest.fixture(scope="session")
def advisories(tmp_path_factory: pytest.TempPathFactory) -> Advisories:
    return open_advisories("snapshot", cache=tmp_path_factory.mktemp("advisories"))


@pytest.fixture(scope="session")
def osv_export() -> Path:
    path = Path(__file__).resolve().parents[4] / "shared/data/osv-pypi.zip"
    if not path.is_file():
        pytest.skip(f"the whole OSV export is not here: {path}")
    return path
