"""Failures as groups by cause, and the members of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import marshmallow as ma

from bridge.api.answers import not_a_cursor
from bridge.api.door import Calls
from bridge.api.fields import PageQuery, Text, page, page_of
from bridge.people.roles import Role
from bridge.pipeline.attention import move
from bridge.pipeline.known_causes import known
from bridge.store import failures as rows
from bridge.store.failures import Failures


class FailureQuery(ma.Schema):
    """Which failures."""

    site = Text(64, load_default=None)
    cause = Text(200, load_default=None)


class FailureAnswer(ma.Schema):
    """The rows that fail for one cause at sites of one connector."""

    cause = ma.fields.String(required=True)
    connector = ma.fields.String(required=True, allow_none=True)
    places = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "Sites, or issuers."}
    )
    size = ma.fields.Integer(required=True)
    states = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "How many are in which state."},
    )
    first_seen = ma.fields.AwareDateTime(required=True)
    last_seen = ma.fields.AwareDateTime(required=True)
    means = ma.fields.String(required=True)
    move = ma.fields.String(required=True, metadata={"description": "What to do about it."})
    waits_for_a_person = ma.fields.Boolean(required=True)
    example_id = ma.fields.String(required=True)
    example_problem = ma.fields.String(required=True)


class FailureList(ma.Schema):
    """All groups of failures, largest first."""

    items = ma.fields.List(ma.fields.Nested(FailureAnswer), required=True)


class MemberQuery(PageQuery):
    """Which members of a group."""

    site = Text(64, load_default=None)


class MemberAnswer(ma.Schema):
    """A row that fails."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    site = ma.fields.String(required=True, allow_none=True)
    course_id = ma.fields.String(required=True, allow_none=True)
    learner_id = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(required=True, allow_none=True)
    cause = ma.fields.String(required=True)
    problem = ma.fields.String(required=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    failing_since = ma.fields.AwareDateTime(required=True)


MemberPage = page_of(MemberAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/failures", role=Role.VIEWER, whole=True, query=FailureQuery, answer=FailureList)
    def list_failures(query: dict[str, Any]) -> Any:
        """Failures by cause, largest first, each with what it means and the next move."""
        with bridge.database.read() as conn:
            found = rows.groups(conn, site_name=query["site"], cause=query["cause"])
        return {"items": [_group(one) for one in found]}

    @calls.call(
        "/failures/<cause>/members",
        role=Role.VIEWER,
        whole=True,
        query=MemberQuery,
        answer=MemberPage,
    )
    def list_failure_members(query: dict[str, Any], cause: str) -> Any:
        """The rows that fail for a cause, or for any that begins with it; newest trouble first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = rows.members(
                conn, cause, site_name=query["site"], after=_after(query), limit=limit + 1
            )
        return page(
            found, limit, cursor=lambda row: f"{row['failing_since'].isoformat()}|{row['id']}"
        )


def _group(group: Failures) -> dict[str, Any]:
    about = known(group.cause)
    names = ("cause", "connector", "places", "size", "states", "first_seen", "last_seen")
    return {
        **{name: getattr(group, name) for name in names},
        "means": about.means,
        "move": move(group),
        "waits_for_a_person": about.waits_for_a_person,
        "example_id": group.example.id,
        "example_problem": group.example.problem,
    }


def _after(query: dict[str, Any]) -> tuple[datetime, str] | None:
    if query["cursor"] is None:
        return None
    since, _, row_id = query["cursor"].partition("|")
    try:
        moment = datetime.fromisoformat(since)
        if moment.tzinfo is None:
            raise ValueError(since)
    except ValueError as exc:
        raise not_a_cursor() from exc
    return moment, row_id
