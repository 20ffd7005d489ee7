"""How everything stands, as `vaultbridge status` tells it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma

from bridge import overview
from bridge.api.door import Calls
from bridge.people.roles import Role

DAYS = 7


class OverviewQuery(ma.Schema):
    """How far back completions are counted."""

    days = ma.fields.Integer(load_default=DAYS, validate=ma.validate.Range(1, 366))


class MatterAnswer(ma.Schema):
    """Something that is not as it should be: where, since when, how often, and what to do."""

    cause = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, allow_none=True)
    places = ma.fields.List(ma.fields.String(), required=True)
    size = ma.fields.Integer(required=True)
    since = ma.fields.AwareDateTime(required=True)
    means = ma.fields.String(required=True)
    move = ma.fields.String(required=True)
    command = ma.fields.String(required=True)


class ReasonAnswer(ma.Schema):
    """How many completions wait, or are left, for a cause."""

    count = ma.fields.Integer(required=True)
    cause = ma.fields.String(required=True)
    means = ma.fields.String(required=True)


class TallyAnswer(ma.Schema):
    """How far completions have come."""

    sentence = ma.fields.String(required=True)
    completed = ma.fields.Integer(required=True)
    certified = ma.fields.Integer(required=True)
    waiting = ma.fields.List(ma.fields.Nested(ReasonAnswer), required=True)
    not_to_be_certified = ma.fields.List(ma.fields.Nested(ReasonAnswer), required=True)
    oldest_waiting = ma.fields.AwareDateTime(required=True, allow_none=True)


class SiteHealth(ma.Schema):
    """How a site is."""

    name = ma.fields.String(required=True)
    connector = ma.fields.String(required=True)
    last_delivery = ma.fields.AwareDateTime(required=True, allow_none=True)
    last_write_back = ma.fields.AwareDateTime(required=True, allow_none=True)
    left_alone_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    unsure_since = ma.fields.AwareDateTime(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    completed = ma.fields.Integer(required=True)
    certified = ma.fields.Integer(required=True)
    waiting = ma.fields.Integer(required=True)


class IssuerHealth(ma.Schema):
    """How an issuer is."""

    name = ma.fields.String(required=True)
    vault_url = ma.fields.String(required=True)
    last_certificate = ma.fields.AwareDateTime(required=True, allow_none=True)
    paused_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    left_alone_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)


class QueueHealth(ma.Schema):
    """What waits for a worker."""

    count = ma.fields.Integer(required=True)
    since = ma.fields.AwareDateTime(required=True, allow_none=True)


class OverviewAnswer(ma.Schema):
    """How everything stands."""

    at = ma.fields.AwareDateTime(required=True)
    since = ma.fields.AwareDateTime(required=True)
    needs_a_person = ma.fields.List(ma.fields.Nested(MatterAnswer), required=True)
    waits_by_itself = ma.fields.List(ma.fields.Nested(MatterAnswer), required=True)
    completions = ma.fields.Nested(TallyAnswer, required=True)
    sites = ma.fields.List(ma.fields.Nested(SiteHealth), required=True)
    issuers = ma.fields.List(ma.fields.Nested(IssuerHealth), required=True)
    queues = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Nested(QueueHealth), required=True
    )
    processes_missing = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "What is to be started."}
    )


def add_to(calls: Calls) -> None:
    """Register the call."""

    @calls.call(
        "/overview", role=Role.VIEWER, whole=True, query=OverviewQuery, answer=OverviewAnswer
    )
    def show_overview(query: dict[str, Any]) -> Any:
        """What needs a person, first; how far completions have come; how everything is."""
        return overview.look(calls.bridge, since=timedelta(days=query["days"]))
