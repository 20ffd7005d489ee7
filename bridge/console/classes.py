"""Class boards: everybody who completed a course, certified or waiting for what; their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console import ceremony
from bridge.console.csv_answer import csv_answer, kept
from bridge.console.door import Console, Person, message, page, person
from bridge.people.roles import Role
from bridge.pipeline import release, replay
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.known_causes import known
from bridge.pipeline.selection import Selection
from bridge.store import accounts, classes, tallies
from bridge.store.classes import Course, Place
from bridge.store.states import HoldOutcome, IssuanceState
from runtime.words import fold

#: Courses on a page, and learners on a board: more are a list, not a class.
SHOWN, MOST = 30, 1_000
COLUMNS: Sequence[str] = (
    "learner",
    "e-mail",
    "learner id",
    "outcome",
    "state",
    "reason",
    "reference id",
    "issue date",
    "verification",
    "issuance",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why some wait, and what helps them all."""

    cause: str
    means: str
    rows: Sequence[sa.Row[Any]]
    act: str | None  #: release, replay; None where nothing is to be pressed


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/courses", role=Role.VIEWER)
    def courses() -> Response:
        """Every course that somebody completed, with its counts."""
        with bridge.database.read() as conn:
            sites = _sites(conn)
            chosen = request.args.get("site", "")
            found = _courses(conn, [s for s in sites if chosen in ("", s)], _after())
            told = [(c, tallies.of_course(conn, c.site_id, c.id)) for c in found[:SHOWN]]
        last = found[SHOWN - 1] if len(found) > SHOWN else None
        return page("courses.html", told=told, last=last, sites=sites, chosen=chosen)

    @console.page("/class", role=Role.VIEWER)
    def class_board() -> Response:
        """One course."""
        with bridge.database.read() as conn:
            course = _asked(conn)
            tally = tallies.of_course(conn, course.site_id, course.id)
            rows = sorted(classes.members(conn, course, limit=MOST), key=_by_name)
        waiting = [row for row in rows if row.outcome == "waiting"]
        return page(
            "class.html",
            course=course,
            tally=tally,
            rows=rows,
            reasons=list(_reasons(waiting)),
            called=called,
            known=known,
            most=MOST,
            helps=helps,
        )

    @console.page("/class/act", role=Role.SUPPORT, methods=["POST"])
    def act_on_class() -> Response:
        """Release, or set going again, those who wait; each as it stands by now."""
        with bridge.database.read() as conn:
            course = _asked(conn)
            rows = classes.members(conn, course, limit=MOST)
        asked = set(request.form.getlist("id"))
        meant = [row for row in rows if row.completion_id in asked and row.outcome == "waiting"]
        done = _act(bridge, meant, reason=request.form.get("reason", "").strip() or None)
        if meant and not done:
            text = gettext("Nothing could be set going: look at one of them.")
            return message(gettext("Nothing was changed"), text, status=409)
        return redirect(url_for("console.class_board", site=course.site, course=course.id), 303)

    @console.page("/class/class.csv", role=Role.VIEWER)
    def class_csv() -> Response:
        """The board as a table."""
        with bridge.database.read() as conn:
            course = _asked(conn)
            rows = sorted(classes.members(conn, course, limit=MOST), key=_by_name)
        return csv_answer(_file_name(course), COLUMNS, map(_line, rows))

    @console.page("/class/certificates.zip", role=Role.VIEWER)
    def class_zip() -> Response:
        """Every certificate of the class as a file of its own."""
        course, files = _files(bridge)
        return kept(f"{_file_name(course)}.zip", ceremony.zipped(bridge, files), "application/zip")

    @console.page("/class/certificates.pdf", role=Role.VIEWER)
    def class_pdf() -> Response:
        """All certificates of the class in one file, to be printed."""
        course, files = _files(bridge)
        if len(files) > ceremony.MOST_MERGED:
            text = gettext("One file would be too large. Take the ZIP.")
            return message(gettext("These are too many"), text, status=409)
        merged = ceremony.merged(bridge, files)
        return kept(f"{_file_name(course)}.pdf", merged, "application/pdf")


def home(seen_by: Person) -> str | None:
    """The first page of somebody who sees some courses alone."""
    mine = sorted(seen_by.limits.courses)
    if not mine or seen_by.limits.issuers:
        return None
    if len(mine) > 1:
        return url_for("console.courses")
    site, _, course = mine[0].partition("/")
    return url_for("console.class_board", site=site, course=course)


