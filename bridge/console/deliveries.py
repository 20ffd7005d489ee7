"""One delivery: what was sent, as it may be seen, and what became of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.connections.masking import Masked, masked
from bridge.console.csv_answer import csv_answer
from bridge.console.door import Console, message, page, person
from bridge.console.sites import SET_ASIDE, mine, within
from bridge.people.roles import Role
from bridge.pipeline import replay
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.history import history_of
from bridge.store import accounts, deliveries
from runtime.keys import KeyProblem

COLUMNS = ("id", "received_at", "state", "problem", "remedy")
#: Rows of a table to take away; more than that is for the API.
MOST_TAKEN = 10_000


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/deliveries/<row_id>", role=Role.VIEWER)
    def delivery(row_id: str) -> Response:
        """What came, and what became of it; what was sent, for support."""
        with bridge.database.read() as conn:
            row = _mine(conn, row_id)
            lines = history_of(bridge, conn, row_id).lines
        sent = _sent(bridge, row) if person().may(Role.SUPPORT) else None
        return page("delivery.html", row=row, lines=lines, sent=sent, set_aside=SET_ASIDE)

    @console.page("/sites/<name>/deliveries.csv", role=Role.VIEWER)
    def site_deliveries_csv(name: str) -> Response:
        """The newest deliveries as a table to take away, without what was sent."""
        aside = request.args.get("show") == "aside"
        with bridge.database.read() as conn:
            row = mine(conn, name)
            found = deliveries.of_site(
                conn, row.id, states=SET_ASIDE if aside else (), limit=MOST_TAKEN
            )
        return csv_answer(f"deliveries-{name}", COLUMNS, map(_cells, found))

    @console.page("/deliveries/<row_id>/replay", role=Role.SUPPORT, methods=["POST"])
    def replay_delivery(row_id: str) -> Response:
        """Read it once more."""
        with bridge.database.read() as conn:
            row = _mine(conn, row_id)
        done = replay.replay(bridge, row_id, who=person().email)
        if not done.going:
            return message(gettext("It was not set going again"), done.said, status=409)
        if request.form.get("back") == "site":
            return redirect(url_for("console.site", name=row.site, show="aside"), code=303)
        return redirect(url_for("console.delivery", row_id=row_id), code=303)


def _mine(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    row = deliveries.one_within(conn, row_id, within())
    if row is None:
        raise NotFound
    return row


def _cells(row: sa.Row[Any]) -> list[str | None]:
    return [row.id, row.received_at.isoformat(), row.state, row.problem, row.remedy]


def _sent(bridge: Bridge, row: sa.Row[Any]) -> Masked | str:
    """What was sent, or why nobody can read it any more."""
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, row.site_id)
    secrets = accounts.secrets_or_none(site, kind="site", keys=bridge.keys)
    try:
        return masked(deliveries.unseal(row.request, keys=bridge.keys), secrets)
    except KeyProblem as exc:  # also of what was erased
        return str(exc)
