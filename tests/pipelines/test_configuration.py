"""`mintmark.toml` is read strictly: a mistake is named with its line and the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mintmark.pipelines.configuration import load_project
from mintmark.pipelines.errors import UsageError

GOOD = """[release]
package = "florin"
path = "service"
source_uri = "git+https://example.com/x"

[scan]
code = ["service/src"]

[environments.local]
driver = "local"
protected = false
"""


def written(folder: Path, text: str) -> Path:
    (folder / "mintmark.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_good_file_is_read(tmp_path: Path) -> None:
    project = load_project(written(tmp_path, GOOD))

    assert project.environment("local").protected is False


def test_an_environment_may_be_called_almost_like_that_of_the_canaries(tmp_path: Path) -> None:
    text = GOOD.replace("[environments.local]", "[environments.rehearsals]")

    assert load_project(written(tmp_path, text)).environment("rehearsals").driver == "local"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("package =", "pakage ="), "mintmark.toml:2: unknown key release.pakage; did you mean 'package'?"),
        (GOOD.replace('"service"', '"../service"'), "release.path"),
        (GOOD.replace('"service"', '"/service"'), "release.path"),
        (GOOD.replace('driver = "local"', 'driver = "docker"'), "environments.local.driver"),
        (GOOD.replace('code = ["service/src"]', "code = []"), "scan.code"),
        ("[release", "not TOML"),
        (GOOD.replace("[environments.local]", "[environments.rehearsal]"), "nothing is shipped there"),
        (GOOD + '[environments.rehearsal]\ndriver = "local"\n', "nothing is shipped there"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mintmark\.toml") as refused:
        load_project(written(tmp_path, text))

    assert told in str(refused.value)
    assert refused.value.reason == "configuration"


def test_a_missing_file_and_an_unknown_environment_have_reasons_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as missing:
        load_project(tmp_path)
    with pytest.raises(UsageError, match="did you mean 'local'") as unknown:
        load_project(written(tmp_path, GOOD)).environment("loca")

    assert (missing.value.reason, unknown.value.reason) == ("no_configuration", "unknown_environment")


def test_an_environment_is_protected_unless_it_says_otherwise(tmp_path: Path) -> None:
    project = load_project(written(tmp_path, GOOD.replace("protected = false\n", "")))

    assert project.environment("local").protected is True
