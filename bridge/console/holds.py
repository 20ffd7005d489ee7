"""Holds: certificates that wait together, and a person's decision about all of them or some."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import release
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.release import Word
from bridge.store import holds as rows
from bridge.store import issuance_list
from bridge.store.accounts import NotThere
from bridge.store.states import HoldOutcome

SHOWN = 100
LISTED = 200
#: Seconds after which a decision about very many goes on when it is sent again.
DEADLINE_S = 20
OUTCOMES = {"release": HoldOutcome.RELEASED, "discard": HoldOutcome.DISCARDED}


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/holds", role=Role.VIEWER)
    def holds() -> Response:
        """Those in which something waits, newest first; or all."""
        all_ = bool(request.args.get("all")) and not person().limits.any
        with bridge.database.read() as conn:
            found = rows.recent(conn, all_=all_, limit=LISTED, within=_within())
        return page("holds.html", holds=found, all=all_)

    @console.page("/holds/<hold_id>", role=Role.VIEWER)
    def hold(hold_id: str) -> Response:
        """What waits in one."""
        return _page(bridge, hold_id)

    @console.page("/holds/<hold_id>", role=Role.SUPPORT, methods=["POST"])
    def decide_hold(hold_id: str) -> Response:
        """Release or discard all that wait in it, or those that were chosen."""
        act, _, scope = request.form.get("act", "").partition(" ")
        reason = request.form.get("reason", "").strip()
        chosen = request.form.getlist("id")
        with bridge.database.read() as conn:
            _require(conn, hold_id)
        wrong = _wrong(act, scope, chosen, reason)
        if wrong:
            return _page(bridge, hold_id, status=422, wrong=wrong, chosen=chosen)
        word = Word(outcome=OUTCOMES[act], who=person().email, reason=reason or None)
        try:
            done = _decide(bridge, hold_id, word, None if scope == "all" else chosen)
        except release.DecidedOtherwise as exc:
            return message(gettext("Somebody has decided otherwise"), str(exc), status=409)
        told = url_for("console.hold", hold_id=hold_id, done=done, outcome=word.outcome.value)
        return redirect(told, code=303)


def _wrong(act: str, scope: str, chosen: Sequence[str], reason: str) -> str | None:
    if act not in OUTCOMES or scope not in ("all", "chosen"):
        return str(gettext("Choose what is to become of them."))
    if scope == "chosen" and not chosen:
        return str(gettext("Choose some first."))
    if act == "discard" and not reason:
        return str(gettext("Say why they are discarded: it stands in the history of each."))
    return None


def _decide(bridge: Bridge, hold_id: str, word: Word, chosen: Sequence[str] | None) -> int:
    """How many were released or discarded; within the person's limits, and the deadline."""
    ids = () if chosen is None and not person().limits.any else _mine(bridge, hold_id, chosen)
    if chosen is not None and not ids:
        return 0
    until, done = monotonic() + DEADLINE_S, 0
    for part in release.decide(bridge, hold_id, word, ids=ids):
        done += len(part)
        if monotonic() > until:
            break
    return done


def _mine(bridge: Bridge, hold_id: str, chosen: Sequence[str] | None) -> Sequence[str]:
    """Those that wait, of the chosen or of all, within the person's limits."""
    found: list[str] = []
    while True:
        with bridge.database.read() as conn:
            after = found[-1] if found else ""
            some = rows.members(conn, hold_id, after=after, limit=SHOWN, within=_within())
        if not some:
            break
        found += [row.id for row in some]
    return found if chosen is None else [each for each in found if each in set(chosen)]


def _page(bridge: Bridge, hold_id: str, *, status: int = 200, **values: Any) -> Response:
    after = request.args.get("after", "")
    with bridge.database.read() as conn:
        found = _require(conn, hold_id)
        waiting = rows.waiting_in(conn, hold_id, within=_within())
        members = rows.members(conn, hold_id, after=after, limit=SHOWN + 1, within=_within())
    return page(
        "hold.html",
        status=status,
        hold=found,
        waiting=waiting,
        members=members[:SHOWN],
        after=members[SHOWN - 1].id if len(members) > SHOWN else None,
        **{"chosen": (), "wrong": None, **values},
    )


def _require(conn: sa.Connection, hold_id: str) -> sa.Row[Any]:
    """The hold; raises NotFound where there is none, or nothing in it is the person's to see."""
    try:
        found = rows.by_id(conn, hold_id)
    except NotThere as exc:
        raise NotFound from exc
    if person().limits.any and not rows.waiting_in(conn, hold_id, within=_within()):
        raise NotFound
    return found


def _within() -> sa.ColumnElement[bool] | None:
    limits = person().limits
    columns = issuance_list.ISSUER, issuance_list.SITE, issuance_list.COURSE
    issuer, site, course = columns
    return limits.over(issuer=issuer, site=site, course=course) if limits.any else None
