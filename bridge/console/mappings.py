"""Mappings in the order they are asked, their versions, and bringing them into use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people import reach
from bridge.people.roles import Role
from bridge.pipeline import earlier, publishing
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.known_names import known_names
from bridge.pipeline.publishing import Act, Document
from bridge.pipeline.versioned import Versioned, version_of
from bridge.store import announcements, events, holds, issuance_list, mapping_versions
from bridge.store.accounts import NotThere
from bridge.store.states import IN_USE, MappingState
from mappings.document import DocumentError, load

#: What can be done with a version, by the word a form sends.
TO_STATE = {"publish": MappingState.PUBLISHED, "rehearse": MappingState.REHEARSAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One mapping as the list shows it."""

    by: Versioned  #: as it is in use, else its newest draft
    in_use: sa.Row[Any] | None
    newest: sa.Row[Any]

    @property
    def has_newer_draft(self) -> bool:
        """Whether somebody has a draft that is not in use yet."""
        return bool(self.newest.state == MappingState.DRAFT)

    @property
    def turn(self) -> tuple[Any, ...]:
        """When it is asked; those not in use come last."""
        mapping = self.by.mapping
        return self.in_use is None, mapping.kind, -mapping.priority, mapping.name


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/mappings", role=Role.VIEWER)
    def mappings() -> Response:
        """All, in the order the engine asks them."""
        with bridge.database.read() as conn:
            listed = [each for each in _heads(conn) if reach.sees(person().limits, each.by.mapping)]
            issued = issuance_list.numbers_by_mapping(conn, within=_within())
            changed = events.latest(conn, [each.newest.id for each in listed])
        return page(
            "mappings.html",
            listed=sorted(listed, key=lambda each: each.turn),
            issued=issued,
            changed=changed,
        )

    @console.page("/mappings/<name>", role=Role.VIEWER)
    def mapping(name: str) -> Response:
        """One: its versions, who made them and why, and what differs between two."""
        return _page(bridge, name)

    @console.page("/mappings/<name>", role=Role.ADMIN, methods=["POST"])
    def change_mapping(name: str) -> Response:
        """Bring a version into use, or take the mapping out of it."""
        with bridge.database.read() as conn, _there():
            versions = mapping_versions.versions(conn, name)
            require_change(conn, name)
        act, reason = request.form.get("act", ""), request.form.get("reason", "").strip()
        number = request.form.get("version", "", type=str)
        if act == "announce":
            return _announce(bridge, name, reason)
        if act == "take-up":
            found = earlier.wanted(bridge, [name])
            earlier.take_up(bridge, found.ids, who=person().email)
            return redirect(url_for("console.mapping", name=name), code=303)
        if act == "deactivate":
            return _deactivate(bridge, name, reason)
        meant = next((row for row in versions if str(row.version) == number), None)
        if meant is None or act not in (*TO_STATE, "restore"):
            return _page(bridge, name, status=422, wrong={"act": gettext("Choose a version.")})
        by = (
            publishing.restoring(meant.version, who=person().email, reason=reason)
            if act == "restore"
            else Act(state=TO_STATE[act], who=person().email, reason=reason or None)
        )
        return _bring(bridge, meant, by, act)


def _bring(bridge: Bridge, meant: sa.Row[Any], by: Act, act: str) -> Response:
    known = known_names(bridge.database, bridge.settings)
    name = meant.name
    try:
        document = Document(mapping=load(meant.document, known=known), text=meant.document)
    except DocumentError as exc:
        return _page(bridge, name, status=422, mistakes=exc.mistakes, of=meant.version)
    if not reach.changes(person().limits, document.mapping):
        wide = gettext("That version may issue beyond your limits. Ask an admin who has none.")
        return _page(bridge, name, status=422, wrong={"act": wide})
    needed = by.state is MappingState.PUBLISHED and publishing.changes(bridge, [document])
    if needed and not by.reason:
        wrong = {act: gettext("Say why: it stands in the history.")}
        return _page(bridge, name, status=422, wrong=wrong, asked=(act, meant.version))
    is_first = bool(publishing.first_of_their_names(bridge, [document]))
    try:
        with bridge.database.write() as conn:
            publishing.put(conn, [document], by, known=known, now=bridge.database.now(conn))
    except mapping_versions.Tied as exc:
        return message(gettext("It was not brought into use"), f"{exc} {exc.remedy}", status=409)
    look_back = "1" if is_first else None
    return redirect(url_for("console.mapping", name=name, earlier=look_back), code=303)


def _deactivate(bridge: Bridge, name: str, reason: str) -> Response:
    if not reason:
        wrong = {"deactivate": gettext("Say why: it stands in the history.")}
        return _page(bridge, name, status=422, wrong=wrong)
    try:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            publishing.withdraw(conn, name, who=person().email, reason=reason, now=now)
    except NotThere:
        return message(
            gettext("It is not in use any more"), gettext("Nothing was changed."), status=409
        )
    return redirect(url_for("console.mapping", name=name), code=303)


