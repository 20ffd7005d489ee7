"""Mappings: listed, read, checked, kept as drafts, rehearsed, published, taken out of use."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, PageQuery, Text, Whole, WithReason, page, page_of, reason
from bridge.api.once import keep
from bridge.people.roles import Role
from bridge.pipeline import publishing as pipeline
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.known_names import known_names
from bridge.pipeline.publishing import Act, Document
from bridge.store import mapping_versions as rows
from bridge.store.mapping_versions import Tied
from bridge.store.states import MappingState
from mappings.document import DocumentError, Known, load

STATES = [state.value for state in MappingState]
#: Of a document; the largest that somebody would read is far smaller.
LONGEST = 100_000
#: Of which versions one is meant that is not numbered; see `pipeline.meant`.
_AMONG = {
    MappingState.REHEARSAL: (MappingState.DRAFT, MappingState.REHEARSAL),
    MappingState.PUBLISHED: (MappingState.REHEARSAL, MappingState.DRAFT),
}


def _document() -> Text:
    return Text(
        LONGEST,
        least=1,
        block=True,
        required=True,
        metadata={"description": "A mapping document, in YAML."},
    )


class VersionAnswer(ma.Schema):
    """A version of a mapping."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    sha256 = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)


class VersionWhole(VersionAnswer):
    """A version of a mapping with its document."""

    document = ma.fields.String(required=True)


class MappingList(ma.Schema):
    """The mappings in use, by name."""

    items = ma.fields.List(ma.fields.Nested(VersionAnswer), required=True)


class DocumentRequest(Body):
    """A document that is to be looked through."""

    document = _document()


class MistakeAnswer(ma.Schema):
    """A mistake in a document, at its place."""

    line = ma.fields.Integer(required=True)
    column = ma.fields.Integer(required=True)
    key = ma.fields.String(required=True)
    problem = ma.fields.String(required=True)


class CheckAnswer(ma.Schema):
    """Whether a document could be used here."""

    good = ma.fields.Boolean(required=True)
    mistakes = ma.fields.List(ma.fields.Nested(MistakeAnswer), required=True)


class PutRequest(Body):
    """A document that is to be kept, and brought into use if wanted."""

    document = _document()
    state = ma.fields.String(
        load_default=MappingState.DRAFT.value,
        validate=ma.validate.OneOf([state.value for state in (MappingState.DRAFT, *_AMONG)]),
    )
    reason = reason()


class MoveRequest(Body):
    """Which version is to be brought into use, and why."""

    version = Whole(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, 2**31 - 1),
        metadata={"description": "The newest that fits, if it is left out."},
    )
    reason = reason()


class PutAnswer(ma.Schema):
    """Where a version is now."""

    name = ma.fields.String(required=True)
    version = ma.fields.Integer(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    is_new = ma.fields.Boolean(
        required=True, metadata={"description": "False where it was so before."}
    )
    instead_of = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The version that was in use until now."},
    )


