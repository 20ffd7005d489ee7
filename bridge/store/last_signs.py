"""When each site and issuer was heard of last, and what is the matter with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import delivery, issuance, issuer, site, unwanted_event, write_back

#: No limit.
EVERYTHING = sa.true()


def sites(
    conn: sa.Connection, *, within: sa.ColumnElement[bool] = EVERYTHING
) -> Sequence[sa.Row[Any]]:
    """Sites by name: ``last_delivery``, ``last_unwanted`` (an event nobody wants), ``last_written``
    (into a gradebook), ``left_alone_until``, and their trouble."""
    query: sa.Select[Any] = (
        sa.select(
            *(site.c[name] for name in ("id", "name", "connector", "created_at", "unsure_since")),
            *_trouble(site),
            _newest(delivery.c.received_at, site).label("last_delivery"),
            _newest(unwanted_event.c.last_at, site).label("last_unwanted"),
            _newest(write_back.c.written_at, site).label("last_written"),
        )
        .where(site.c.removed_at.is_(None), within)
        .order_by(site.c.name)
    )
    return conn.execute(query).all()


def issuers(
    conn: sa.Connection, *, within: sa.ColumnElement[bool] = EVERYTHING
) -> Sequence[sa.Row[Any]]:
    """Issuers by name: ``last_certificate``, ``paused_at``, ``left_alone_until``, their trouble."""
    query: sa.Select[Any] = (
        sa.select(
            *(issuer.c[name] for name in ("id", "name", "vault_url", "paused_at")),
            *_trouble(issuer),
            _newest(issuance.c.generated_at, issuer).label("last_certificate"),
        )
        .where(issuer.c.removed_at.is_(None), within)
        .order_by(issuer.c.name)
    )
    return conn.execute(query).all()


def _trouble(table: sa.Table) -> tuple[sa.ColumnElement[Any], ...]:
    told = (table.c[name] for name in ("cause", "problem", "remedy", "failing_since"))
    return (table.c.shut_until.label("left_alone_until"), *told)


def _newest(moment: sa.Column[Any], of: sa.Table) -> sa.ScalarSelect[Any]:
    """The last such moment of each site or issuer."""
    theirs = moment.table.c[f"{of.name}_id"] == of.c.id
    return sa.select(sa.func.max(moment)).where(theirs).correlate(of).scalar_subquery()
