"""What issuances are searched and narrowed by, kept in narrow rows beside them.

Whoever adds an issuance or changes whose it is does so by `bridge.store.issuances`, which calls
this; its state is copied by a trigger in the database, as many steps change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import completion, issuance, listed, listed_word, lot
from runtime.inserting import Both, Rows, insert
from runtime.words import BETWEEN_FIELDS, fold, folded_fields, words

#: Columns of an issuance that its narrow rows are made of.
SOURCES = frozenset(
    {
        "issuer_id",
        "site_id",
        "course_id",
        "mapping_name",
        "learner_id",
        "full_name",
        "applicant_email",
    }
)
#: What issuances of one lot have in common.
SHARED = ("site_id", "course_id", "issuer_id", "mapping_name")

_both = Both(
    Rows(listed, ("id", "lot_id", "state", "text")),
    Rows(listed_word, ("word", "issuance_id", "lot_id")),
)
_same_lot = sa.and_(*(lot.c[name] == sa.bindparam(name) for name in SHARED))
_known = (
    sa.select(completion.c.data, lot.c.id, lot.c.text)
    .select_from(completion.outerjoin(lot, _same_lot))
    .where(completion.c.id == sa.bindparam("completion_id"))
)
_lot_id = sa.select(lot.c.id).where(_same_lot)
_kept = sa.select(listed.c.lot_id, listed.c.text).where(listed.c.id == sa.bindparam("row_id"))


def add(conn: sa.Connection, row_id: str, made: Mapping[str, Any]) -> None:
    """List an issuance that was added, by what it is made of."""
    lot_id, text = _lot_and_text(conn, made)
    one = {"id": row_id, "lot_id": lot_id, "state": str(made["state"]), "text": text}
    _both.add(conn, [one], list(_words(row_id, lot_id, text)))


def renew(conn: sa.Connection, row_id: str) -> None:
    """List an issuance as it now is."""
    row = conn.execute(sa.select(issuance).where(issuance.c.id == row_id)).one()
    lot_id, text = _lot_and_text(conn, row._asdict())
    kept = conn.execute(_kept, {"row_id": row_id}).one()
    if (kept.lot_id, kept.text) == (lot_id, text):
        return
    gone = sa.delete(listed_word).where(
        listed_word.c.issuance_id == row_id, listed_word.c.word.in_(words(kept.text))
    )
    conn.execute(gone)
    now = {"lot_id": lot_id, "text": text}
    conn.execute(sa.update(listed).where(listed.c.id == row_id).values(now))
    conn.execute(sa.insert(listed_word), list(_words(row_id, lot_id, text)))


def sought(part: str) -> str:
    """A part of a query, in the form in which it is compared; an address keeps its domain."""
    local, at, domain = part.rpartition("@")
    return f"{fold(local)}@{domain.casefold()}" if at else fold(part)


def text_of(*, full_name: str | None, email: str | None, learner_id: str) -> str:
    """What an issuance is found by: every word of it that may be looked for has a space before."""
    address = f" {sought(email)}" if email else ""
    return BETWEEN_FIELDS.join(
        filter(None, [folded_fields([full_name or "", learner_id]), address])
    )


def course_text(course_id: str, course: Mapping[str, Any]) -> str:
    """What a course is found by."""
    return folded_fields([course_id, course.get("code") or "", course.get("title") or ""])


def _words(row_id: str, lot_id: int, text: str) -> Iterator[dict[str, Any]]:
    for word in sorted(words(text)):
        yield {"word": word, "issuance_id": row_id, "lot_id": lot_id}


def _lot_and_text(conn: sa.Connection, made: Mapping[str, Any]) -> tuple[int, str]:
    shared = {name: made[name] for name in SHARED}
    of = {**shared, "completion_id": made["completion_id"]}
    known: Any = conn.execute(_known, of).one()
    learner, course = known.data.get("learner") or {}, known.data.get("course") or {}
    text = course_text(shared["course_id"], course)
    return _lot(conn, known, shared, text), text_of(
        full_name=made.get("full_name") or learner.get("full_name"),
        email=made.get("applicant_email") or learner.get("email"),
        learner_id=made["learner_id"],
    )


def _lot(conn: sa.Connection, known: Any, shared: Mapping[str, Any], text: str) -> int:
    """The lot's id; a course that has another title by now is found by that."""
    if known.id is not None:
        if known.text != text:
            conn.execute(sa.update(lot).where(lot.c.id == known.id).values(text=text))
        return int(known.id)
    added = insert(conn, lot).values(**shared, text=text)
    conn.execute(added.on_conflict_do_nothing(index_elements=SHARED))
    return int(conn.execute(_lot_id, shared).scalar_one())
