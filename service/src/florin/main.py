"""`florin`: serve, migrate, and look after the embedded database."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

import asyncpg

from florin.kit import embedded
from florin.kit.configuration import NOT_SHOWN, Configuration, ConfigurationError, read_configuration
from florin.kit.database import can_act_as_owner, open_database
from florin.kit.embedded_server import EmbeddedDatabaseUnavailable
from florin.kit.logs import configure, log
from florin.kit.migrations import current_revision, head_revision, migrate
from florin.ledger.commands import seed


class SchemaNotAtHead(Exception):
    """This build needs another schema than the database has."""

    def __init__(self, found: str) -> None:
        super().__init__(f"the schema is at {found}, this build needs {head_revision()}: run `florin migrate`")


def main() -> int:
    options = _parser().parse_args()
    try:
        configuration = read_configuration(os.environ if options.command == "serve" else _without_deployment())
        return _run(options, configuration)
    except (ConfigurationError, SchemaNotAtHead, EmbeddedDatabaseUnavailable) as error:
        sys.stderr.write(f"florin: {error}\n")
        return 2
    except (OSError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"florin: the database cannot be used: {error}\n")
        return 5


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="florin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer requests")
    serve.add_argument("--migrate", action="store_true", help="bring the schema to head and seed demo accounts first")
    commands.add_parser("migrate", help="bring the schema to head")
    database = commands.add_parser("db", help="the embedded PostgreSQL")
    database.add_argument("verb", choices=("start", "stop", "url"))
    return parser


def _run(options: argparse.Namespace, configuration: Configuration) -> int:
    match options.command:
        case "db" if options.verb == "stop":
            ran = embedded.stop(configuration.data_folder)
            log("database.stopped" if ran else "database.not_running", folder=str(configuration.data_folder))
        case "db" if options.verb == "url":
            sys.stdout.write(f"{_running_url(configuration)}\n")
        case "db":
            sys.stdout.write(f"{_database_url(configuration)}\n")
        case "migrate":
            asyncio.run(migrate(_database_url(configuration)))
            log("schema.migrated", revision=head_revision())
        case _:
            return _serve(configuration, migrating=options.migrate)
    return 0


def _serve(configuration: Configuration, *, migrating: bool) -> int:
    import uvicorn

    from florin.app import make_app

    configure()
    if migrating and configuration.database_url and not configuration.development:
        raise ConfigurationError(
            "FLORIN_DATABASE_URL",
            value=NOT_SHOWN,
            wanted="in production run `florin migrate` as the role that owns the schema, and then `florin serve` "
            "without --migrate, which would seed demonstration accounts",
        )
    url = _database_url(configuration)
    asyncio.run(_prepare(configuration, url, migrating=migrating))
    if configuration.development:
        log("development.mode", warning="postings bear the development mark and no deployment's")
    log(
        "service.starting",
        host=configuration.host,
        port=configuration.port,
        deployment=str(configuration.deployment_id),
    )
    uvicorn.run(
        make_app(configuration, url),
        host=configuration.host,
        port=configuration.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=5,
    )
    return 0


async def _prepare(configuration: Configuration, url: str, *, migrating: bool) -> None:
    if migrating:
        await migrate(url)
    database = await open_database(url)
    try:
        revision = await current_revision(database.pool)
        if revision != head_revision():
            raise SchemaNotAtHead(revision)
        if configuration.database_url and not configuration.development and await can_act_as_owner(database.pool):
            raise ConfigurationError(
                "FLORIN_DATABASE_URL",
                value=NOT_SHOWN,
                wanted="log in as florin_app, or as another role that cannot act as florin_owner",
            )
        if migrating:
            await seed(database.pool, configuration.deployment_id)
    finally:
        await database.close()


def _database_url(configuration: Configuration) -> str:
    return configuration.database_url or embedded.start(configuration.data_folder)


def _running_url(configuration: Configuration) -> str:
    url = configuration.database_url or embedded.running_url(configuration.data_folder)
    if url is None:
        raise EmbeddedDatabaseUnavailable(f"none runs in {configuration.data_folder}: start it with `florin db start`")
    return url


def _without_deployment() -> dict[str, str]:
    """Commands that post nothing need no deployment."""
    return {**os.environ, "FLORIN_MODE": "development"}


if __name__ == "__main__":
    raise SystemExit(main())
