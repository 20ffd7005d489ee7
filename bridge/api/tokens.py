"""Tokens: listed, made, revoked; those of whoever is limited are their own."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import (
    Body,
    LimitsSchema,
    Nothing,
    PageQuery,
    Text,
    Whole,
    limits_of,
    page,
    page_of,
)
from bridge.api.once import keep
from bridge.people import tokens as pipeline
from bridge.people.roles import Role
from bridge.people.tokens import DAYS, LONGEST_NAME, MOST_DAYS, MoreThanOwn, Scope
from bridge.store import api_tokens as rows
from bridge.store.accounts import NotThere


class TokenAnswer(ma.Schema):
    """A token, without what a program keeps of it."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    person = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Whose it is; null: nobody's."}
    )
    made_by = ma.fields.String(required=True)
    scope = ma.fields.String(required=True, validate=ma.validate.OneOf([s.value for s in Scope]))
    limits = ma.fields.Nested(LimitsSchema, required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    expires_at = ma.fields.AwareDateTime(required=True)
    last_used_at = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Within five minutes."}
    )
    revoked_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class NewToken(TokenAnswer):
    """A new token, with what a program keeps of it: it is told this once."""

    token = ma.fields.String(required=True)


class TokenRequest(Body):
    """A token that is to be made."""

    name = Text(LONGEST_NAME, least=1, required=True)
    scope = ma.fields.String(
        load_default=Scope.READ.value, validate=ma.validate.OneOf([s.value for s in Scope])
    )
    limits = ma.fields.Nested(LimitsSchema, load_default=dict)
    days = Whole(
        load_default=DAYS,
        validate=ma.validate.Range(1, MOST_DAYS),
        metadata={"description": "How long it lasts."},
    )


TokenPage = page_of(TokenAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/tokens", role=Role.ADMIN, query=PageQuery, answer=TokenPage)
    def list_tokens(query: dict[str, Any]) -> Any:
        """Tokens, newest first."""
        with bridge.database.read() as conn:
            found = rows.known(conn, of=_whose(), after=query["cursor"], limit=query["limit"] + 1)
        return page(found, query["limit"], told=_told)

    @calls.call(
        "/tokens", role=Role.ADMIN, method="POST", status=201, body=TokenRequest, answer=NewToken
    )
    def make_token(body: dict[str, Any]) -> Any:
        """Make a token; it is told in this answer, and never again."""
        with bridge.database.write() as conn:
            try:
                row_id, token = pipeline.make_within(
                    bridge,
                    conn,
                    body["name"],
                    scope=Scope(body["scope"]),
                    by=caller().as_maker(),
                    limits=limits_of(body["limits"]),
                    days=body["days"],
                )
            except MoreThanOwn as exc:
                raise Refused(str(exc), status=403, word="more_than_own") from exc
            made = {**_told(rows.by_id(conn, row_id)), "token": token}
            keep(conn, NewToken().dump(made), status=201)
        return made

    @calls.call(
        "/tokens/<token_id>/revoke",
        role=Role.ADMIN,
        method="POST",
        body=Nothing,
        answer=TokenAnswer,
    )
    def revoke_token(_body: dict[str, Any], token_id: str) -> Any:
        """Let a token work no more; one that was revoked before stays so."""
        with bridge.database.write() as conn:
            row = rows.by_id(conn, token_id)
            if _whose() not in (None, row.person_id):
                raise NotThere
            pipeline.revoke_within(bridge, conn, token_id, who=caller().who)
            told = _told(rows.by_id(conn, token_id))
            keep(conn, TokenAnswer().dump(told))
        return told


def _whose() -> str | None:
    """Whose tokens are told: everybody's, or of whoever is limited their own."""
    who = caller()
    return (who.person_id or "nobody") if who.is_limited else None


def _told(row: sa.Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "person": row.email, "limits": row.limits}
