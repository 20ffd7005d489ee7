"""Corrections: what would become of each certificate, asked for, approved, carried out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import (
    Body,
    Flag,
    Nothing,
    PageQuery,
    Reasoned,
    Text,
    Whole,
    page,
    page_of,
    reason,
)
from bridge.api.issuances import mine
from bridge.api.once import keep
from bridge.people.roles import Role
from bridge.pipeline import correcting as pipeline
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.correcting import PARAMETER, Already, Asked, Foreseen
from bridge.store import corrections as rows
from bridge.store.states import CorrectionState
from mappings.comparing import Change

#: How long one request carries a correction out.
SLICE_S = 20.0
STATES = [state.value for state in CorrectionState]


class EntryChanges(Body):
    """What of one certificate is as it should be."""

    full_name = Text(255, least=1)
    applicant_email = Text(255, least=1)
    certificate_title = Text(255, least=1)
    details = Text(2000, block=True)
    parameters = ma.fields.Dict(
        keys=Text(64, least=1),
        values=Text(2000, block=True),
        metadata={"description": "Texts of the template."},
    )


class ForeseeRequest(Body):
    """One issuance and what is wrong about it; or all that a mapping's version made."""

    issuance = Text(32, least=1, load_default=None)
    changes = ma.fields.Nested(EntryChanges, load_default=dict)
    mapping = Text(64, least=1, load_default=None)
    version = Whole(load_default=None, validate=ma.validate.Range(1, 2**31 - 1))
    since = ma.fields.AwareDateTime(load_default=None)
    reprint = Flag(
        load_default=False,
        metadata={"description": "Also what says the same, where it would look otherwise now."},
    )


class CorrectionRequest(ForeseeRequest):
    """What is to be corrected, and why."""

    reason = reason(required=True)
    at_most = Whole(
        load_default=None,
        validate=ma.validate.Range(1, 1_000_000),
        metadata={"description": "So many are meant, if more than usual are."},
    )


class ForeseenAnswer(ma.Schema):
    """What becomes of one certificate."""

    issuance = ma.fields.String(required=True)
    change = ma.fields.String(
        required=True, validate=ma.validate.OneOf([change.value for change in Change])
    )
    fields_ = ma.fields.Dict(
        data_key="fields",
        required=True,
        metadata={"description": "What differs: before and after."},
    )
    problem = ma.fields.String(required=True, allow_none=True)
    collides_with = ma.fields.String(required=True, allow_none=True)
    would_be_held = ma.fields.String(required=True, allow_none=True)


class ForeseenList(ma.Schema):
    """What would become of each certificate that is meant. Nothing was changed."""

    items = ma.fields.List(ma.fields.Nested(ForeseenAnswer), required=True)
    replaced = ma.fields.Integer(required=True, metadata={"description": "How many would be."})


