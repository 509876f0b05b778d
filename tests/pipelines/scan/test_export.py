"""What is scanned is the commit: all of it, nothing else, and without what would switch a scanner off."""

from pathlib import Path

import pytest
from tests.pipelines.scan.builders import commit, tree

from mintmark.pipelines.errors import IntegrityError, UsageError
from mintmark.pipelines.scan.export import CONFIGURATION_FILES, export_tree

FILES = {"a.py": "a = 1\n", "service/b.py": "b = 1\n", "service/deploy/c.tf": "# c\n"}


def test_the_commit_is_exported_and_not_the_work_tree(tmp_path: Path) -> None:
    identity = commit(tmp_path / "checkout", FILES)
    (tmp_path / "checkout/a.py").write_text("a = 2\n", encoding="utf-8")
    (tmp_path / "checkout/untracked.py").write_text("u = 1\n", encoding="utf-8")
    exported = export_tree(tmp_path / "checkout", "HEAD", ["."], tmp_path / "tree")

    assert exported.commit == identity
    assert exported.files == ("a.py", "service/b.py", "service/deploy/c.tf")
    assert (exported.root / "a.py").read_text(encoding="utf-8") == "a = 1\n"


def test_only_the_paths_that_were_asked_for_are_written(tmp_path: Path) -> None:
    commit(tmp_path / "checkout", FILES)
    exported = export_tree(tmp_path / "checkout", "HEAD", ["service/deploy", "a.py"], tmp_path / "tree")

    assert exported.files == ("a.py", "service/deploy/c.tf")


def test_the_digest_is_of_paths_modes_and_contents(tmp_path: Path) -> None:
    digests = [
        tree(tmp_path / "one", FILES).digest,
        tree(tmp_path / "same", dict(reversed(FILES.items()))).digest,
        tree(tmp_path / "content", {**FILES, "a.py": "a = 2\n"}).digest,
        tree(tmp_path / "path", {**FILES, "d.py": ""}).digest,
        tree(tmp_path / "mode", FILES, executable=("a.py",)).digest,
    ]

    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_attributes_of_the_repository_hide_and_rewrite_nothing(tmp_path: Path) -> None:
    attributes = "a.py export-ignore\nservice/b.py export-subst\n*.tf text eol=crlf\n"
    files = {**FILES, "service/b.py": "b = '$Format:%H$'\n", ".gitattributes": attributes}
    exported = tree(tmp_path, files)

    assert "a.py" in exported.files
    assert (exported.root / "service/b.py").read_text(encoding="utf-8") == "b = '$Format:%H$'\n"
    assert (exported.root / "service/deploy/c.tf").read_bytes() == b"# c\n"


@pytest.mark.parametrize("name", sorted(CONFIGURATION_FILES))
def test_a_scanner_s_configuration_is_left_out_and_reported(name: str, tmp_path: Path) -> None:
    exported = tree(tmp_path, {**FILES, f"service/{name}": "x\n"})

    assert exported.files == tuple(sorted(FILES))
    assert [(item.rule, item.path) for item in exported.removed] == [("tool-configuration", f"service/{name}")]


def test_a_tree_without_such_a_file_reports_none(tmp_path: Path) -> None:
    assert tree(tmp_path, FILES).removed == ()


def test_a_link_to_a_file_of_the_tree_is_written_as_that_file(tmp_path: Path) -> None:
    links = {"service/linked.py": "../a.py", "service/twice.py": "linked.py", "folder": "service", "gone": "nothing"}
    exported = tree(tmp_path, FILES, links)

    assert exported.files == ("a.py", "service/b.py", "service/deploy/c.tf", "service/linked.py", "service/twice.py")
    assert (exported.root / "service/twice.py").read_text(encoding="utf-8") == "a = 1\n"
    assert not [path for path in exported.root.rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "../outside"])
def test_a_link_that_leaves_the_repository_is_refused(target: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        tree(tmp_path, FILES, {"escape": target})

    assert refused.value.reason == "link_escapes"


def test_links_that_go_round_in_a_circle_are_left_out(tmp_path: Path) -> None:
    assert tree(tmp_path, FILES, {"x": "y", "y": "x"}).files == tuple(sorted(FILES))


@pytest.mark.parametrize("revision", ["nothing", "--output=x", "0" * 40])
def test_a_commit_that_is_not_there_is_refused(revision: str, tmp_path: Path) -> None:
    commit(tmp_path / "checkout", FILES)
    with pytest.raises(UsageError) as refused:
        export_tree(tmp_path / "checkout", revision, ["."], tmp_path / "tree")

    assert refused.value.reason == "no_commit"


def test_a_tree_that_is_written_to_after_its_export_is_refused(tmp_path: Path) -> None:
    exported = tree(tmp_path, FILES)
    exported.verify()
    (exported.root / "a.py").write_text("a = 3\n", encoding="utf-8")
    with pytest.raises(IntegrityError) as refused:
        exported.verify()

    assert refused.value.reason == "tree_changed"