VersionPage = page_of(VersionAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/mappings", role=Role.VIEWER, whole=True, answer=MappingList)
    def list_mappings() -> Any:
        """The mappings in use, by name."""
        with bridge.database.read() as conn:
            return {"items": rows.active(conn)}

    @calls.call(
        "/mappings/<name>/versions",
        role=Role.VIEWER,
        whole=True,
        query=PageQuery,
        answer=VersionPage,
    )
    def list_versions(query: dict[str, Any], name: str) -> Any:
        """Every version of a mapping, newest first, in use or not."""
        limit, after = query["limit"], query["cursor"]
        with bridge.database.read() as conn:
            found = rows.versions(conn, name)
        return page([row for row in found if after is None or row.id < after], limit)

    @calls.call(
        "/mappings/<name>/versions/<int:version>",
        role=Role.VIEWER,
        whole=True,
        answer=VersionWhole,
    )
    def show_version(name: str, version: int) -> Any:
        """One version of a mapping with its document."""
        with bridge.database.read() as conn:
            return rows.version(conn, name, min(version, 2**31 - 1))

    @calls.call(
        "/mappings/validate",
        role=Role.VIEWER,
        method="POST",
        whole=True,
        body=DocumentRequest,
        answer=CheckAnswer,
    )
    def validate_mapping(body: dict[str, Any]) -> Any:
        """Look a document through for mistakes; nothing is kept."""
        try:
            load(body["document"], known=known_names(bridge.database, bridge.settings))
        except DocumentError as exc:
            return {"good": False, "mistakes": exc.mistakes}
        return {"good": True, "mistakes": []}

    @calls.call(
        "/mappings",
        role=Role.ADMIN,
        method="POST",
        status=201,
        whole=True,
        body=PutRequest,
        answer=PutAnswer,
    )
    def put_mapping(body: dict[str, Any]) -> Any:
        """Keep a document as a version: a draft, or rehearsed, or published."""
        by = Act(state=MappingState(body["state"]), who=caller().who, reason=body["reason"])
        return _put(bridge, body["document"], by, status=201)

    def move(state: MappingState, body: dict[str, Any], name: str) -> dict[str, Any]:
        with bridge.database.read() as conn:
            text = pipeline.meant(conn, name, body["version"], *_AMONG[state])
        return _put(bridge, text, Act(state=state, who=caller().who, reason=body["reason"]))

    @calls.call(
        "/mappings/<name>/rehearse",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=MoveRequest,
        answer=PutAnswer,
    )
    def rehearse_mapping(body: dict[str, Any], name: str) -> Any:
        """Use a mapping as if in earnest, and send nothing: what it makes waits in a hold."""
        return move(MappingState.REHEARSAL, body, name)

    @calls.call(
        "/mappings/<name>/publish",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=MoveRequest,
        answer=PutAnswer,
    )
    def publish_mapping(body: dict[str, Any], name: str) -> Any:
        """Make a version of a mapping the active one: what is rehearsed, or the newest draft."""
        return move(MappingState.PUBLISHED, body, name)

    @calls.call(
        "/mappings/<name>/deactivate",
        role=Role.ADMIN,
        method="POST",
        whole=True,
        body=WithReason,
        answer=VersionAnswer,
    )
    def deactivate_mapping(body: dict[str, Any], name: str) -> Any:
        """Take a mapping out of use. What it issued stays, and what waits goes on waiting."""
        with bridge.database.write() as conn:
            row = rows.active_named(conn, name)
            now = bridge.database.now(conn)
            pipeline.withdraw(conn, name, who=caller().who, reason=body["reason"], now=now)
            told: dict[str, Any] = dict(rows.version(conn, name, row.version)._mapping)
            keep(conn, VersionAnswer().dump(told))
        return told


def _put(bridge: Bridge, text: str, by: Act, *, status: int = 200) -> dict[str, Any]:
    known = known_names(bridge.database, bridge.settings)
    documents = [Document(mapping=_read(text, known), text=text)]
    if by.state is MappingState.PUBLISHED and not by.reason and pipeline.changes(bridge, documents):
        raise Refused(
            "This changes what is in use: say why, as `reason`.",
            status=422,
            word="reason_needed",
            fields={"json": {"reason": ["Missing data for required field."]}},
        )
    try:
        with bridge.database.write() as conn:
            [done] = pipeline.put(conn, documents, by, known=known, now=bridge.database.now(conn))
            told: dict[str, Any] = PutAnswer().dump(done)
            keep(conn, told, status=status)
    except Tied as exc:
        raise Refused(f"{exc} {exc.remedy}", word="tied") from exc
    return told


def _read(text: str, known: Known) -> Any:
    try:
        return load(text, known=known)
    except DocumentError as exc:
        raise Refused(
            "The document has mistakes: mend what `fields` names.",
            status=422,
            word="document_unfit",
            fields={"json": {"document": [str(mistake) for mistake in exc.mistakes]}},
        ) from exc
