"""Events say what an act changed; those of people are found among all others: the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_ACTS = sa.text("act_on IS NOT NULL")
#: The rows that an act was about have lines with its name too; of a hold, the act itself.
_FOLLOWS = ("replayed", "released", "discarded", "replay ended", "correction ended")
#: As `bridge.store.ids` has them at this point of time.
_KINDS = {
    "ir": "issuer",
    "st": "site",
    "mv": "mapping version",
    "dl": "delivery",
    "cp": "completion",
    "is": "issuance",
    "co": "correction",
    "rv": "revocation",
    "wb": "write-back",
    "ml": "mail",
    "rr": "reconcile run",
    "df": "difference",
    "rp": "replay",
    "nt": "notice",
    "ho": "hold",
    "an": "announcement",
    "pe": "person",
}


def upgrade() -> None:
    """Add the columns; what people did until now becomes the log's beginning."""
    op.add_column("event", sa.Column("before", sa.JSON()))
    op.add_column("event", sa.Column("after", sa.JSON()))
    op.add_column("event", sa.Column("act_on", sa.String(32)))
    if op.get_bind().dialect.name == "postgresql":  # SQLite does not count letters
        op.alter_column("event", "subject", type_=sa.String(128))
    event = sa.table("event", *map(sa.column, ("subject", "what", "who", "act_on")))
    prefix = sa.func.substr(event.c.subject, 1, 2)
    kind = sa.case(_KINDS, value=prefix, else_=event.c.subject)
    op.execute(
        sa.update(event)
        .where(
            event.c.who != "vaultbridge",
            sa.or_(event.c.what.not_in(_FOLLOWS), prefix == "ho"),
            event.c.what.not_like("corrected by %"),
        )
        .values(act_on=sa.func.substr(kind, 1, 32))
    )
    for name, columns in (
        ("ix_event_act", ["at", "id"]),
        ("ix_event_act_who", ["who", "at", "id"]),
        ("ix_event_act_on", ["act_on", "at", "id"]),
    ):
        op.create_index(name, "event", columns, sqlite_where=_ACTS, postgresql_where=_ACTS)
