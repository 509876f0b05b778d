"""Configuration from the environment; whatever is missing or wrong is said by name."""

from __future__ import annotations

import difflib
import ipaddress
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Postings of a development run bear this mark, so that nobody takes them for a deployment's.
DEVELOPMENT_DEPLOYMENT = uuid.UUID(int=0)

NOT_SHOWN = "not shown"  # of a value that may hold a password
VARIABLES = (
    "FLORIN_ALLOW_UNAUTHENTICATED",
    "FLORIN_DATABASE_URL",
    "FLORIN_DATA_DIR",
    "FLORIN_DEPLOYMENT_ID",
    "FLORIN_HOST",
    "FLORIN_MODE",
    "FLORIN_PORT",
)


class ConfigurationError(Exception):
    """A variable is missing or wrong."""

    def __init__(self, variable: str, *, value: str | None, wanted: str) -> None:
        found = "is missing" if value is None else "cannot be used" if value == NOT_SHOWN else f"is {value!r}"
        super().__init__(f"{variable} {found}: {wanted}")
        self.variable = variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """`database_url` is None where Florin starts a PostgreSQL of its own, with its data in `data_folder`."""

    database_url: str | None
    data_folder: Path
    deployment_id: uuid.UUID
    development: bool
    host: str
    port: int


def read_configuration(environment: Mapping[str, str]) -> Configuration:
    """Raises `ConfigurationError` for the first variable that is missing or wrong."""
    _refuse_unknown(environment)
    development = _mode(environment) == "development"
    return Configuration(
        database_url=_database_url(environment),
        data_folder=_data_folder(environment),
        deployment_id=_deployment_id(environment, development=development),
        development=development,
        host=_host(environment),
        port=_port(environment),
    )


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A misspelt variable is a setting that silently does not hold."""
    for variable in sorted(environment):
        if variable.startswith("FLORIN_") and variable not in VARIABLES:
            near = difflib.get_close_matches(variable, VARIABLES, n=1)
            wanted = f"did you mean {near[0]}?" if near else f"Florin knows {', '.join(VARIABLES)}"
            raise ConfigurationError(variable, value=NOT_SHOWN, wanted=f"there is no such variable; {wanted}")


def _mode(environment: Mapping[str, str]) -> str:
    mode = environment.get("FLORIN_MODE", "production")
    if mode not in {"production", "development"}:
        raise ConfigurationError("FLORIN_MODE", value=mode, wanted="set it to production or development")
    return mode


def _database_url(environment: Mapping[str, str]) -> str | None:
    url = environment.get("FLORIN_DATABASE_URL")
    if url is not None and not url.startswith(("postgresql://", "postgres://")):
        raise ConfigurationError(
            "FLORIN_DATABASE_URL", value=NOT_SHOWN, wanted="set it to postgresql://user@host:port/database"
        )
    return url


def _data_folder(environment: Mapping[str, str]) -> Path:
    """As root PostgreSQL runs under a user of its own, whose way must not lead through a home folder."""
    given = environment.get("FLORIN_DATA_DIR")
    if given is not None:
        folder = Path(given)
        if not folder.is_absolute():
            raise ConfigurationError("FLORIN_DATA_DIR", value=given, wanted="set it to an absolute path")
        return folder
    if os.geteuid() == 0:
        return Path("/var/lib/florin/postgresql")
    base = environment.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "florin" / "postgresql"


def _deployment_id(environment: Mapping[str, str], *, development: bool) -> uuid.UUID:
    value = environment.get("FLORIN_DEPLOYMENT_ID")
    if value is None and development:
        return DEVELOPMENT_DEPLOYMENT
    try:
        deployment = uuid.UUID(value or "")
    except ValueError:
        deployment = DEVELOPMENT_DEPLOYMENT
    if deployment == DEVELOPMENT_DEPLOYMENT:
        raise ConfigurationError(
            "FLORIN_DEPLOYMENT_ID",
            value=value,
            wanted="set it to the UUID of this deployment, for every posting bears it; or set FLORIN_MODE=development "
            "and leave it out",
        )
    return deployment


def _host(environment: Mapping[str, str]) -> str:
    """There is no authentication yet, so nobody but this machine may reach Florin unless the operator says so."""
    host = environment.get("FLORIN_HOST", "127.0.0.1")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError as cause:
        raise ConfigurationError("FLORIN_HOST", value=host, wanted="set it to an IP address") from cause
    if not loopback and environment.get("FLORIN_ALLOW_UNAUTHENTICATED") != "yes":
        raise ConfigurationError(
            "FLORIN_HOST",
            value=host,
            wanted="Florin does not authenticate callers yet: use 127.0.0.1, or put it behind something that does and "
            "set FLORIN_ALLOW_UNAUTHENTICATED=yes",
        )
    return host


def _port(environment: Mapping[str, str]) -> int:
    value = environment.get("FLORIN_PORT", "8420")
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise ConfigurationError("FLORIN_PORT", value=value, wanted="set it to a number from 1 to 65535")
    return int(value)
