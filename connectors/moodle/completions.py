"""Who completed what, by the custom report that an admin has made: all courses in a few calls.

Source: observed on Moodle 4.5.6 (report builder, data source "Course participants"). Ids stand in
the links, times are texts to the minute in the service user's language and zone: so the exact
moment is `enrich`'s to find, for the few that nobody told us.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.base import ROUGHLY, Completion, Course, Learner, Malformed, Permanent
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Refusal
from connectors.wild import Wild

REPORT = "core_reportbuilder_retrieve_report"
#: Up to 5000 were accepted; 170 took 0.1 s.
PAGE = 1000
HEADING = "Time completed"
_LANGUAGE = (
    "In the service user's profile set the preferred language to English (en): the report prints "
    "its headings and times in that user's language."
)
_USER = re.compile(r"/user/(?:profile|view)\.php\?(?:[^\"']*?[&;])?id=([1-9][0-9]{0,18})")
_COURSE = re.compile(r"/course/view\.php\?(?:[^\"']*?[&;])?id=([1-9][0-9]{0,18})")
#: ``Monday, 23 November 2026, 7:13 AM``, and as the language pack en_us has it.
_MOMENT = re.compile(
    r"(?:[a-z]+day,\s)?(?:(?P<day>\d{1,2})\s(?P<month>[a-z]+)|(?P<us_month>[a-z]+)\s(?P<us_day>\d{1,2}),)"
    r"\s(?P<year>\d{4}),\s(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:\s(?P<half>[ap]m))?",
    re.IGNORECASE,
)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
#: Moodle's numbers (reportbuilder/classes/local/filters/date.php): "in the last", and the units.
_IN_THE_LAST = 4
_DAYS: Mapping[int, int] = {1: 1, 2: 7, 3: 30, 4: 365}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """One row that has a time in it."""

    user: str | None  #: None where the account was deleted meanwhile
    course: str | None
    moment: datetime  #: the printed one, read as UTC


def completions(client: MoodleClient, report_id: str, *, since: datetime) -> Iterator[Completion]:
    """As Connector.completions. Raises Permanent where the report is not as the README has it."""
    number, total = 0, 1
    while number * PAGE < total:
        data = _page(client, report_id, number=number, size=PAGE)["data"]
        rows = list(data["rows"].items())
        for one in _listed(data, rows):
            if one.user and one.course and one.moment >= since - ROUGHLY:
                yield _completion(one.course, one.user, one.moment)
        # What is completed while we turn pages is found the next time.
        total = total if number else data["totalrowcount"].integer()
        number = number + 1 if rows else total


def look(client: MoodleClient, report_id: str) -> str:
    """Read one row, to see whether the report is as it must be; say how far back it goes."""
    page = _page(client, report_id, number=0, size=1)
    data = page["data"]
    _listed(data, list(data["rows"].items()))
    days = _reach(page["details"].get("conditiondata"))
    return "of all time" if days is None else f"of the last {days} days"


def _page(client: MoodleClient, report_id: str, *, number: int, size: int) -> Wild:
    try:
        return client.call(REPORT, reportid=report_id, page=number, perpage=size)
    except Refusal as refusal:
        if "reportbuilder_report" not in refusal.problem:
            raise
        raise Permanent(
            f"This Moodle has no custom report {report_id}.",
            remedy="Correct completions_report_id: the number after id= in the report's address "
            "(Site administration → Reports → Report builder → Custom reports).",
        ) from refusal


def _listed(data: Wild, rows: Sequence[Wild]) -> Sequence[_Listed]:
    column = _column(data)
    listed = list(_timed(rows, column))
    # A deleted account has no link; a report in which nobody has one lacks the column.
    if listed and not any(one.user for one in listed):
        raise _missing("Full name with link")
    if listed and not any(one.course for one in listed):
        raise _missing("Course short name with link")
    return listed


def _timed(rows: Sequence[Wild], column: int) -> Iterator[_Listed]:
    for row in rows:
        values = [cell.value for cell in row["columns"].items()]
        cells = [value if isinstance(value, str) else "" for value in values]
        if len(cells) <= column:
            raise Malformed(row.path, "should have a cell for each heading")
        if cells[column]:  # otherwise not completed
            yield _Listed(
                user=_first(_USER, cells),
                course=_first(_COURSE, cells),
                moment=_moment(cells[column]),
            )


def _column(data: Wild) -> int:
    headings = [heading.value for heading in data["headers"].items()]
    if HEADING not in headings:
        raise Permanent(
            f'The custom report has no column headed "{HEADING}".',
            remedy=f"Add the column {HEADING} to it, with that heading. {_LANGUAGE}",
        )
    return headings.index(HEADING)


def _first(pattern: re.Pattern[str], cells: Sequence[str]) -> str | None:
    return next((found[1] for cell in cells if (found := pattern.search(cell))), None)


def _moment(text: str) -> datetime:
    found = _MOMENT.fullmatch(text.strip())
    if found is not None:
        month = (found["month"] or found["us_month"]).casefold()
        hour = int(found["hour"])
        if found["half"]:
            hour = hour % 12 + (12 if found["half"].casefold() == "pm" else 0)
        try:
            return datetime(
                int(found["year"]),
                _MONTHS.index(month) + 1,
                int(found["day"] or found["us_day"]),
                hour,
                int(found["minute"]),
                tzinfo=UTC,
            )
        except ValueError:
            pass
    raise Permanent(
        f"The custom report prints {HEADING} as {text[:60]!r}, which is no time in English.",
        remedy=_LANGUAGE,
    )


def _missing(column: str) -> Permanent:
    return Permanent(
        f"The custom report shows no links out of which to read ids: it lacks {column}.",
        remedy=f"Add the column {column} to the report.",
    )


def _completion(course_id: str, user_id: str, moment: datetime) -> Completion:
    return Completion(course=Course(id=course_id), learner=Learner(id=user_id), noticed_at=moment)


def _reach(conditions: Wild | None) -> int | None:
    """How many days the report's own condition goes back; None for all there are."""
    try:
        given = json.loads(conditions.text()) if conditions else {}
        if given.get("completion:timecompleted_operator") != _IN_THE_LAST:
            return None
        unit = _DAYS[given["completion:timecompleted_unit"]]
        return unit * int(given["completion:timecompleted_value"])
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise Malformed("conditiondata", "should be the report's conditions") from exc