def called(row: sa.Row[Any]) -> str:
    """A learner's name, or what there is in its place."""
    told = (row.data.get("learner") or {}).get("full_name")
    return str(row.full_name or told or row.learner_id)


def helps(row: sa.Row[Any]) -> str | None:
    """The act that helps one who waits; None where nothing is to be pressed."""
    if row.outcome != "waiting" or row.cause is None:
        return None
    if row.state == IssuanceState.HELD and row.hold_id and row.released_at is None:
        return "release"
    entry = known(row.cause)
    return "replay" if entry.waits_for_a_person and entry.replays else None


def _by_name(row: sa.Row[Any]) -> tuple[str, str]:
    return fold(called(row)), row.completion_id


def _reasons(waiting: Sequence[sa.Row[Any]]) -> Iterator[Reason]:
    by: dict[tuple[str, str | None], list[sa.Row[Any]]] = {}
    for row in waiting:
        by.setdefault((row.cause or tallies.ON_ITS_WAY, helps(row)), []).append(row)
    for (cause, act), rows in sorted(by.items(), key=lambda item: -len(item[1])):
        means = gettext("On its way.") if cause == tallies.ON_ITS_WAY else known(cause).means
        yield Reason(cause=cause, means=means, rows=rows, act=act)


def _act(bridge: Bridge, rows: Sequence[sa.Row[Any]], *, reason: str | None) -> int:
    """Do what helps each; say for how many that was anything."""
    who, done = person().email, 0
    for hold_id in {row.hold_id for row in rows if helps(row) == "release"}:
        word = release.Word(outcome=HoldOutcome.RELEASED, who=who, reason=reason)
        ids = [row.issuance_id for row in rows if row.hold_id == hold_id]
        try:
            done += sum(len(some) for some in release.decide(bridge, hold_id, word, ids=ids))
        except release.DecidedOtherwise:
            continue
    again = [row.issuance_id or row.completion_id for row in rows if helps(row) == "replay"]
    if again:
        begun = replay.begin(bridge, Selection(ids=tuple(again)), who=who, reason=reason)
        *_, last = replay.proceed(bridge, begun)
        done += last.going
    return done


def _sites(conn: sa.Connection) -> Sequence[str]:
    limits = person().limits
    if limits.issuers:
        return []  # a completion is no issuer's
    return [s.name for s in accounts.sites(conn) if not limits.sites or s.name in limits.sites]


def _after() -> Place | None:
    site, course = request.args.get("after_site"), request.args.get("after_course")
    return None if site is None or course is None else (site, course)


def _courses(conn: sa.Connection, sites: Sequence[str], after: Place | None) -> Sequence[Course]:
    mine = person().limits.courses
    if not mine:
        return classes.courses(conn, sites, after=after, limit=SHOWN + 1)
    places = sorted((site, course) for site, _, course in (one.partition("/") for one in mine))
    later = [p for p in places if p[0] in sites and (after is None or p > after)]
    found = (classes.one(conn, place, within=_within()) for place in later[: SHOWN + 1])
    return [course for course in found if course is not None]


def _within() -> sa.ColumnElement[bool]:
    return person().limits.over(site=classes.SITE, course=classes.COURSE)


def _asked(conn: sa.Connection) -> Course:
    given = request.values
    place = given.get("site", ""), given.get("course", "")
    course = classes.one(conn, place, within=_within())
    if course is None:
        raise NotFound
    return course


def _files(bridge: Bridge) -> tuple[Course, Sequence[sa.Row[Any]]]:
    with bridge.database.read() as conn:
        course = _asked(conn)
        files = classes.files(conn, course, limit=ceremony.MOST)
    if not files:
        raise NotFound
    return course, sorted(files, key=lambda row: (fold(row.full_name), row.id))


def _file_name(course: Course) -> str:
    """What browsers and file systems take, of whatever script a title is."""
    plain = "-".join(fold(course.title or course.id).split())
    safe = "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "-"))
    return safe.strip("-")[:60] or "class"


def _line(row: sa.Row[Any]) -> Sequence[str | None]:
    told: Mapping[str, Any] = row.data.get("learner") or {}
    return (
        called(row),
        row.applicant_email or told.get("email"),
        row.learner_id,
        row.outcome,
        row.state,
        known(row.cause).means if row.cause else None,
        row.reference_id,
        row.issue_date.isoformat() if row.issue_date else None,
        row.verification_url,
        row.issuance_id,
    )
