"""Whatever is missing or wrong is said by name, and nothing starts on it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.service.builders import DEPLOYMENT, Florin, run_florin

from florin.kit.configuration import ConfigurationError, read_configuration

GIVEN = {"FLORIN_DEPLOYMENT_ID": DEPLOYMENT}


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({"FLORIN_DEPLOYMENT_ID": "x"}, "FLORIN_DEPLOYMENT_ID"),
        ({"FLORIN_DEPLOYMENT_ID": ""}, "FLORIN_DEPLOYMENT_ID"),
        ({"FLORIN_DEPLOYMENT_ID": "00000000-0000-0000-0000-000000000000"}, "FLORIN_DEPLOYMENT_ID"),
        ({"FLORIN_MODE": "prod"}, "FLORIN_MODE"),
        ({"FLORIN_MODE": ""}, "FLORIN_MODE"),
        ({"FLORIN_PORT": "0"}, "FLORIN_PORT"),
        ({"FLORIN_PORT": "65536"}, "FLORIN_PORT"),
        ({"FLORIN_PORT": "eight"}, "FLORIN_PORT"),
        ({"FLORIN_HOST": "0.0.0.0"}, "FLORIN_HOST"),  # noqa: S104  it must be refused
        ({"FLORIN_HOST": "::"}, "FLORIN_HOST"),
        ({"FLORIN_HOST": "somewhere"}, "FLORIN_HOST"),
        ({"FLORIN_DATABASE_URL": "mysql://x"}, "FLORIN_DATABASE_URL"),
        ({"FLORIN_DATA_DIR": "data"}, "FLORIN_DATA_DIR"),
        ({"FLORIN_DEPLOYMENT": "x"}, "FLORIN_DEPLOYMENT"),
    ],
)
def test_a_wrong_variable_is_named(changed: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(GIVEN | changed)

    assert refused.value.variable == variable
    assert str(refused.value).startswith(variable)


def test_a_misspelt_variable_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean FLORIN_DEPLOYMENT_ID"):
        read_configuration({"FLORIN_DEPLOYMENT_IDENTITY": DEPLOYMENT})


def test_a_password_is_never_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration(GIVEN | {"FLORIN_DATABASE_URL": "postgres:hunter2@host"})

    assert "hunter2" not in str(refused.value)


def test_a_deployment_is_needed_but_in_development() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_configuration({})

    assert refused.value.variable == "FLORIN_DEPLOYMENT_ID"
    assert read_configuration({"FLORIN_MODE": "development"}).deployment_id == uuid.UUID(int=0)
    assert read_configuration(GIVEN).deployment_id == uuid.UUID(DEPLOYMENT)


def test_another_host_needs_the_word_of_the_operator() -> None:
    """There is no authentication yet: see service/README.md."""
    allowed = read_configuration(GIVEN | {"FLORIN_HOST": "10.0.0.1", "FLORIN_ALLOW_UNAUTHENTICATED": "yes"})

    assert allowed.host == "10.0.0.1"
    assert read_configuration(GIVEN | {"FLORIN_HOST": "::1"}).host == "::1"


def test_the_service_says_what_is_wrong_and_leaves() -> None:
    done = run_florin("serve", environment={})

    assert done.returncode == 2
    assert done.stderr.startswith("florin: FLORIN_DEPLOYMENT_ID is missing")


@pytest.fixture
def empty_database(florin: Florin) -> Iterator[str]:
    """Another database of the same server, whose schema is at nothing."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    florin.sql(f"CREATE DATABASE {name}")
    yield florin.database_url.replace("/postgres?", f"/{name}?").replace("/florin?", f"/{name}?")
    florin.sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_schema_that_is_not_this_builds_is_not_served(florin: Florin, empty_database: str) -> None:
    environment = GIVEN | {"FLORIN_DATABASE_URL": empty_database}
    early = run_florin("serve", environment=environment)
    migrated = run_florin("migrate", environment=environment)
    again = run_florin("migrate", environment=environment)
    late = run_florin("serve", environment=environment)

    assert (early.returncode, "run `florin migrate`" in early.stderr) == (2, True)
    assert (migrated.returncode, again.returncode) == (0, 0)
    assert (late.returncode, "log in as florin_app" in late.stderr) == (2, True)


def test_production_neither_migrates_nor_seeds_a_database_of_its_own_accord(empty_database: str) -> None:
    done = run_florin("serve", "--migrate", environment=GIVEN | {"FLORIN_DATABASE_URL": empty_database})

    assert (done.returncode, "florin migrate" in done.stderr) == (2, True)


def test_a_database_that_does_not_answer_is_infrastructure() -> None:
    done = run_florin("serve", environment=GIVEN | {"FLORIN_DATABASE_URL": "postgresql://florin_app@127.0.0.1:1/x"})

    assert done.returncode == 5
    assert "cannot be used" in done.stderr
