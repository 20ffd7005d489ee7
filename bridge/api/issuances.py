"""Issuances: found by filters, one with its whole history, its file, and set going again."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Nothing, PageQuery, Reasoned, Text, WithReason, page, page_of
from bridge.people.roles import Role
from bridge.pipeline import cancelling, dossier, replay, sending_links
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.history import history_of
from bridge.store import differences as difference_rows
from bridge.store import issuance_list, issuances, write_backs
from bridge.store.accounts import NotThere
from bridge.store.issuance_list import COURSE, ISSUER, SITE, Filters
from bridge.store.states import IssuanceState

STATES = [state.value for state in IssuanceState]


class IssuanceQuery(PageQuery):
    """Which issuances; each filter that is given counts."""

    q = Text(
        320,
        load_default="",
        metadata={
            "description": "Words of the learner's name, by their beginning; an e-mail address; a "
            "reference id; an issuance's id; or the learner's id at the LMS."
        },
    )
    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(STATES))
    issuer = Text(64, load_default=None)
    site = Text(64, load_default=None)
    course = Text(255, load_default=None, metadata={"description": "Its id, code or title."})
    mapping = Text(64, load_default=None)
    since = ma.fields.AwareDateTime(
        load_default=None, metadata={"description": "Made then or later."}
    )
    until = ma.fields.AwareDateTime(load_default=None, metadata={"description": "Made before."})


class IssuanceAnswer(ma.Schema):
    """A certificate on its way."""

    id = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    issuer = ma.fields.String(required=True)
    site = ma.fields.String(required=True)
    course_id = ma.fields.String(required=True)
    course_title = ma.fields.String(required=True, allow_none=True)
    learner_id = ma.fields.String(required=True)
    full_name = ma.fields.String(required=True, allow_none=True)
    applicant_email = ma.fields.String(required=True, allow_none=True)
    certificate_title = ma.fields.String(required=True, allow_none=True)
    issue_date = ma.fields.Date(required=True, allow_none=True)
    expires_on = ma.fields.Date(required=True, allow_none=True)
    mapping_name = ma.fields.String(required=True)
    mapping_version = ma.fields.Integer(required=True)
    reference_id = ma.fields.String(required=True, allow_none=True)
    vault_status = ma.fields.String(required=True, allow_none=True)
    verification_url = ma.fields.String(required=True, allow_none=True)
    replaces = ma.fields.String(required=True, allow_none=True)
    completion_id = ma.fields.String(required=True)
    hold_id = ma.fields.String(required=True, allow_none=True)
    cause = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    generated_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class EventAnswer(ma.Schema):
    """Something that happened to a row or its kin."""

    at = ma.fields.AwareDateTime(required=True)
    subject = ma.fields.String(required=True, metadata={"description": "The row's id."})
    what = ma.fields.String(required=True)
    who = ma.fields.String(required=True)
    detail = ma.fields.String(required=True, allow_none=True)


class AttemptAnswer(ma.Schema):
    """One call to the vault; without an outcome nobody saw its answer."""

    operation = ma.fields.String(required=True)
    sent_at = ma.fields.AwareDateTime(required=True)
    answered_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    outcome = ma.fields.String(required=True, allow_none=True)
    status_code = ma.fields.Integer(required=True, allow_none=True)
    detail = ma.fields.String(required=True, allow_none=True)


class WriteBackAnswer(ma.Schema):
    """A learner's gradebook row, and whether it says what it must."""

    id = ma.fields.String(required=True)
    course_id = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    text = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    written_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    read_back_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class DifferenceAnswer(ma.Schema):
    """Something that reconciliation found to be not as it should be."""

    id = ma.fields.String(required=True)
    site = ma.fields.String(required=True)
    cause = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    at = ma.fields.AwareDateTime(required=True)
    course_id = ma.fields.String(required=True, allow_none=True)
    learner_id = ma.fields.String(required=True, allow_none=True)
    subject = ma.fields.String(required=True, allow_none=True)
    reference_id = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True)
    remedy = ma.fields.String(required=True)
    first_seen_at = ma.fields.AwareDateTime(required=True)
    last_seen_at = ma.fields.AwareDateTime(required=True)
    settled_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    settled_by = ma.fields.String(required=True, allow_none=True)


class IssuanceWhole(IssuanceAnswer):
    """A certificate with all that happened to it, from delivery to gradebook."""

    learner_link = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "The learner's page."}
    )
    history = ma.fields.List(ma.fields.Nested(EventAnswer), required=True)
    attempts = ma.fields.List(ma.fields.Nested(AttemptAnswer), required=True)
    write_backs = ma.fields.List(ma.fields.Nested(WriteBackAnswer), required=True)
    differences = ma.fields.List(ma.fields.Nested(DifferenceAnswer), required=True)
    chain = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={"description": "What replaced it and what it replaced, newest first."},
    )


class DossierAnswer(ma.Schema):
    """A certificate's dossier, as its JSON in the console."""

    dossier = ma.fields.Dict(required=True)


class ReplayedAnswer(ma.Schema):
    """What a replay did with a row."""

    id = ma.fields.String(required=True)
    going = ma.fields.Boolean(required=True, metadata={"description": "It is on its way again."})
    said = ma.fields.String(required=True)


class MailedAnswer(ma.Schema):
    """The mail that is on its way; null where one left just now."""

    mail = ma.fields.String(required=True, allow_none=True)


class ReplayedList(ma.Schema):
    """What a replay did with each row."""

    items = ma.fields.List(ma.fields.Nested(ReplayedAnswer), required=True)


