"""Runs the migrations on the connection that `mintmark.evidence.store.schema` hands over, in its transaction."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    version_table="mintmark_schema_version",
    transactional_ddl=False,
)
context.run_migrations()
