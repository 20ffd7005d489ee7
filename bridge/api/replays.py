"""Replays: a selection set going again by a worker, and how far that has come."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, PageQuery, Text, page, page_of, reason
from bridge.api.once import keep
from bridge.people.roles import Role
from bridge.pipeline import replay as pipeline
from bridge.pipeline.selection import Selection
from bridge.store import replays as rows
from bridge.store.failures import REPLAYABLE
from bridge.store.states import ReplayState

STATES = [state.value for state in ReplayState]


class ReplayRequest(Body):
    """What is to be set going again: rows by their ids, or all that fit each part given."""

    ids = ma.fields.List(Text(32, least=1), validate=ma.validate.Length(1, 500))
    kind = ma.fields.String(validate=ma.validate.OneOf(list(REPLAYABLE)))
    cause = Text(200, least=1, metadata={"description": "Or what a cause begins with."})
    site = Text(64, least=1)
    state = Text(16, least=1)
    since = ma.fields.AwareDateTime(metadata={"description": "It fails since then or later."})
    until = ma.fields.AwareDateTime(metadata={"description": "It failed before."})
    mapping = ma.fields.String(
        load_default=pipeline.CURRENT, validate=ma.validate.OneOf(list(pipeline.MAPPINGS))
    )
    reason = reason()


class ReplayAnswer(ma.Schema):
    """A replay, and how far it has come."""

    id = ma.fields.String(required=True)
    who = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    selection = ma.fields.Dict(required=True)
    mapping = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    selected = ma.fields.Integer(required=True)
    going = ma.fields.Integer(required=True, metadata={"description": "Set going again."})
    unchanged = ma.fields.Integer(required=True)
    started_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)


ReplayPage = page_of(ReplayAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/replays", role=Role.VIEWER, whole=True, query=PageQuery, answer=ReplayPage)
    def list_replays(query: dict[str, Any]) -> Any:
        """Replays, newest first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = rows.recent(conn, after=query["cursor"], limit=limit + 1)
        return page(found, limit, cursor=lambda row: str(row["id"]))

    @calls.call("/replays/<replay_id>", role=Role.VIEWER, whole=True, answer=ReplayAnswer)
    def show_replay(replay_id: str) -> Any:
        """One replay, and how far it has come."""
        with bridge.database.read() as conn:
            return _told(rows.by_id(conn, replay_id))

    @calls.call(
        "/replays",
        role=Role.SUPPORT,
        method="POST",
        status=202,
        whole=True,
        body=ReplayRequest,
        refusals=(404,),
        answer=ReplayAnswer,
    )
    def begin_replay(body: dict[str, Any]) -> Any:
        """Begin a replay, which a worker works off; what is issued is never touched."""
        why, mapping = body.pop("reason"), body.pop("mapping")
        meant = Selection(**{**body, "ids": tuple(body.get("ids", ()))})
        _refuse_unclear(meant)
        begun: dict[str, Any] = {}

        def noting(conn: sa.Connection, row_id: str) -> None:
            begun.update(_told(rows.by_id(conn, row_id)))
            keep(conn, ReplayAnswer().dump(begun), status=202)

        pipeline.begin(
            bridge,
            meant,
            who=caller().who,
            reason=why,
            mapping=mapping,
            noting=noting,
            by_worker=True,
        )
        return begun


def _refuse_unclear(meant: Selection) -> None:
    if meant.is_empty:
        said = "Say what to replay: ids, or a kind, cause, site, state, since or until."
    elif meant.ids and meant != Selection(ids=meant.ids):
        said = "Give ids, or what to select by, not both."
    else:
        return
    raise Refused(said, status=422, word="unprocessable", fields={"json": {"_schema": [said]}})


def _told(row: sa.Row[Any]) -> dict[str, Any]:
    return dict(row._mapping)
