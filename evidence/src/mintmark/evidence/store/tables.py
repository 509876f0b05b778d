"""The tables of the log and of its query projection, for every backend."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, MetaData, Table, Text

metadata = MetaData()

log_head = Table(
    "log_head",
    metadata,
    Column("singleton", BigInteger, CheckConstraint("singleton = 1"), primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

entry = Table(
    "entry",
    metadata,
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("content", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
)

tile = Table(
    "tile",
    metadata,
    Column("level", BigInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
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

# The projection: what queries read. It proves nothing; verification rebuilds it from the entries and compares.
view_entry = Table(
    "view_entry",
    metadata,
    Column("idx", BigInteger, ForeignKey("entry.idx"), primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("producer", Text, nullable=False),
    Index("view_entry_by_kind", "kind", "at"),
)

view_subject = Table(
    "view_subject",
    metadata,
    Column("idx", BigInteger, ForeignKey("entry.idx"), primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Index("view_subject_by_digest", "digest"),
)

view_ref = Table(
    "view_ref",
    metadata,
    Column("idx", BigInteger, ForeignKey("entry.idx"), primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("ref", Text, nullable=False),
    Index("view_ref_by_ref", "ref"),
)
