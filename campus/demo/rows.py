"""The demo's table: for each completed course what became of it, in the bridge's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from campus.demo.bridge import SITE
from campus.demo.visit import Pupil, stands_in

GENERATED, HELD, MISSING = "generated", "held", "missing"
READ_BACK = "read_back"
#: States in which nothing more happens by itself.
FINAL = frozenset({HELD, "failed", "cancelled", "unmatched"})
#: Outcomes of a write-back after which nothing more happens by itself.
WRITE_BACK_OVER = frozenset({READ_BACK, "waiting", "refused"})
NO_ISSUANCE_IN = frozenset({HELD, "unmatched"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; the field names are those of the JSON document."""

    learner: str
    course: str
    state: str
    reference_id: str | None = None
    status: str | None = None
    link: str | None = None
    download: str | None = None
    written_back: bool = False  #: the bridge says so and the campus's gradebook shows it
    problem: str | None = None

    @property
    def good(self) -> bool:
        """Whether this is how it should end: in the gradebook, or held and saying why."""
        if self.state == GENERATED:
            return self.written_back
        return self.state == HELD and bool(self.problem)

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in the JSON document."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What bridge and campus say at one moment."""

    issuances: Sequence[Mapping[str, Any]]
    completions: Sequence[Mapping[str, Any]]
    feedback: Mapping[tuple[int, int], str]

    def settled(self, pupils: Sequence[Pupil]) -> bool:
        """Whether nothing more will happen by itself."""
        return all(self._settled(pupil) for pupil in pupils)

    def row(self, pupil: Pupil) -> Row:
        """Return the table's line for one completed course."""
        if (issuance := _of(pupil, self.issuances)) is not None:
            return self._issued(pupil, issuance)
        completion = _of(pupil, self.completions)
        if completion is None or completion["state"] not in NO_ISSUANCE_IN:
            return Row(
                learner=pupil.name,
                course=pupil.course_title,
                state=MISSING,
                problem="The bridge has made no certificate of this completion so far.",
            )
        return Row(
            learner=pupil.name,
            course=pupil.course_title,
            state=completion["state"],
            problem=completion["problem"],
        )

    def _issued(self, pupil: Pupil, issuance: Mapping[str, Any]) -> Row:
        shown = self.feedback.get((pupil.course, pupil.learner), "")
        written_back = issuance["written_back"] == READ_BACK and stands_in(
            shown, issuance["reference_id"], issuance["link"]
        )
        problem = issuance["problem"]
        if problem is None and issuance["state"] == GENERATED and not written_back:
            problem = "The campus's gradebook does not show the certificate."
        return Row(
            learner=pupil.name,
            course=pupil.course_title,
            state=issuance["state"],
            reference_id=issuance["reference_id"],
            status=issuance["status"],
            link=issuance["link"],
            download=issuance["download"],
            written_back=written_back,
            problem=problem,
        )

    def _settled(self, pupil: Pupil) -> bool:
        issuance = _of(pupil, self.issuances)
        if issuance is None:
            completion = _of(pupil, self.completions)
            return completion is not None and completion["state"] in NO_ISSUANCE_IN
        if issuance["state"] == GENERATED:
            return issuance["written_back"] in WRITE_BACK_OVER
        return issuance["state"] in FINAL


def _of(pupil: Pupil, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    key = (SITE, str(pupil.course), str(pupil.learner))
    for row in rows:
        if key == (row["site"], str(row["course_id"]), str(row["learner_id"])):
            return row
    return None
