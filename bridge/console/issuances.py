"""Issuances: found by filters that live in the address, and one with its whole history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import Response as FlaskResponse
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import replay
from bridge.pipeline.history import history_of
from bridge.store import accounts, issuance_list, issuances, write_backs
from bridge.store.issuance_list import COURSE, ISSUER, SITE, Filters
from bridge.store.states import IssuanceState

SHOWN = 50
#: What stands in the address, as far as it is text.
TEXTS = ("q", "state", "issuer", "site", "course", "mapping")


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/issuances", role=Role.VIEWER)
    def issuances() -> Response:
        """The list; alone its rows, where a page asks for those that came since."""
        given = {name: request.args.get(name, "").strip() for name in (*TEXTS, "since", "until")}
        filters, wrong = _filters(given)
        after, alone = request.args.get("after"), request.args.get("rows") == "alone"
        with bridge.database.read() as conn:
            rows = issuance_list.page(conn, filters, within=_within(), after=after, limit=SHOWN + 1)
            if alone:
                return page("issuance_rows.html", rows=rows[:SHOWN])
            total = issuance_list.total(conn, filters, within=_within())
            choices = _choices(conn)
        more = len(rows) > SHOWN
        return page(
            "issuances.html",
            rows=rows[:SHOWN],
            total=total,
            given=given,
            wrong=wrong,
            filtered={name: value for name, value in given.items() if value},
            after=rows[SHOWN - 1].id if more else None,
            is_first=after is None,
            states=list(IssuanceState),
            choices=choices,
        )

    @console.page("/issuances/<row_id>", role=Role.VIEWER)
    def issuance(row_id: str) -> Response:
        """One, from delivery to gradebook."""
        with bridge.database.read() as conn:
            row = _mine(conn, row_id)
            history = history_of(bridge, conn, row_id)
            telling = write_backs.of_issuances(conn, [row_id]).get(row_id, ())
            chain = _chain(conn, row)
        return page(
            "issuance.html",
            row=row,
            lines=history.lines,
            telling=telling,
            chain=chain,
            link=bridge.links.url(row.link_id) if row.link_id else None,
        )

    @console.page("/issuances/<row_id>/certificate.pdf", role=Role.VIEWER)
    def certificate_file(row_id: str) -> Response:
        """The file as it was sent to the vault."""
        with bridge.database.read() as conn:
            row = _mine(conn, row_id)
            if row.file_sha256 is None:
                raise NotFound
            content = _content(conn, row.file_sha256)
        answer = FlaskResponse(content, mimetype="application/pdf")
        answer.headers["Content-Disposition"] = f'inline; filename="{row_id}.pdf"'
        return answer

    @console.page("/issuances/<row_id>/replay", role=Role.SUPPORT, methods=["POST"])
    def replay_issuance(row_id: str) -> Response:
        """Set it going again, after its cause was mended, or its gradebook row."""
        with bridge.database.read() as conn:
            row = _mine(conn, row_id)
            telling = write_backs.of_issuances(conn, [row.id]).get(row.id, ())
        asked = request.form.get("what") == "write_back"
        ids = [one.id for one in telling] if asked else [row.id]
        said = [replay.replay(bridge, one, who=person().email) for one in ids]
        if not any(one.going for one in said):
            text = " ".join(one.said for one in said)
            return message(gettext("It was not set going again"), text, status=409)
        return redirect(url_for("console.issuance", row_id=row_id), code=303)


def _within() -> sa.ColumnElement[bool]:
    return person().limits.over(issuer=ISSUER, site=SITE, course=COURSE)


def _mine(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """The issuance, unless it is none, or not within the person's limits."""
    row = issuance_list.one(conn, row_id, within=_within())
    if row is None:
        raise NotFound
    return row


def _chain(conn: sa.Connection, row: sa.Row[Any]) -> list[sa.Row[Any]]:
    return [other for other in issuances.chain(conn, row) if other.id != row.id]


def _content(conn: sa.Connection, sha256: str) -> bytes:
    return issuances.file_content(conn, sha256)


def _choices(conn: sa.Connection) -> Mapping[str, Sequence[str]]:
    """What a person can choose from: what is within their limits."""
    limits = person().limits
    return {
        "site": [
            s.name for s in accounts.sites(conn) if not limits.sites or s.name in limits.sites
        ],
        "issuer": [
            i.name for i in accounts.issuers(conn) if not limits.issuers or i.name in limits.issuers
        ],
        "mapping": issuance_list.mappings(conn, within=_within()),
    }


def _filters(given: Mapping[str, str]) -> tuple[Filters, dict[str, str]]:
    """The filters, and what is wrong with those that cannot be understood, by name."""
    wrong: dict[str, str] = {}
    moments: dict[str, datetime] = {}
    for name in ("since", "until"):
        if given[name]:
            try:
                moments[name] = datetime.strptime(given[name], "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                wrong[name] = gettext("Give a day as YYYY-MM-DD.")
    last = moments.get("until")
    filters = Filters(
        q=given["q"],
        state=given["state"] if given["state"] in set(IssuanceState) else None,
        issuer=given["issuer"],
        site=given["site"],
        course=given["course"],
        mapping=given["mapping"],
        since=moments.get("since"),
        until=None if last is None else last + timedelta(days=1),
    )
    return filters, wrong
