"""What the API answers where it refuses, and how the faults of our own code become that."""

from __future__ import annotations

from collections.abc import Mapping

import marshmallow as ma
from flask import Response
from werkzeug.exceptions import HTTPException

from bridge import errors
from bridge.people import rules
from bridge.people.rules import ByInstitution, LastAdmin
from bridge.store.accounts import NameTaken, NotThere

NOT_FOUND = "There is none, or it is beyond this token's limits. Look at the list it is from."

#: Every refusal: what it means.
REFUSALS: Mapping[int, str] = {
    400: "The body is no JSON",
    401: "No valid token",
    403: "The token lacks the scope, or is limited",
    404: "There is none, or it is beyond the token's limits",
    409: "Not possible as things stand, or the same request is being answered",
    415: "The body is not sent as JSON",
    422: "Mistakes in what was sent, or an idempotency key that was sent with another request",
    429: "More requests in a minute than the token may make: wait Retry-After seconds",
    502: "The vault or the LMS does not do what it is asked",
    503: "The database cannot be reached: come again after Retry-After seconds",
}


class Refused(Exception):
    """It is not done; the text says why, and the next move."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 409,
        word: str = "conflict",
        fields: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.word = word
        self.fields = fields


def not_a_cursor() -> Refused:
    """What was sent as a cursor is no `next` of this list."""
    return Refused(
        "This is no `next` of this list. Begin without a cursor.",
        status=422,
        word="unprocessable",
        fields={"query": {"cursor": ["Not a cursor of this list."]}},
    )


class ErrorSchema(ma.Schema):
    """What is wrong, and the next move."""

    code = ma.fields.String(required=True, metadata={"description": "A word for programs."})
    message = ma.fields.String(required=True, metadata={"description": "For people."})
    fields_ = ma.fields.Dict(
        data_key="fields", metadata={"description": "Of 422: each mistake, beside its field."}
    )


class ErrorAnswer(ma.Schema):
    """A refusal."""

    error = ma.fields.Nested(ErrorSchema, required=True)


#: Where the document tells it.
ERROR: Mapping[str, str] = {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}


def refused(exc: Refused) -> Response:
    """As it is answered."""
    more = {} if exc.fields is None else {"fields": dict(exc.fields)}
    return errors.answer(exc.status, exc.word, str(exc), **more)


def not_there(_exc: NotThere) -> Response:
    """404, without the words for the command line."""
    return errors.answer(404, "not_found", NOT_FOUND)


def taken(exc: NameTaken) -> Response:
    """409, as there is one already."""
    return errors.answer(409, "taken", str(exc))


def last_admin(exc: LastAdmin) -> Response:
    """409, as nobody could do everything any more."""
    return errors.answer(409, "last_admin", str(exc))


def by_institution(exc: ByInstitution) -> Response:
    """409, as it is changed elsewhere."""
    return errors.answer(409, "by_institution", str(exc))


def no_such_limits(exc: rules.NotThere) -> Response:
    """422, as limits name what there is none of."""
    return errors.answer(422, "unprocessable", str(exc), fields={"json": {"limits": [str(exc)]}})


def http(exc: HTTPException) -> Response:
    """What Flask and webargs refuse, in our shape."""
    status = exc.code or 500
    if status == 422:
        found = getattr(exc, "data", {}).get("messages", {})
        return errors.answer(
            422,
            "unprocessable",
            "Some of what was sent does not fit: mend what `fields` names, and send it again.",
            fields=found,
        )
    if status == 400:
        return errors.answer(400, "no_json", "The body is no JSON. Send an object, in UTF-8.")
    if status == 404:
        return errors.answer(404, "not_found", NOT_FOUND)
    return errors.http(exc)
