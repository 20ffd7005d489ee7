"""The whole history of one row: itself, what it came from, what came of it, every attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import events, issuances, write_backs
from bridge.store.accounts import NotThere
from bridge.store.ids import KINDS, kind_of
from bridge.store.tables import completion, issuance, metadata

#: What a person needs not see, or must not: the sealed request, bookkeeping of leases.
HIDDEN = frozenset(
    {"request", "secrets", "owners", "address", "lease_owner", "lease_until", "fence", "logo"}
    | {"password", "hash"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A row as it is now, and what happened to it and its kin, oldest first."""

    row: dict[str, Any]
    lines: list[dict[str, Any]]


def history_of(b: Bridge, conn: sa.Connection, row_id: str) -> History:
    """The history of one id; raises NotThere."""
    kind = kind_of(row_id)
    if kind is None:
        kinds = ", ".join(sorted(KINDS.values()))
        raise NotThere(f"{row_id!r} is not an id. Ids are of: {kinds}.")
    table = metadata.tables[kind.replace("-", "_").replace(" ", "_")]
    row = conn.execute(sa.select(table).where(table.c.id == row_id)).mappings().first()
    if row is None:
        raise NotThere(f"There is no {kind} {row_id}.")
    kin = _kin(conn, kind, row)
    lines = [
        {"at": e.at, "subject": e.subject, "what": e.what, "who": e.who, "detail": e.detail}
        for e in events.history(conn, kin)
    ]
    lines += [line for k in kin if kind_of(k) == "issuance" for line in _attempts(conn, k)]
    shown = {k: v for k, v in row.items() if k not in HIDDEN}
    return History(row={"kind": kind, **shown}, lines=sorted(lines, key=lambda x: x["at"]))


def _attempts(conn: sa.Connection, issuance_id: str) -> list[dict[str, Any]]:
    return [
        {
            "at": a.sent_at,
            "subject": issuance_id,
            "what": f"{a.operation}: {a.outcome or 'nobody saw the answer'}",
            "who": f"attempt {a.id}",
            "detail": " ".join(
                part
                for part in (
                    str(a.status_code or ""),
                    a.detail or "",
                    f"{(a.answered_at - a.sent_at).total_seconds():.2f} s" if a.answered_at else "",
                )
                if part
            ),
        }
        for a in issuances.attempts(conn, issuance_id)
    ]


def _kin(conn: sa.Connection, kind: str, row: Any) -> list[str]:
    """The ids on the same way, from delivery to write-back."""
    if kind == "delivery":
        ids = conn.execute(
            sa.select(completion.c.id).where(completion.c.delivery_id == row["id"])
        ).scalars()
        return [row["id"], *(k for i in ids for k in _of_completion(conn, i))]
    if kind == "completion":
        return [*filter(None, [row["delivery_id"]]), *_of_completion(conn, row["id"])]
    if kind == "issuance":
        origin = conn.execute(
            sa.select(completion.c.delivery_id).where(completion.c.id == row["completion_id"])
        ).scalar()
        return [*filter(None, [origin]), *_of_completion(conn, row["completion_id"])]
    if kind == "write-back":
        told = write_backs.certificates(conn, [row["id"]]).get(row["id"], ())
        return [*(one.id for one in told), row["id"]]
    return [row["id"]]


def _of_completion(conn: sa.Connection, completion_id: str) -> list[str]:
    made = (
        conn.execute(sa.select(issuance.c.id).where(issuance.c.completion_id == completion_id))
        .scalars()
        .all()
    )
    telling = write_backs.of_issuances(conn, made)
    return [completion_id, *made, *(row.id for rows in telling.values() for row in rows)]