IssuancePage = page_of(IssuanceAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/issuances", role=Role.VIEWER, query=IssuanceQuery, answer=IssuancePage)
    def list_issuances(query: dict[str, Any]) -> Any:
        """Issuances, newest first."""
        after, limit = query.pop("cursor"), query.pop("limit")
        with bridge.database.read() as conn:
            found = issuance_list.page(
                conn, Filters(**query), within=within(), after=after, limit=limit + 1
            )
        return page(found, limit, told=told)

    @calls.call("/issuances/<issuance_id>", role=Role.VIEWER, answer=IssuanceWhole)
    def show_issuance(issuance_id: str) -> Any:
        """One issuance with its history, attempts, write-backs and differences."""
        return _whole(bridge, issuance_id)

    @calls.call("/issuances/<issuance_id>/dossier", role=Role.VIEWER, answer=DossierAnswer)
    def show_issuance_dossier(issuance_id: str) -> Any:
        """All that shows why a certificate was issued, as what and by whom."""
        with bridge.database.read() as conn:
            found = dossier.gather(bridge, conn, issuance_id, within=within())
        return {"dossier": dossier.plain(found)}

    @calls.call("/issuances/<issuance_id>/file", role=Role.VIEWER, answer=None)
    def show_issuance_file(issuance_id: str) -> Response:
        """The PDF as it was sent to the vault."""
        with bridge.database.read() as conn:
            row = mine(conn, issuance_id)
            if row.file_sha256 is None:
                raise NotThere
            content = issuances.file_content(conn, row.file_sha256)
        return Response(content, mimetype="application/pdf")

    @calls.call(
        "/issuances/<issuance_id>/replay",
        role=Role.SUPPORT,
        method="POST",
        body=Reasoned,
        answer=ReplayedAnswer,
    )
    def replay_issuance(body: dict[str, Any], issuance_id: str) -> Any:
        """Set an issuance going again, after its cause was mended."""
        with bridge.database.read() as conn:
            row = mine(conn, issuance_id)
        done = replay.replay(bridge, row.id, who=caller().who, reason=body["reason"])
        if not done.going:
            raise Refused(done.said, word="unchanged")
        return done

    @calls.call(
        "/issuances/<issuance_id>/cancel",
        role=Role.SUPPORT,
        method="POST",
        body=WithReason,
        answer=IssuanceAnswer,
    )
    def cancel_issuance(body: dict[str, Any], issuance_id: str) -> Any:
        """Give an issuance up before it is sent; one that was cancelled before stays so."""
        with bridge.database.read() as conn:
            row = mine(conn, issuance_id)
        try:
            cancelling.cancel(bridge, row.id, who=caller().who, reason=body["reason"])
        except cancelling.Refused as exc:
            raise Refused(str(exc)) from exc
        with bridge.database.read() as conn:
            return told(mine(conn, issuance_id))

    @calls.call(
        "/issuances/<issuance_id>/send-link",
        role=Role.SUPPORT,
        method="POST",
        body=Nothing,
        answer=MailedAnswer,
    )
    def send_issuance_link(_body: dict[str, Any], issuance_id: str) -> Any:
        """Mail the learner the links of their certificates."""
        with bridge.database.read() as conn:
            row = mine(conn, issuance_id)
        try:
            mail_id = sending_links.send(bridge, row.id, who=caller().who)
        except sending_links.Refused as exc:
            raise Refused(str(exc)) from exc
        return {"mail": mail_id}

    @calls.call(
        "/issuances/<issuance_id>/write-back",
        role=Role.SUPPORT,
        method="POST",
        body=Reasoned,
        answer=ReplayedList,
    )
    def write_issuance_back(body: dict[str, Any], issuance_id: str) -> Any:
        """Write the gradebook's rows of an issuance again."""
        with bridge.database.read() as conn:
            row = mine(conn, issuance_id)
            telling = write_backs.of_issuances(conn, [row.id]).get(row.id, ())
        who, why = caller().who, body["reason"]
        done = [replay.replay(bridge, one.id, who=who, reason=why) for one in telling]
        if not any(one.going for one in done):
            said = " ".join(one.said for one in done) or "No gradebook tells it."
            raise Refused(said, word="unchanged")
        return {"items": done}


def within() -> sa.ColumnElement[bool]:
    """The issuances that the token may see."""
    return caller().over(issuer=ISSUER, site=SITE, course=COURSE)


def mine(conn: sa.Connection, issuance_id: str) -> sa.Row[Any]:
    """One issuance within the token's limits; raises NotThere."""
    row = issuance_list.one(conn, issuance_id, within=within())
    if row is None:
        raise NotThere
    return row


def told(row: sa.Row[Any]) -> dict[str, Any]:
    """A row of the list, as it is answered."""
    data = row.completion_data
    return {
        **row._mapping,
        "course_title": data["course"]["title"],
        "full_name": row.full_name or data["learner"]["full_name"],
    }


def _whole(bridge: Bridge, issuance_id: str) -> dict[str, Any]:
    with bridge.database.read() as conn:
        row = mine(conn, issuance_id)
        telling = write_backs.of_issuances(conn, [row.id]).get(row.id, ())
        return {
            **told(row),
            "learner_link": bridge.links.url(row.link_id) if row.link_id else None,
            "history": history_of(bridge, conn, row.id).lines,
            "attempts": issuances.attempts(conn, row.id),
            "write_backs": telling,
            "differences": difference_rows.about(
                conn, row.site_id, [row.id, *(one.id for one in telling)]
            ),
            "chain": [other.id for other in issuances.chain(conn, row) if other.id != row.id],
        }
