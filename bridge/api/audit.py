"""The audit log: who did what to which, newest first."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from bridge.api.answers import not_a_cursor
from bridge.api.door import Calls
from bridge.api.fields import PageQuery, Text, page, page_of
from bridge.people.roles import Role
from bridge.pipeline import audit as log
from bridge.store.acts import Filters


class AuditQuery(PageQuery):
    """Which acts; each filter that is given counts."""

    who = Text(128, load_default="", metadata={"description": "Whose, by e-mail address."})
    kind = Text(
        32,
        load_default="",
        metadata={"description": "What kind of thing it was done to, such as `site`."},
    )
    which = Text(
        255,
        load_default="",
        metadata={"description": "The name, id or address of what it was done to."},
    )
    since = ma.fields.AwareDateTime(load_default=None, metadata={"description": "Then or later."})
    until = ma.fields.AwareDateTime(load_default=None, metadata={"description": "Before then."})


class ActAnswer(ma.Schema):
    """What a person did."""

    id = ma.fields.Integer(required=True)
    at = ma.fields.AwareDateTime(required=True)
    who = ma.fields.String(required=True)
    what = ma.fields.String(required=True)
    kind = ma.fields.String(required=True)
    name = ma.fields.String(
        required=True, metadata={"description": "What it was done to, as it is called."}
    )
    subject = ma.fields.String(required=True)
    detail = ma.fields.String(required=True, allow_none=True)
    before = ma.fields.Dict(required=True, allow_none=True)
    after = ma.fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "What of it was changed; secrets are masked."},
    )


ActPage = page_of(ActAnswer)


def add_to(calls: Calls) -> None:
    """Register the call."""
    bridge = calls.bridge

    @calls.call("/audit", role=Role.ADMIN, whole=True, query=AuditQuery, answer=ActPage)
    def list_acts(query: dict[str, Any]) -> Any:
        """What people did, newest first, each with what it changed."""
        cursor, limit = query.pop("cursor"), query.pop("limit")
        after = None if cursor is None else log.place(cursor)
        if cursor is not None and after is None:
            raise not_a_cursor()
        found = log.page(bridge, Filters(**query), after=after, limit=limit + 1)
        return page(found, limit, cursor=lambda act: log.written(act.place))