def _announce(bridge: Bridge, name: str, reason: str) -> Response:
    given = {key: request.form.get(key, "").strip() for key in ("number", "until")}
    wrong = {}
    if not given["number"].isascii() or not given["number"].isdigit() or not int(given["number"]):
        wrong["number"] = gettext("Give a whole number above 0.")
    until = None
    try:
        # The day that is named is meant as well.
        day = datetime.strptime(given["until"], "%Y-%m-%d").replace(tzinfo=UTC)
        until = day + timedelta(days=1)
    except (ValueError, OverflowError):
        wrong["until"] = gettext("Give a day as YYYY-MM-DD.")
    if not wrong and until is not None:
        number = min(int(given["number"]), 1_000_000_000)
        try:
            publishing.announce(
                bridge, name, number=number, until=until, who=person().email, reason=reason or None
            )
            return redirect(url_for("console.mapping", name=name), code=303)
        except publishing.Passed:
            wrong["until"] = gettext("That day has passed.")
    return _page(bridge, name, status=422, wrong=wrong, given=given)


def _page(bridge: Bridge, name: str, *, status: int = 200, **values: Any) -> Response:
    with bridge.database.read() as conn, _there():
        require_sight(conn, name)
        versions = mapping_versions.versions(conn, name)
        told = events.history(conn, [row.id for row in versions])
        values |= {
            "announced": announcements.of(conn, name),
            "waiting": holds.waiting_of(conn, name),
            "may_change": may_change(conn, name),
            "issued": issuance_list.numbers_by_mapping(conn, within=_within()).get(name, 0),
            "head": next(each for each in _heads(conn, name)),
        }
    steps = defaultdict(list)
    for event in told:
        steps[event.subject].append(event)
    by_number = {str(row.version): row for row in versions}
    newest = versions[0]
    shown = by_number.get(request.args.get("version", ""), values["head"].in_use or newest)
    old, new = (by_number.get(request.args.get(key, "")) for key in ("old", "new"))
    if old is not None and new is not None:
        values["diff"] = (old.version, new.version, marked(publishing.diff(old, new)))
    if request.args.get("earlier") and values["may_change"]:
        values["wanted"] = earlier.wanted(bridge, [name])
    restoring = by_number.get(request.args.get("restore", ""))
    defaults: Mapping[str, Any] = {"restoring": restoring, "wrong": {}, "given": {}, "asked": None}
    return page(
        "mapping.html",
        status=status,
        name=name,
        versions=versions,
        steps=steps,
        newest=newest,
        shown=shown,
        in_use=IN_USE,
        **{**defaults, **values},
    )


def marked(lines: Iterator[str]) -> Sequence[tuple[str, str]]:
    """The lines of a difference, each with what it is: added, gone, at or same."""
    kinds = {"+": "added", "-": "gone", "@": "at"}
    return [
        (kinds.get(line[:1], "same"), line) for line in lines if not line.startswith(("+++", "---"))
    ]


def _heads(conn: sa.Connection, name: str | None = None) -> Iterator[Listed]:
    """Every mapping, or one, newest and in use."""
    rows: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in mapping_versions.heads(conn):
        if name is None or row.name == name:
            rows[row.name].append(row)
    for newest, *older in rows.values():
        in_use = next((row for row in (newest, *older) if row.state in IN_USE), None)
        shown = in_use or newest
        by = version_of(conn, shown.name, shown.version)
        yield Listed(by=by, in_use=in_use, newest=newest)


def require_sight(conn: sa.Connection, name: str) -> None:
    """Raise NotFound where a mapping is none, or beyond the person's limits."""
    found = list(_heads(conn, name))
    if not any(reach.sees(person().limits, each.by.mapping) for each in found):
        raise NotFound


def may_change(conn: sa.Connection, name: str) -> bool:
    """Whether the person may change a mapping as it is in use and as it was last written."""
    if not person().may(Role.ADMIN):
        return False
    rows = [row for row in mapping_versions.heads(conn) if row.name == name]
    return bool(rows) and all(
        reach.changes(person().limits, version_of(conn, name, row.version).mapping) for row in rows
    )


def require_change(conn: sa.Connection, name: str) -> None:
    """Raise NotFound where a mapping is not the person's to change."""
    if not may_change(conn, name):
        raise NotFound


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except NotThere as exc:
        raise NotFound from exc


def _within() -> sa.ColumnElement[bool] | None:
    limits = person().limits
    if not limits.any:
        return None
    return limits.over(
        issuer=issuance_list.ISSUER, site=issuance_list.SITE, course=issuance_list.COURSE
    )
