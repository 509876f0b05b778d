"""Only what configures a scanner is left out of an export; and an export of nothing is refused."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import commit, tree

from mintmark.pipelines.errors import UsageError
from mintmark.pipelines.scan.export import export_tree


def test_each_such_file_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    exported = tree(tmp_path, {".bandit": "", "src/.bandit": "", ".semgrepignore": "*\n"})

    assert len({finding.fingerprint for finding in exported.removed}) == 3


def test_files_of_the_project_that_only_look_like_it_stay(tmp_path: Path) -> None:
    kept = {"bandit": "", "docs/checkov.yaml": "", "setup.cfg": "[bandit]\n", ".gitignore": "*.pyc\n"}
    exported = tree(tmp_path, kept)

    assert exported.files == tuple(sorted(kept))
    assert exported.removed == ()


def test_paths_that_name_nothing_are_refused(tmp_path: Path) -> None:
    identity = commit(tmp_path / "shop", {"shop.py": ""})
    with pytest.raises(UsageError) as refusal:
        export_tree(tmp_path / "shop", identity, ["source"], tmp_path / "tree")

    assert refusal.value.reason == "no_commit"