class CorrectionAnswer(ma.Schema):
    """A correction, and how far it has come."""

    id = ma.fields.String(required=True)
    who = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    what = ma.fields.Dict(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    approved_by = ma.fields.String(required=True, allow_none=True)
    selected = ma.fields.Integer(required=True)
    replaced = ma.fields.Integer(required=True)
    unchanged = ma.fields.Integer(required=True)
    revoked = ma.fields.Integer(required=True)
    kept = ma.fields.Integer(
        required=True, metadata={"description": "They stay valid at a vault that cannot revoke."}
    )
    started_at = ma.fields.AwareDateTime(required=True)
    updated_at = ma.fields.AwareDateTime(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)


CorrectionPage = page_of(CorrectionAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call(
        "/corrections", role=Role.VIEWER, whole=True, query=PageQuery, answer=CorrectionPage
    )
    def list_corrections(query: dict[str, Any]) -> Any:
        """Corrections, newest first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = rows.recent(conn, after=query["cursor"], limit=limit + 1)
        return page(found, limit, cursor=lambda row: str(row["id"]))

    @calls.call(
        "/corrections/<correction_id>", role=Role.VIEWER, whole=True, answer=CorrectionAnswer
    )
    def show_correction(correction_id: str) -> Any:
        """One correction, and how far it has come."""
        with bridge.database.read() as conn:
            return rows.told(conn, correction_id)

    @calls.call(
        "/corrections/foresee",
        role=Role.SUPPORT,
        method="POST",
        body=ForeseeRequest,
        refusals=(404,),
        answer=ForeseenList,
    )
    def foresee_correction(body: dict[str, Any]) -> Any:
        """Say what would become of each certificate; nothing is changed."""
        found = _foreseen(bridge, _asked(bridge, body))
        return {
            "items": [_told(each) for each in found],
            "replaced": sum(each.columns is not None for each in found),
        }

    @calls.call(
        "/corrections",
        role=Role.SUPPORT,
        method="POST",
        status=202,
        body=CorrectionRequest,
        refusals=(404,),
        answer=CorrectionAnswer,
    )
    def begin_correction(body: dict[str, Any]) -> Any:
        """Begin a correction, or ask for it where two have to; it is told as it begins."""
        asked = _asked(bridge, body)
        found = _foreseen(bridge, asked)
        _refuse_too_many(bridge, found, body["at_most"])
        begun: dict[str, Any] = {}

        def noting(conn: sa.Connection, row_id: str) -> None:
            begun.update(rows.told(conn, row_id))
            keep(conn, CorrectionAnswer().dump(begun), status=202)

        approved = not bridge.settings.corrections_approved_by_two
        correction_id = pipeline.begin(
            bridge,
            asked,
            who=caller().who,
            reason=body["reason"],
            selected=len(found),
            approved=approved,
            noting=noting,
        )
        if approved:
            _carry_out(bridge, correction_id)
        return begun

    @calls.call(
        "/corrections/<correction_id>/approve",
        role=Role.SUPPORT,
        method="POST",
        whole=True,
        body=Nothing,
        answer=CorrectionAnswer,
    )
    def approve_correction(_body: dict[str, Any], correction_id: str) -> Any:
        """Approve what somebody else has asked for, and carry it out."""
        with bridge.database.read() as conn:
            row = rows.by_id(conn, correction_id)
        if row.approved_by != caller().who:
            with _refusals():
                pipeline.refuse_to_approve(row, who=caller().who)
            found = _foreseen(bridge, pipeline.unpacked(row.what))
            with _refusals():
                pipeline.approve(bridge, row, who=caller().who, selected=len(found))
        _carry_out(bridge, correction_id)
        with bridge.database.read() as conn:
            return rows.told(conn, correction_id)

    @calls.call(
        "/corrections/<correction_id>/decline",
        role=Role.SUPPORT,
        method="POST",
        whole=True,
        body=Reasoned,
        answer=CorrectionAnswer,
    )
    def decline_correction(body: dict[str, Any], correction_id: str) -> Any:
        """Say that what somebody has asked for is not to be. Nothing is changed."""
        with bridge.database.read() as conn:
            row = rows.by_id(conn, correction_id)
        with _refusals():
            pipeline.decline(bridge, row, who=caller().who, reason=body["reason"])
        with bridge.database.read() as conn:
            return rows.told(conn, correction_id)

    @calls.call(
        "/corrections/<correction_id>/continue",
        role=Role.SUPPORT,
        method="POST",
        whole=True,
        body=Nothing,
        answer=CorrectionAnswer,
    )
    def continue_correction(_body: dict[str, Any], correction_id: str) -> Any:
        """Go on with a correction that has not come to its end, for some seconds."""
        _carry_out(bridge, correction_id)
        with bridge.database.read() as conn:
            return rows.told(conn, correction_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the pipeline refuses, as it is answered."""
    try:
        yield
    except Already as exc:
        raise Refused(f"{exc} Nothing was changed.", word="already_corrected") from exc
    except pipeline.Refused as exc:
        raise Refused(str(exc)) from exc


def _asked(bridge: Bridge, body: Mapping[str, Any]) -> Asked:
    changes = dict(body["changes"])
    told = {f"{PARAMETER}{name}": text for name, text in changes.pop("parameters", {}).items()}
    asked = Asked(
        issuance=body["issuance"],
        changes={**changes, **told},
        mapping=body["mapping"],
        version=body["version"],
        since=body["since"],
        reprint=body["reprint"],
    )
    _refuse_unclear(asked)
    if asked.issuance is not None:
        with bridge.database.read() as conn:
            mine(conn, asked.issuance)
    elif caller().is_limited:
        raise Refused(
            "A mapping's version is corrected as a whole, and this token is limited. Ask an admin "
            "for one without limits, or correct one issuance.",
            status=403,
            word="whole_installation",
        )
    return asked


def _refuse_unclear(asked: Asked) -> None:
    if (asked.issuance is None) == (asked.mapping is None):
        said = "Say what to correct: an issuance, or a mapping with its version."
    elif (asked.version is None) != (asked.mapping is None):
        said = "Give a mapping and its version together."
    elif asked.issuance is None and asked.changes:
        said = "Changes are for one issuance."
    elif asked.issuance is not None and not (asked.changes or asked.reprint):
        said = "Say what is wrong, as changes; or reprint it."
    else:
        return
    raise Refused(said, status=422, word="unprocessable", fields={"json": {"_schema": [said]}})


def _foreseen(bridge: Bridge, asked: Asked) -> list[Foreseen]:
    # Of hundreds, the files are made again when they are needed.
    with _refusals():
        return [replace(each, content=b"") for each in pipeline.foresee(bridge, asked)]


def _refuse_too_many(bridge: Bridge, found: list[Foreseen], at_most: int | None) -> None:
    number = sum(each.columns is not None for each in found)
    most = at_most or bridge.settings.corrections_at_most
    if not number:
        raise Refused("Nothing would be otherwise: there is nothing to correct.", word="unchanged")
    if number > most:
        raise Refused(
            f"These are {number:,}, and at most {most:,} are corrected at once. If they are meant, "
            f"say so: `at_most` {number}.",
            word="too_many",
        )


def _carry_out(bridge: Bridge, correction_id: str) -> None:
    until = time.monotonic() + SLICE_S
    with _refusals():
        for _ in pipeline.proceed(bridge, correction_id):
            if time.monotonic() >= until:
                return


def _told(each: Foreseen) -> dict[str, Any]:
    found = each.tested.difference
    return {
        "issuance": each.old.id,
        "change": found.change.value,
        "fields_": {
            name: {"before": before, "after": after}
            for name, (before, after) in found.fields.items()
        },
        "problem": found.problem,
        "collides_with": each.tested.collides_with,
        "would_be_held": each.doubt and each.doubt.code,
    }
