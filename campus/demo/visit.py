"""The campus as its visitors use it: a click completes a course, the gradebook is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import httpx

from campus.demo.children import Failed
from campus.people import IDNUMBER, LEARNERS, LIFESAVING, WATER_SAFETY

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Pupil:
    """One completion that the demo brings about."""

    course: int
    learner: int
    name: str
    course_title: str


_TITLES = {WATER_SAFETY: "Water Safety & Rescue – Basics", LIFESAVING: "Lifesaving II"}
_IN_LIFESAVING = ("sean.oconnor", "emma.johnson")
_NAMES = {person.username: person for person in LEARNERS}

#: Completed before the hook was connected: nobody was told, until a newcomer sends it by hand.
UNHEARD = (WATER_SAFETY, _NAMES["emma.johnson"].id)

#: Nine learners complete the first course, two learners the second one.
PUPILS = tuple(
    Pupil(
        course=course,
        learner=person.id,
        name=f"{person.firstname} {person.lastname}",
        course_title=_TITLES[course],
    )
    for course, people in (
        (WATER_SAFETY, [p for p in LEARNERS[:10] if p.id != UNHEARD[1]]),
        (LIFESAVING, [_NAMES[name] for name in _IN_LIFESAVING]),
    )
    for person in people
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campus:
    """A running campus."""

    address: str
    http: httpx.Client

    def complete(self, pupil: Pupil) -> None:
        """Press the button that completes a course for a learner. Raises Failed."""
        answer = self._ask(
            "POST",
            "/course/complete",
            data={"course": str(pupil.course), "learner": str(pupil.learner)},
        )
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise Failed(
                f"The campus could not complete course {pupil.course} for {pupil.name}:"
                f" it answered {answer.status_code}."
            )

    def feedback(self) -> dict[tuple[int, int], str]:
        """Return what stands in the gradebooks now, by course and learner."""
        found: dict[tuple[int, int], str] = {}
        for course in sorted({pupil.course for pupil in PUPILS}):
            answer = self._ask("GET", f"/campus/gradebook.json?course={course}")
            for learner in answer.json()["learners"]:
                found[course, learner["id"]] = _certificate(learner)
        return found

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self.http.request(method, f"{self.address}{path}", timeout=TIMEOUT_S, **more)
        except httpx.HTTPError as error:
            raise Failed(f"The campus at {self.address} did not answer: {error!r}.") from error

    def course_page(self) -> str:
        """The address where a click completes a course."""
        return f"{self.address}/course/view.php?id={WATER_SAFETY}"

    def gradebook_page(self) -> str:
        """The address of the first course's gradebook."""
        return f"{self.address}/grade/report/grader/index.php?id={WATER_SAFETY}"


def _certificate(learner: Mapping[str, Any]) -> str:
    items = [item for item in learner["items"] if item["idnumber"] == IDNUMBER]
    return str(items[0]["feedback"]) if items else ""


def stands_in(feedback: str, *parts: str | None) -> bool:
    """Whether all these texts, as HTML, stand in a gradebook's cell."""
    return all(part is not None and escape(part) in feedback for part in parts)
