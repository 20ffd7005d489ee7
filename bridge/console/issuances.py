"""Issuances: found by filters that live in the address, and one with its whole history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import Response as FlaskResponse
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.certificates.page import RenderError
from bridge.console.csv_answer import csv_answer
from bridge.console.days import days
from bridge.console.door import Console, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import cancelling, pages, replacing, replay, traced
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.history import history_of
from bridge.store import accounts, corrections, holds, issuance_list, write_backs
from bridge.store import issuances as rows_of
from bridge.store.file_sources import is_from_lms
from bridge.store.issuance_list import COURSE, ISSUER, SITE, Filters
from bridge.store.states import IssuanceState

SHOWN = 50
#: Rows that are read at once for a table.
AT_ONCE = 500
COLUMNS: Sequence[str] = (
    *("id", "state", "full_name", "applicant_email", "learner_id", "course_id", "course_title"),
    *("site", "issuer", "mapping_name", "mapping_version", "certificate_title", "issue_date"),
    *("expires_on", "reference_id", "vault_status", "verification_url", "created_at"),
    *("generated_at", "cause", "problem"),
)
#: What stands in the address, as far as it is text.
TEXTS = ("q", "state", "issuer", "site", "course", "mapping")


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/issuances", role=Role.VIEWER)
    def issuances() -> Response:
        """The list; alone its rows, where a page asks for those that came since."""
        given = _given()
        filters, wrong = _filters(given)
        after, alone = request.args.get("after"), request.args.get("rows") == "alone"
        with bridge.database.read() as conn:
            total = None if alone else issuance_list.total(conn, filters, within=_within())
            rows: Sequence[sa.Row[Any]] = ()
            if total != issuance_list.NONE:
                rows = issuance_list.page(
                    conn, filters, within=_within(), after=after, limit=SHOWN + 1
                )
            if alone:
                return page("issuance_rows.html", rows=rows[:SHOWN])
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

    @console.page("/issuances.csv", role=Role.VIEWER)
    def issuances_csv() -> Response:
        """All that the filters find, as a table."""
        given = _given()
        filters, wrong = _filters(given)
        if wrong:
            asked = request.query_string.decode("ascii", "replace")
            return redirect(f"{url_for('console.issuances')}?{asked}", code=303)
        return csv_answer("issuances", COLUMNS, _lines(bridge, filters, within=_within()))

    @console.page("/issuances/<row_id>", role=Role.VIEWER)
    def issuance(row_id: str) -> Response:
        """One, from delivery to gradebook."""
        with bridge.database.read() as conn:
            row = mine(conn, row_id)
            history = history_of(bridge, conn, row_id)
            telling = write_backs.of_issuances(conn, [row_id]).get(row_id, ())
            chain = _chain(conn, row)
            now = bridge.database.now(conn)
            told: dict[str, Any] = {
                "attempts": rows_of.attempts(conn, row_id),
                "trace": traced.trace_of(bridge, conn, row),
                "asked": corrections.asked_for(conn, row_id),
                "waits_in_hold": holds.is_waiting(row),
                "cancels": cancelling.why_not(conn, row, now=now) is None,
                "corrects": replacing.why_not(conn, row) is None,
            }
        return page(
            "issuance.html",
            **told,
            mails=bridge.settings.mail_server is not None,
            pictured=_is_printed(row),
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
            row = mine(conn, row_id)
            if row.file_sha256 is None:
                raise NotFound
            content = _content(conn, row.file_sha256)
        answer = FlaskResponse(content, mimetype="application/pdf")
        answer.headers["Content-Disposition"] = f'inline; filename="{row_id}.pdf"'
        return answer

    @console.page("/issuances/<row_id>/picture.svg", role=Role.VIEWER)
    def certificate_picture(row_id: str) -> Response:
        """The page as it is, or would be, printed."""
        with bridge.database.read() as conn:
            row = mine(conn, row_id)
            issuer = accounts.issuer_by_id(conn, row.issuer_id)
        if not _is_printed(row):
            raise NotFound
        try:
            drawn = bridge.renderer.render(pages.page_of(row, issuer), form="svg")
        except RenderError as exc:
            raise NotFound from exc
        return FlaskResponse(drawn, mimetype="image/svg+xml")

    @console.page("/issuances/<row_id>/replay", role=Role.SUPPORT, methods=["POST"])
    def replay_issuance(row_id: str) -> Response:
        """Set it going again, after its cause was mended, or its gradebook row."""
        with bridge.database.read() as conn:
            row = mine(conn, row_id)
            telling = write_backs.of_issuances(conn, [row.id]).get(row.id, ())
        asked = request.form.get("what") == "write_back"
        ids = [one.id for one in telling] if asked else [row.id]
        reason = " ".join(request.form.get("reason", "").split()) or None
        said = [replay.replay(bridge, one, who=person().email, reason=reason) for one in ids]
        if not any(one.going for one in said):
            text = " ".join(one.said for one in said)
            return message(gettext("It was not set going again"), text, status=409)
        return redirect(url_for("console.issuance", row_id=row_id), code=303)


def _lines(
    bridge: Bridge, filters: Filters, *, within: sa.ColumnElement[bool]
) -> Iterator[Sequence[str | None]]:
    """Every issuance that is found, page by page: none is in memory for longer."""
    after = None
    while True:
        with bridge.database.read() as conn:
            rows = issuance_list.page(conn, filters, within=within, after=after, limit=AT_ONCE)
        yield from map(_line, rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].id


def _line(row: sa.Row[Any]) -> Sequence[str | None]:
    course = row.completion_data.get("course") or {}
    learner = row.completion_data.get("learner") or {}
    told = {**row._asdict(), "course_title": course.get("title")}
    told["full_name"] = row.full_name or learner.get("full_name")
    told["applicant_email"] = row.applicant_email or learner.get("email")
    return [_cell(told[name]) for name in COLUMNS]


def _cell(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


def _is_printed(row: sa.Row[Any]) -> bool:
    """Whether there is a page of it that we print: not while an entry lacks, nor once erased."""
    return bool(row.full_name and row.certificate and not is_from_lms(row.certificate))


def _within() -> sa.ColumnElement[bool]:
    return person().limits.over(issuer=ISSUER, site=SITE, course=COURSE)


def mine(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """The issuance, unless it is none, or not within the person's limits."""
    row = issuance_list.one(conn, row_id, within=_within())
    if row is None:
        raise NotFound
    return row


def _chain(conn: sa.Connection, row: sa.Row[Any]) -> list[sa.Row[Any]]:
    return [other for other in rows_of.chain(conn, row) if other.id != row.id]


def _content(conn: sa.Connection, sha256: str) -> bytes:
    return rows_of.file_content(conn, sha256)


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


def _given() -> dict[str, str]:
    """What the address says; no database takes a NUL."""
    names = (*TEXTS, "since", "until")
    return {name: request.args.get(name, "").replace("\0", "").strip() for name in names}


def _filters(given: Mapping[str, str]) -> tuple[Filters, dict[str, str]]:
    """The filters, and what is wrong with those that cannot be understood, by name."""
    since, until, wrong = days(given)
    filters = Filters(
        q=given["q"],
        state=given["state"] if given["state"] in set(IssuanceState) else None,
        issuer=given["issuer"],
        site=given["site"],
        course=given["course"],
        mapping=given["mapping"],
        since=since,
        until=until,
    )
    return filters, wrong
