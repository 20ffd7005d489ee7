"""Failures by cause: what each means, its members, and its repair: looked at, then replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.csv_answer import csv_answer
from bridge.console.door import Console, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import repair, replay
from bridge.pipeline.attention import move, replay_command
from bridge.pipeline.known_causes import known
from bridge.pipeline.replay_plan import Act
from bridge.pipeline.selection import Selection
from bridge.store import failures as rows
from bridge.store import replays as stored
from bridge.store.accounts import NotThere
from bridge.store.reach import Packed

SHOWN = 50
LONGEST_REASON = 500
CSV_AT_ONCE = 500
#: Of a member, as the table to take away has them.
COLUMNS = (
    "id",
    "kind",
    "site",
    "course_id",
    "learner_id",
    "state",
    "cause",
    "failing_since",
    "problem",
    "remedy",
)
#: What a replay begins with, as it is told of a number of rows.
ACTS: Mapping[Act, Any] = MappingProxyType(
    {
        Act.READ: lazy_gettext("deliveries would be read again"),
        Act.MAP: lazy_gettext("would be looked up in the LMS and mapped again"),
        Act.ASK: lazy_gettext("may have arrived at the vault, which would be asked first"),
        Act.CORRECT: lazy_gettext("corrections would be sent again"),
        Act.REVOKE: lazy_gettext("revocations would be asked for again"),
        Act.RETRY: lazy_gettext("would be processed by the vault again"),
        Act.WRITE: lazy_gettext("would be written to the gradebook again"),
        Act.PRINT: lazy_gettext("would be printed again, and go on waiting for a person"),
        Act.NOTHING: lazy_gettext("would stay as they are"),
    }
)


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/failures", role=Role.VIEWER)
    def failures() -> Response:
        """The groups; what waits for a person first, then the largest."""
        with bridge.database.read() as conn:
            found = rows.groups(conn, limits=_limits())
        found = sorted(found, key=lambda group: not known(group.cause).waits_for_a_person)
        return page("failures.html", groups=found, known=known, move=move)

    @console.page("/failures/<cause>", role=Role.VIEWER)
    def failure(cause: str) -> Response:
        """One group with its members, newest trouble first."""
        after = _after(request.args.get("after", ""))
        with bridge.database.read() as conn:
            found = rows.groups(conn, cause=cause, limits=_limits())
            members = rows.members(conn, cause, limits=_limits(), after=after, limit=SHOWN + 1)
        if not found:
            return _gone()
        last = members[SHOWN - 1] if len(members) > SHOWN else None
        return page(
            "failure.html",
            cause=cause,
            groups=found,
            members=members[:SHOWN],
            size=sum(group.size for group in found),
            after=f"{last['failing_since'].isoformat()} {last['id']}" if last else None,
            known=known,
            move=move,
            command=replay_command,
            replays=_replays(found),
        )

    @console.page("/failures/<cause>/members.csv", role=Role.VIEWER)
    def failure_csv(cause: str) -> Response:
        """All of a group's members, as a table to take away."""
        return csv_answer("failures", COLUMNS, _rows(cause, _limits()))

    def _rows(cause: str, limits: Packed) -> Iterator[list[str | None]]:
        after: tuple[datetime, str] | None = None
        while True:
            with bridge.database.read() as conn:
                found = rows.members(conn, cause, limits=limits, after=after, limit=CSV_AT_ONCE)
            for row in found:
                yield [None if row[name] is None else str(row[name]) for name in COLUMNS]
            if len(found) < CSV_AT_ONCE:
                return
            after = found[-1]["failing_since"], found[-1]["id"]

    @console.page("/failures/<cause>/repair", role=Role.SUPPORT)
    def repair_failure(cause: str) -> Response:
        """What a replay of the group would do; nothing is done."""
        return _preview(cause, mapping=request.args.get("mapping", replay.CURRENT))

    @console.page("/failures/<cause>/replay", role=Role.SUPPORT, methods=["POST"])
    def replay_failure(cause: str) -> Response:
        """Begin the replay of the group; a worker works it off."""
        mapping = request.form.get("mapping", replay.CURRENT)
        reason = " ".join(request.form.get("reason", "").split())
        if len(reason) > LONGEST_REASON or mapping not in replay.MAPPINGS:
            wrong = gettext("At most %(most)s characters.", most=LONGEST_REASON)
            return _preview(cause, mapping=mapping, status=422, reason=reason, wrong=wrong)
        with bridge.database.read() as conn:
            found = rows.groups(conn, cause=cause, limits=_limits())
        if not found:
            return _gone()
        if not _replays(found):
            return message(
                gettext("This is not set going by a replay"),
                " ".join(dict.fromkeys(move(group) for group in found)),
                status=409,
            )
        begun = replay.begin(
            bridge,
            _meant(cause),
            who=person().email,
            reason=reason or None,
            mapping=mapping,
            by_worker=True,
        )
        return redirect(url_for("console.one_replay", replay_id=begun), code=303)

    def _preview(cause: str, *, mapping: str, status: int = 200, **values: Any) -> Response:
        with bridge.database.read() as conn:
            found = rows.groups(conn, cause=cause, limits=_limits())
        if not found:
            return _gone()
        asked = mapping if mapping in replay.MAPPINGS else replay.CURRENT
        seen = repair.look(bridge, _meant(cause), mapping=asked)
        return page(
            "repair.html",
            status=status,
            cause=cause,
            seen=seen,
            mapping=asked,
            acts=ACTS,
            Act=Act,
            replays=_replays(found),
            longest=LONGEST_REASON,
            **values,
        )

    @console.page("/replays", role=Role.VIEWER)
    def replays() -> Response:
        """Who set what going again, why, and how far it has come."""
        limited = person().limits.any
        with bridge.database.read() as conn:
            found = stored.recent(
                conn,
                who=person().email if limited else None,
                after=request.args.get("after"),
                limit=SHOWN + 1,
            )
        more = len(found) > SHOWN
        return page(
            "replays.html", replays=found[:SHOWN], after=found[SHOWN - 1]["id"] if more else None
        )

    @console.page("/replays/<replay_id>", role=Role.VIEWER)
    def one_replay(replay_id: str) -> Response:
        """How far one has come; it goes on whether somebody looks or not."""
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            try:
                row = stored.by_id(conn, replay_id)
            except NotThere as exc:
                raise NotFound from exc
            if person().limits.any and row.who != person().email:
                raise NotFound
            cause = row.selection.get("cause")
            left = rows.groups(conn, cause=cause, limits=_limits()) if cause else ()
        quiet = row.ended_at is None and now - row.updated_at > bridge.settings.lease
        return page(
            "replay.html",
            row=row,
            cause=cause,
            left=sum(group.size for group in left),
            done=row.going + row.unchanged,
            quiet=quiet,
        )


def _limits() -> Packed:
    return person().limits.packed() or {}


def _meant(cause: str) -> Selection:
    return Selection(cause=cause, limits=_limits())


def _replays(groups: Any) -> bool:
    """Whether a replay sets any of them going."""
    return any(known(group.cause).replays for group in groups)


def _gone() -> Response:
    return message(
        gettext("Nothing fails for this any more"),
        gettext("It was mended, or the cause has another name. Look at the list."),
        status=404,
    )


def _after(given: str) -> tuple[datetime, str] | None:
    """Where the page before ended; anything else is the first page."""
    moment, _, row_id = given.partition(" ")
    try:
        since = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (since, row_id) if since.tzinfo is not None else None
