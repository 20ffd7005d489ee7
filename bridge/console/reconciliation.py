"""Reconciliation: runs, what differs and for which cause; mended, dismissed, compared again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people.roles import Limits, Role
from bridge.pipeline import reconcile
from bridge.pipeline.reconcile import mend
from bridge.pipeline.reconcile.causes import CAUSES, Mends
from bridge.store import accounts, reconcile_runs
from bridge.store import differences as rows
from bridge.store.reach import Packed
from bridge.store.states import DifferenceState

SHOWN = 50
RUNS = 20
LONGEST_REASON = 500
#: What a run looks at, as it is told of a number.
LOOKED_AT: Mapping[str, Any] = MappingProxyType(
    {
        "lms": lazy_gettext("completions in the LMS"),
        "deliveries": lazy_gettext("deliveries"),
        "completions": lazy_gettext("completions known here"),
        "issuances": lazy_gettext("issuances"),
        "vault": lazy_gettext("certificates at their vaults"),
        "gradebook": lazy_gettext("gradebook rows"),
    }
)
TEXTS = ("site", "cause", "state")


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/reconciliation", role=Role.VIEWER)
    def reconciliation() -> Response:
        """What differs, by cause; the runs; the form for one more."""
        return _overview()

    def _overview(*, status: int = 200, **values: Any) -> Response:
        limits = _limits()
        with bridge.database.read() as conn:
            found = rows.open_by_cause(conn, limits=limits)
            runs = reconcile_runs.recent(conn, limits=limits, limit=RUNS)
            sites = [s.name for s in accounts.sites(conn) if _may_compare(s.name)]
        order = list(CAUSES)
        return page(
            "reconciliation.html",
            status=status,
            found=sorted(found, key=lambda row: (order.index(row.cause), row.site)),
            runs=runs,
            sites=sites,
            causes=CAUSES,
            Mends=Mends,
            days=bridge.settings.reconcile_since.days,
            **values,
        )

    @console.page("/reconciliation", role=Role.SUPPORT, methods=["POST"])
    def begin_reconciliation() -> Response:
        """Begin a run; a worker does it. With a cause, what it finds of it is mended."""
        name, cause = request.form.get("site", ""), request.form.get("cause", "")
        since, wrong = _since(request.form.get("since", ""))
        if not _may_compare(name):
            wrong = {"site": gettext("Choose one of the sites.")}
        if cause and not mend.is_mendable(cause):
            wrong = {"site": gettext("This cause is mended by what its remedy says.")}
        if wrong:
            return _overview(status=422, wrong=wrong, given=request.form)
        with bridge.database.read() as conn:
            try:
                site_id = accounts.site_named(conn, name).id
            except accounts.NotThere as exc:
                raise NotFound from exc
            start = since or bridge.database.now(conn) - bridge.settings.reconcile_since
        begun = reconcile.begin(
            bridge,
            site_id,
            since=start,
            who=person().email,
            fix=bool(cause or request.form.get("fix")),
            causes=frozenset({cause}) if cause else None,
        )
        if begun is None:
            return _under_way(site_id)
        bridge.ring("reconcile")
        return redirect(url_for("console.reconciliation_run", run_id=begun), code=303)

    def _under_way(site_id: str) -> Response:
        with bridge.database.read() as conn:
            run = reconcile_runs.under_way(conn, site_id)
        return message(
            gettext("A run of this site is under way"),
            gettext(
                "%(who)s began it. Once it has ended, ask again: /console/reconciliation",
                who=run.who if run is not None else "",
            ),
            status=409,
        )

    @console.page("/reconciliation/runs/<run_id>", role=Role.VIEWER)
    def reconciliation_run(run_id: str) -> Response:
        """One run: what it looked at, what could not be compared, what it found."""
        with bridge.database.read() as conn:
            found = reconcile_runs.recent(conn, run_id=run_id, limits=_limits(), limit=1)
        if not found:
            raise NotFound
        return page("reconciliation_run.html", run=found[0], causes=CAUSES, looked_at=LOOKED_AT)

    @console.page("/reconciliation/differences", role=Role.VIEWER)
    def differences() -> Response:
        """Differences one by one, newest first."""
        given = {name: request.args.get(name, "") for name in TEXTS}
        cause = given["cause"] if given["cause"] in CAUSES else None
        state = given["state"] if given["state"] in set(DifferenceState) else DifferenceState.OPEN
        with bridge.database.read() as conn:
            found = rows.recent(
                conn,
                site_name=given["site"] or None,
                state=state,
                causes=(cause,) if cause else (),
                limits=_limits(),
                after=_after(request.args.get("after", "")),
                limit=SHOWN + 1,
            )
        last = found[SHOWN - 1] if len(found) > SHOWN else None
        return page(
            "differences.html",
            rows=found[:SHOWN],
            given={**given, "state": state},
            states=list(DifferenceState),
            after=f"{last['at'].isoformat()} {last['id']}" if last else None,
            causes=CAUSES,
            is_mendable=mend.is_mendable,
            OPEN=DifferenceState.OPEN,
        )

    @console.page("/reconciliation/differences/<row_id>", role=Role.SUPPORT, methods=["POST"])
    def settle_difference(row_id: str) -> Response:
        """Mend one, or say that it is none."""
        with bridge.database.read() as conn:
            row = rows.by_id(conn, row_id, limits=_limits())
        if row is None:
            raise NotFound
        if request.form.get("act") == "mend":
            done = mend.mend_one(bridge, row_id, who=person().email)
        else:
            reason = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
            if not reason:
                return message(
                    gettext("Say why it is no difference"),
                    gettext("Go back and write it beside the button: it is kept in the history."),
                    status=422,
                )
            done = reconcile.dismiss(bridge, row_id, who=person().email, reason=reason)
        if not done:
            return message(
                gettext("Nothing was changed"),
                gettext("It is not open any more, or it is mended by what its remedy says."),
                status=409,
            )
        back = {"cause": row.cause, "site": request.form.get("site") or None}
        return redirect(url_for("console.differences", **back), code=303)


def _limits() -> Packed:
    return person().limits.packed() or {}


def _may_compare(site: str) -> bool:
    """Whether a whole site is within the person's limits: a run compares all of it."""
    limits: Limits = person().limits
    if limits.courses or limits.issuers:
        return False
    return bool(site) and (not limits.sites or site in limits.sites)


def _since(given: str) -> tuple[datetime | None, dict[str, str]]:
    if not given:
        return None, {}
    try:
        return datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC), {}
    except ValueError:
        return None, {"since": gettext("Give a day as YYYY-MM-DD.")}


def _after(given: str) -> tuple[datetime, str] | None:
    """Where the page before ended; anything else is the first page."""
    moment, _, row_id = given.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (at, row_id) if at.tzinfo is not None else None
