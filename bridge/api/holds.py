"""Holds: certificates that wait together for a person, who releases or discards them."""

from __future__ import annotations

import time
from typing import Any

import marshmallow as ma

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, PageQuery, Text, page, page_of, reason
from bridge.people.roles import Role
from bridge.pipeline import release as pipeline
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.release import Word
from bridge.store import holds as rows
from bridge.store.accounts import NotThere
from bridge.store.states import HoldOutcome

#: How long one request carries a decision out.
SLICE_S = 20.0


class HoldQuery(PageQuery):
    """Which holds."""

    all = ma.fields.Boolean(
        load_default=False, metadata={"description": "Those that are decided, too."}
    )


class HoldAnswer(ma.Schema):
    """Certificates that wait together until a person releases or discards them."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    cause = ma.fields.String(required=True)
    problem = ma.fields.String(required=True)
    mapping_name = ma.fields.String(required=True)
    mapping_version = ma.fields.Integer(required=True, allow_none=True)
    site = ma.fields.String(required=True, allow_none=True)
    course_id = ma.fields.String(required=True, allow_none=True)
    day = ma.fields.String(required=True, allow_none=True)
    waiting = ma.fields.Integer(required=True)
    released = ma.fields.Integer(required=True)
    discarded = ma.fields.Integer(required=True)
    opened_at = ma.fields.AwareDateTime(required=True)
    closed_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    closed_by = ma.fields.String(required=True, allow_none=True)
    outcome = ma.fields.String(required=True, allow_none=True)
    reason = ma.fields.String(required=True, allow_none=True)


class HeldAnswer(ma.Schema):
    """A certificate that waits in a hold."""

    id = ma.fields.String(required=True)
    site = ma.fields.String(required=True)
    course_id = ma.fields.String(required=True)
    learner_id = ma.fields.String(required=True)
    full_name = ma.fields.String(required=True, allow_none=True)
    applicant_email = ma.fields.String(required=True, allow_none=True)
    certificate_title = ma.fields.String(required=True, allow_none=True)
    issue_date = ma.fields.Date(required=True, allow_none=True)
    details = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)


class DecisionRequest(Body):
    """Which certificates of a hold, and why."""

    ids = ma.fields.List(
        Text(32, least=1),
        load_default=list,
        validate=ma.validate.Length(max=500),
        metadata={"description": "These alone; all that wait, where it is left out."},
    )
    reason = reason()


class DecisionAnswer(ma.Schema):
    """What became of a decision; while some still wait, send it again."""

    hold = ma.fields.String(required=True)
    outcome = ma.fields.String(required=True)
    done = ma.fields.Integer(required=True, metadata={"description": "By this request."})
    waiting = ma.fields.Integer(required=True)
    not_about = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "Of the ids, those that it is not about, and why."},
    )


HoldPage, HeldPage = page_of(HoldAnswer), page_of(HeldAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/holds", role=Role.VIEWER, whole=True, query=HoldQuery, answer=HoldPage)
    def list_holds(query: dict[str, Any]) -> Any:
        """Holds in which something waits, newest first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = rows.recent(conn, all_=query["all"], after=query["cursor"], limit=limit + 1)
        return page(found, limit)

    @calls.call("/holds/<hold_id>", role=Role.VIEWER, whole=True, answer=HoldAnswer)
    def show_hold(hold_id: str) -> Any:
        """One hold."""
        with bridge.database.read() as conn:
            found = rows.recent(conn, all_=True, only=hold_id, limit=1)
        if not found:
            raise NotThere
        return found[0]

    @calls.call(
        "/holds/<hold_id>/certificates",
        role=Role.VIEWER,
        whole=True,
        query=PageQuery,
        answer=HeldPage,
    )
    def list_held(query: dict[str, Any], hold_id: str) -> Any:
        """The certificates that wait in a hold, in the order they came."""
        limit, after = query["limit"], query["cursor"] or ""
        with bridge.database.read() as conn:
            rows.by_id(conn, hold_id)
            found = rows.members(conn, hold_id, after=after, limit=limit + 1)
        return page(found, limit)

    def decide(outcome: HoldOutcome, body: dict[str, Any], hold_id: str) -> dict[str, Any]:
        word = Word(outcome=outcome, who=caller().who, reason=body["reason"])
        try:
            return _decided(bridge, hold_id, word, body["ids"])
        except pipeline.DecidedOtherwise as exc:
            raise Refused(str(exc), word="decided_otherwise") from exc

    @calls.call(
        "/holds/<hold_id>/release",
        role=Role.SUPPORT,
        method="POST",
        whole=True,
        body=DecisionRequest,
        answer=DecisionAnswer,
    )
    def release_hold(body: dict[str, Any], hold_id: str) -> Any:
        """Let certificates of a hold be issued: all that wait in it, or those named."""
        return decide(HoldOutcome.RELEASED, body, hold_id)

    @calls.call(
        "/holds/<hold_id>/discard",
        role=Role.SUPPORT,
        method="POST",
        whole=True,
        body=DecisionRequest,
        answer=DecisionAnswer,
    )
    def discard_hold(body: dict[str, Any], hold_id: str) -> Any:
        """Cancel certificates of a hold: all that wait in it, or those named."""
        return decide(HoldOutcome.DISCARDED, body, hold_id)


def _decided(bridge: Bridge, hold_id: str, word: Word, ids: list[str]) -> dict[str, Any]:
    until, done = time.monotonic() + SLICE_S, 0
    for some in pipeline.decide(bridge, hold_id, word, ids=ids):
        done += len(some)
        if time.monotonic() >= until:
            break
    with bridge.database.read() as conn:
        return {
            "hold": hold_id,
            "outcome": word.outcome,
            "done": done,
            "waiting": rows.waiting_in(conn, hold_id),
            "not_about": pipeline.not_about(conn, hold_id, word, ids),
        }
