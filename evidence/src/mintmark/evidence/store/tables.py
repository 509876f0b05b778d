"""The tables of the log and of its query projection. How they are made and guarded is in `sql/<backend>/`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text

metadata = MetaData()

log_head = Table(
    "log_head",
    metadata,
    Column("singleton", BigInteger, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

entry = Table(
    "entry",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

tile = Table(
    "tile",
    metadata,
    Column("level", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

# Size and root after each batch, written with it: what was committed, whether or not it was ever signed.
integrated = Table(
    "integrated",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
)

# The same size may be published again with more cosignatures; rows are only added.
checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("signatures", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)

# Beside the log, and erasable with its salt: the tree commits to it and does not hold it.
payload = Table(
    "payload",
    metadata,
    Column("commitment", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# Where writers put evidence inside their own transaction; the sequencer takes it from there.
inbox = Table(
    "inbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("bundle", LargeBinary, nullable=False),
    Column("controls", Text, nullable=False),
    Column("refs", Text, nullable=False),
)

# The projection: what queries read. It proves nothing; verification rebuilds it from the entries and compares.
entry_id = Table(
    "entry_id",
    metadata,
    Column("id", Text, primary_key=True),
    Column("idx", BigInteger, nullable=False),
)

view_entry = Table(
    "view_entry",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("producer", Text, nullable=False),
)

view_subject = Table(
    "view_subject",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

view_ref = Table(
    "view_ref",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("ref", Text, nullable=False),
)

PROJECTION = (entry_id, view_entry, view_subject, view_ref)
