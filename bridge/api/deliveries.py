"""Deliveries: what LMSs sent, what became of it, and the request itself, masked."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import PageQuery, Text, page, page_of
from bridge.api.issuances import EventAnswer
from bridge.connections.masking import Masked, masked
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.history import history_of
from bridge.store import accounts
from bridge.store import deliveries as rows
from bridge.store.accounts import NotThere
from bridge.store.states import DeliveryState
from bridge.store.tables import site
from runtime.keys import KeyProblem

STATES = [state.value for state in DeliveryState]


class DeliveryQuery(PageQuery):
    """Which deliveries; each filter that is given counts."""

    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(STATES))
    site = Text(64, load_default=None)


class DeliveryAnswer(ma.Schema):
    """One webhook request."""

    id = ma.fields.String(required=True)
    site = ma.fields.String(required=True)
    received_at = ma.fields.AwareDateTime(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    cause = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)


class DeliveryWhole(DeliveryAnswer):
    """One webhook request with all that came of it."""

    history = ma.fields.List(ma.fields.Nested(EventAnswer), required=True)


class RequestAnswer(ma.Schema):
    """A request as it came; what proves who sent it is masked."""

    method = ma.fields.String(required=True)
    path = ma.fields.String(required=True, metadata={"description": "Below the hook's address."})
    query = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    headers = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    body = ma.fields.String(required=True)


DeliveryPage = page_of(DeliveryAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/deliveries", role=Role.VIEWER, query=DeliveryQuery, answer=DeliveryPage)
    def list_deliveries(query: dict[str, Any]) -> Any:
        """Deliveries, newest first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = rows.page(
                conn,
                within=_within(),
                state=query["state"],
                site_name=query["site"],
                after=query["cursor"],
                limit=limit + 1,
            )
        return page(found, limit)

    @calls.call("/deliveries/<delivery_id>", role=Role.VIEWER, answer=DeliveryWhole)
    def show_delivery(delivery_id: str) -> Any:
        """One delivery with all that came of it."""
        with bridge.database.read() as conn:
            row = _mine(conn, delivery_id)
            return {**row._mapping, "history": history_of(bridge, conn, row.id).lines}

    @calls.call(
        "/deliveries/<delivery_id>/request",
        role=Role.SUPPORT,
        answer=RequestAnswer,
        refusals=(409,),
    )
    def show_delivery_request(delivery_id: str) -> Any:
        """The request as it came, its proofs masked."""
        with bridge.database.read() as conn:
            row = _mine(conn, delivery_id)
            try:
                return _sent(bridge, conn, row.id)
            except KeyProblem as exc:
                raise Refused(str(exc), word="key_lost") from exc


def _within() -> sa.ColumnElement[bool]:
    return caller().over(site=site.c.name)


def _mine(conn: sa.Connection, delivery_id: str) -> sa.Row[Any]:
    found = rows.page(conn, within=_within(), delivery_id=delivery_id, after=None, limit=1)
    if not found:
        raise NotThere
    return found[0]


def _sent(bridge: Bridge, conn: sa.Connection, delivery_id: str) -> Masked:
    row = rows.by_id(conn, delivery_id)
    home = accounts.site_by_id(conn, row.site_id)
    secrets = accounts.secrets_or_none(home, kind="site", keys=bridge.keys)
    return masked(rows.unseal(row.request, keys=bridge.keys), secrets)
