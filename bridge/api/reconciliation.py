"""Reconciliation: runs, begun and looked at; what they found, mended by a run or dismissed."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.answers import Refused
from bridge.api.door import Calls, caller
from bridge.api.fields import Body, Flag, PageQuery, Reasoned, Text, page, page_of
from bridge.api.issuances import DifferenceAnswer
from bridge.api.once import keep
from bridge.people.roles import Role
from bridge.pipeline import reconcile as pipeline
from bridge.pipeline.reconcile.causes import CAUSES
from bridge.store import accounts
from bridge.store import differences as difference_rows
from bridge.store import reconcile_runs as run_rows
from bridge.store.accounts import NotThere
from bridge.store.states import DifferenceState
from bridge.store.tables import difference, site

STATES = [state.value for state in DifferenceState]


class RunQuery(PageQuery):
    """Which runs."""

    site = Text(64, load_default=None)


class RunRequest(Body):
    """A comparison of a site with its LMS, deliveries, issuances, vaults and gradebook."""

    site = Text(64, least=1, required=True)
    since = ma.fields.AwareDateTime(
        load_default=None,
        metadata={"description": "How far back; as BRIDGE_RECONCILE_SINCE says, if left out."},
    )
    fix = Flag(
        load_default=False, metadata={"description": "Mend what it finds, as far as that can be."}
    )
    causes = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(sorted(CAUSES))),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1),
        metadata={"description": "Mend these alone; what may issue again has to be named here."},
    )


class RunAnswer(ma.Schema):
    """A comparison of a site with everything around it."""

    id = ma.fields.String(required=True)
    site = ma.fields.String(required=True)
    who = ma.fields.String(required=True)
    fix = ma.fields.Boolean(required=True)
    since = ma.fields.AwareDateTime(required=True)
    started_at = ma.fields.AwareDateTime(required=True)
    ended_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    looked_at = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    not_compared = ma.fields.List(
        ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String()), required=True
    )
    open = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Once it has ended: differences by cause."},
    )
    mended = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)


class DifferenceQuery(PageQuery):
    """Which differences; each filter that is given counts."""

    site = Text(64, load_default=None)
    state = ma.fields.String(
        load_default=DifferenceState.OPEN.value, validate=ma.validate.OneOf(STATES)
    )
    cause = ma.fields.String(load_default=None, validate=ma.validate.OneOf(sorted(CAUSES)))
    run = Text(32, load_default=None)


RunPage, DifferencePage = page_of(RunAnswer), page_of(DifferenceAnswer)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/reconciliations", role=Role.VIEWER, query=RunQuery, answer=RunPage)
    def list_reconciliations(query: dict[str, Any]) -> Any:
        """Runs of reconciliation, newest first."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = run_rows.page(
                conn,
                within=_of_sites(),
                site_name=query["site"],
                after=query["cursor"],
                limit=limit + 1,
            )
        return page(found, limit, told=_told)

    @calls.call("/reconciliations/<run_id>", role=Role.VIEWER, answer=RunAnswer)
    def show_reconciliation(run_id: str) -> Any:
        """One run, and how far it has come."""
        with bridge.database.read() as conn:
            return _run(conn, run_id)

    @calls.call(
        "/reconciliations",
        role=Role.SUPPORT,
        method="POST",
        status=202,
        body=RunRequest,
        refusals=(404,),
        answer=RunAnswer,
    )
    def begin_reconciliation(body: dict[str, Any]) -> Any:
        """Begin a run; with `fix` it mends what it finds. A worker does it."""
        with bridge.database.read() as conn:
            row = accounts.within_limits(conn, body["site"], kind="site", within=_of_sites())
            now = bridge.database.now(conn)
        begun: dict[str, Any] = {}

        def noting(conn: sa.Connection, run_id: str) -> None:
            begun.update(_run(conn, run_id))
            keep(conn, RunAnswer().dump(begun), status=202)

        run_id = pipeline.begin(
            bridge,
            row.id,
            since=body["since"] or now - bridge.settings.reconcile_since,
            who=caller().who,
            fix=body["fix"],
            causes=None if body["causes"] is None else frozenset(body["causes"]),
            noting=noting,
        )
        if run_id is None:
            raise Refused(
                "Another run of this site is under way. Begin when `/reconciliations` says that it "
                "has ended.",
                word="under_way",
            )
        bridge.ring("reconcile")
        return begun

    @calls.call("/differences", role=Role.VIEWER, query=DifferenceQuery, answer=DifferencePage)
    def list_differences(query: dict[str, Any]) -> Any:
        """What reconciliation found, the last first; of the state open, unless told."""
        limit = query["limit"]
        with bridge.database.read() as conn:
            found = difference_rows.page(
                conn,
                within=_of_courses(),
                site_name=query["site"],
                state=query["state"],
                cause=query["cause"],
                run_id=query["run"],
                after=query["cursor"],
                limit=limit + 1,
            )
        return page(found, limit)

    @calls.call(
        "/differences/<difference_id>/dismiss",
        role=Role.SUPPORT,
        method="POST",
        body=Reasoned,
        answer=DifferenceAnswer,
    )
    def dismiss_difference(body: dict[str, Any], difference_id: str) -> Any:
        """Say of a difference that it is none; it is not told, nor mended, again."""
        with bridge.database.read() as conn:
            _difference(conn, difference_id)
        told: dict[str, Any] = {}

        def noting(conn: sa.Connection, row_id: str) -> None:
            told.update(_difference(conn, row_id))
            keep(conn, DifferenceAnswer().dump(told))

        done = pipeline.dismiss(
            bridge, difference_id, who=caller().who, reason=body["reason"], noting=noting
        )
        if not done:
            raise Refused("It is no open difference any more: nothing to dismiss.", word="settled")
        return told


def _of_sites() -> sa.ColumnElement[bool]:
    return caller().over(site=site.c.name)


def _of_courses() -> sa.ColumnElement[bool]:
    return caller().over(site=site.c.name, course=difference.c.course_id)


def _run(conn: sa.Connection, run_id: str) -> dict[str, Any]:
    found = run_rows.page(conn, within=_of_sites(), run_id=run_id, after=None, limit=1)
    if not found:
        raise NotThere
    return _told(found[0])


def _told(row: sa.Row[Any]) -> dict[str, Any]:
    counts = row.counts or {"open": {}, "mended": {}}
    return {**row._mapping, "not_compared": row.notices, **counts}


def _difference(conn: sa.Connection, difference_id: str) -> dict[str, Any]:
    found = difference_rows.page(conn, within=_of_courses(), difference_id=difference_id, limit=1)
    if not found:
        raise NotThere
    return dict(found[0]._mapping)
