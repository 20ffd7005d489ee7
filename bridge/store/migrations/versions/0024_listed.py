"""What lists of issuances are searched and narrowed by, in rows that stay narrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bridge.store.listed import course_text, text_of
from runtime.words import words

revision = "0024"
down_revision = "0023"

PAGE = 1_000
WORD = sa.String(32).with_variant(postgresql.VARCHAR(32, collation="C"), "postgresql")
SHARED = ("site_id", "course_id", "issuer_id", "mapping_name")
issuance = sa.table(
    "issuance",
    *map(sa.column, ("id", "completion_id", *SHARED, "learner_id", "state")),
    sa.column("full_name"),
    sa.column("applicant_email"),
)
completion = sa.table("completion", sa.column("id"), sa.column("data", sa.JSON))
lot = sa.table("lot", *map(sa.column, ("id", *SHARED, "text")))
listed = sa.table("listed", *map(sa.column, ("id", "lot_id", "state", "text")))
listed_word = sa.table("listed_word", *map(sa.column, ("word", "issuance_id", "lot_id")))

COPY = "UPDATE listed SET state = NEW.state WHERE id = NEW.id;"
WHEN = "AFTER UPDATE OF state ON issuance FOR EACH ROW"


def upgrade() -> None:
    """Add the rows, fill them, and let the database copy states from now on."""
    op.create_table(
        "lot",
        sa.Column("id", sa.Integer, autoincrement=True, nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("course_id", sa.String(255), nullable=False),
        sa.Column("issuer_id", sa.String(32), nullable=False),
        sa.Column("mapping_name", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint(*SHARED, name=op.f(f"uq_lot_{'_'.join(SHARED)}")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_lot_site_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_lot_issuer_id")),
    )
    op.create_table(
        "listed",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("lot_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listed")),
        sa.ForeignKeyConstraint(["id"], ["issuance.id"], name=op.f("fk_listed_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_listed_lot_id")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "listed_word",
        sa.Column("word", WORD, nullable=False),
        sa.Column("issuance_id", sa.String(32), nullable=False),
        sa.Column("lot_id", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("word", "issuance_id", "lot_id", name=op.f("pk_listed_word")),
        sa.ForeignKeyConstraint(
            ["issuance_id"], ["issuance.id"], name=op.f("fk_listed_word_issuance_id")
        ),
        sqlite_with_rowid=False,
    )
    _fill(op.get_bind())
    op.create_index("ix_listed_lot_id_id", "listed", ["lot_id", "id"])
    op.create_index("ix_listed_lot_id_state", "listed", ["lot_id", "state", "id"])
    op.create_index("ix_listed_state_id", "listed", ["state", "id"])
    op.create_index("ix_issuance_reference_id", "issuance", ["reference_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION copy_to_listed() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN {COPY} RETURN NULL; END $$"
        )
        changed = "OLD.state IS DISTINCT FROM NEW.state"
        op.execute(
            f"CREATE TRIGGER listed_copy {WHEN} WHEN ({changed}) EXECUTE FUNCTION copy_to_listed()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER listed_copy {WHEN} WHEN OLD.state <> NEW.state BEGIN {COPY} END"
        )


def _fill(conn: sa.Connection) -> None:
    lots: dict[tuple[Any, ...], int] = {}
    for page in _pages(conn):
        rows, found = [], []
        for row in page:
            lot_id = _lot(conn, lots, row)
            learner = row.data.get("learner") or {}
            text = text_of(
                full_name=row.full_name or learner.get("full_name"),
                email=row.applicant_email or learner.get("email"),
                learner_id=row.learner_id,
            )
            rows.append({"id": row.id, "lot_id": lot_id, "state": row.state, "text": text})
            found += [
                {"word": word, "issuance_id": row.id, "lot_id": lot_id} for word in words(text)
            ]
        conn.execute(sa.insert(listed), rows)
        conn.execute(sa.insert(listed_word), found)


def _lot(conn: sa.Connection, lots: dict[tuple[Any, ...], int], row: sa.Row[Any]) -> int:
    key = tuple(row._mapping[name] for name in SHARED)
    text = course_text(row.course_id, row.data.get("course") or {})
    if key not in lots:
        shared = dict(zip(SHARED, key, strict=True))
        added = sa.insert(lot).values(**shared, text=text).returning(lot.c.id)
        lots[key] = conn.execute(added).scalar_one()
    return lots[key]


def _pages(conn: sa.Connection) -> Iterator[list[sa.Row[Any]]]:
    """Every issuance with its completion's data, newest first: a course is known as told last."""
    query = (
        sa.select(issuance, completion.c.data)
        .join(completion, completion.c.id == issuance.c.completion_id)
        .order_by(issuance.c.id.desc())
        .limit(PAGE)
    )
    rows = conn.execute(query).all()
    while rows:
        yield list(rows)
        rows = conn.execute(query.where(issuance.c.id < rows[-1].id)).all()
