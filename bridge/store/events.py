"""The history of every row: what happened, when, by whom; and what people changed, as the log of
acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.changes import changed, kept
from bridge.store.ids import kind_of
from bridge.store.tables import event

#: Who did what no person did.
PIPELINE = "vaultbridge"
#: Subjects that are no row of ours: the keys of the key file, and the installation as a whole.
KEYS, INSTALLATION = "keys", "installation"


def record(
    conn: sa.Connection,
    subject: str,
    what: str,
    *,
    at: datetime,
    who: str = PIPELINE,
    detail: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    act: bool = True,
) -> None:
    """Add one line to a row's history; a person's stands in the audit log as well.

    ``subject`` is a row's id or, of what has none, its kind and name: ``template classic``.
    ``before`` and ``after`` say what the act changed, by the names of settings: what is the same
    in both is left out, and secrets are masked whatever they are told as. ``act`` is false for the
    many lines that follow from one act of a person, such as those of a replay's rows: the act
    itself is in the log once.
    """
    told_before, told_after = changed(before, after)
    told = {
        "subject": subject,
        "what": what,
        "at": at,
        "who": who,
        "detail": detail,
        "before": kept(told_before),
        "after": kept(told_after),
        "act_on": kind_of_subject(subject) if act and who != PIPELINE else None,
    }
    conn.execute(sa.insert(event), told)


def kind_of_subject(subject: str) -> str:
    """What kind of thing an event is about: of a row its kind, else the subject's first word."""
    return kind_of(subject) or subject.partition(" ")[0]


def history(conn: sa.Connection, subjects: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """The history of rows by their ids, oldest first."""
    return conn.execute(
        sa.select(event).where(event.c.subject.in_(subjects)).order_by(event.c.at, event.c.id)
    ).all()


def latest(conn: sa.Connection, subjects: Sequence[str]) -> Mapping[str, sa.Row[Any]]:
    """The last line of each row's history, by its id."""
    return {row.subject: row for row in history(conn, subjects)}
