"""People: listed, invited, given another role or a new link, removed."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, LimitsSchema, Nothing, Text, limits_of
from bridge.people import entering
from bridge.people.entering import LONGEST_ADDRESS, LONGEST_NAME
from bridge.people.roles import Role
from bridge.store import people as rows
from bridge.store.accounts import NotThere

ROLES = [role.value for role in Role]


class PersonAnswer(ma.Schema):
    """Somebody who may use the console."""

    id = ma.fields.String(required=True)
    email = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    role = ma.fields.String(required=True, validate=ma.validate.OneOf(ROLES))
    limits = ma.fields.Nested(LimitsSchema, required=True, allow_none=True)
    has_come_in = ma.fields.Boolean(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    seen_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class PersonList(ma.Schema):
    """Everybody, by address."""

    items = ma.fields.List(ma.fields.Nested(PersonAnswer), required=True)


class InvitationRequest(Body):
    """Somebody who is to be invited."""

    email = Text(
        LONGEST_ADDRESS, least=3, required=True, metadata={"pattern": "^[^\\s@<>,;]+@[^\\s@<>,;]+$"}
    )
    name = Text(LONGEST_NAME, least=1, required=True)
    role = ma.fields.String(load_default=Role.VIEWER.value, validate=ma.validate.OneOf(ROLES))
    limits = ma.fields.Nested(LimitsSchema, load_default=dict)


class RoleRequest(Body):
    """Another role."""

    role = ma.fields.String(required=True, validate=ma.validate.OneOf(ROLES))


class LinkAnswer(ma.Schema):
    """A link by which a person chooses a password: once, within three days."""

    person = ma.fields.Nested(PersonAnswer, required=True)
    link = ma.fields.String(required=True)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/people", role=Role.ADMIN, whole=True, answer=PersonList)
    def list_people() -> Any:
        """Everybody, by address."""
        with bridge.database.read() as conn:
            return {"items": [_told(row) for row in rows.everybody(conn)]}

    @calls.call(
        "/people",
        role=Role.ADMIN,
        method="POST",
        status=201,
        whole=True,
        body=InvitationRequest,
        answer=LinkAnswer,
    )
    def invite_person(body: dict[str, Any]) -> Any:
        """Add a person; the answer has the link by which they choose a password."""
        link = entering.invite(
            bridge,
            body["email"],
            name=body["name"],
            role=Role(body["role"]),
            limits=limits_of(body["limits"]),
            who=caller().who,
        )
        with bridge.database.read() as conn:
            return {"person": _told(rows.named(conn, body["email"])), "link": link}

    @calls.call(
        "/people/<person_id>/role",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=RoleRequest,
        answer=PersonAnswer,
    )
    def give_role(body: dict[str, Any], person_id: str) -> Any:
        """Give a person another role, which counts at once."""
        row = another(person_id)
        entering.give_role(bridge, row.email, Role(body["role"]), who=caller().who)
        with bridge.database.read() as conn:
            return _told(_one(conn, person_id))

    @calls.call(
        "/people/<person_id>/link",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=Nothing,
        answer=LinkAnswer,
    )
    def make_link(_body: dict[str, Any], person_id: str) -> Any:
        """Make a new link by which a person chooses a password; until then the old one works."""
        with bridge.database.read() as conn:
            row = _one(conn, person_id)
        link = entering.new_link(bridge, row.email, who=caller().who)
        return {"person": _told(row), "link": link}

    @calls.call(
        "/people/<person_id>/remove",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=Nothing,
        answer=PersonAnswer,
    )
    def remove_person(_body: dict[str, Any], person_id: str) -> Any:
        """Remove a person: they are signed out everywhere, and their tokens stop."""
        row = another(person_id)
        entering.remove(bridge, row.email, who=caller().who)
        return _told(row)

    def another(person_id: str) -> sa.Row[Any]:
        with bridge.database.read() as conn:
            row = _one(conn, person_id)
        if row.id == caller().person_id:
            raise Refused(
                "That would be whose token this is. Ask another admin: so there is always one who "
                "can come in.",
                word="yourself",
            )
        return row


def _one(conn: sa.Connection, person_id: str) -> sa.Row[Any]:
    found = next((row for row in rows.everybody(conn) if row.id == person_id), None)
    if found is None:
        raise NotThere
    return found


def _told(row: sa.Row[Any]) -> dict[str, Any]:
    return {**row._mapping, "has_come_in": row.password is not None}
