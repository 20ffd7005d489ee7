"""The table's rows: what counts as good, and when nothing more happens by itself."""

from __future__ import annotations

from typing import Any

import pytest

from campus.demo.rows import Found, Row
from campus.demo.visit import PUPILS, Pupil

PUPIL = Pupil(course=2, learner=7, name="Seán", course_title="Water")
KEY = {"site": "campus", "course_id": "2", "learner_id": "7"}


def found(issuance: dict[str, Any] | None, completion: str | None = None) -> Found:
    told = {
        "state": "ready",
        "reference_id": None,
        "status": None,
        "link": None,
        "download": None,
        "written_back": None,
        "problem": None,
    }
    return Found(
        issuances=[] if issuance is None else [{**KEY, **told, **issuance}],
        completions=[{**KEY, "state": completion, "problem": "Why."}] if completion else [],
        feedback={(2, 7): "Issued · VEC-1 · http://x/c/1?a=1&amp;b=2"},
    )


DONE = {"state": "generated", "reference_id": "VEC-1", "link": "http://x/c/1?a=1&b=2"}


@pytest.mark.parametrize(
    ("issuance", "completion", "settled", "good"),
    [
        (None, None, False, False),
        (None, "found", False, False),
        (None, "mapped", False, False),
        (None, "unmatched", True, False),
        (None, "held", True, True),
        ({"state": "ready"}, "mapped", False, False),
        ({"state": "processing"}, "mapped", False, False),
        ({"state": "failed", "problem": "x"}, "mapped", True, False),
        ({"state": "cancelled"}, "mapped", True, False),
        ({"state": "held", "problem": "x"}, "mapped", True, True),
        ({"state": "held"}, "mapped", True, False),
        (DONE, "mapped", False, False),
        (DONE | {"written_back": "due"}, "mapped", False, False),
        (DONE | {"written_back": "waiting"}, "mapped", True, False),
        (DONE | {"written_back": "read_back"}, "mapped", True, True),
        (DONE | {"written_back": "read_back", "reference_id": "VEC-2"}, "mapped", True, False),
        (DONE | {"written_back": "read_back", "link": "http://x/c/2"}, "mapped", True, False),
    ],
)
def test_a_row_is_settled_and_good_by_what_bridge_and_gradebook_say(
    issuance: dict[str, Any] | None, completion: str | None, settled: bool, good: bool
) -> None:
    look = found(issuance, completion)

    assert (settled, good) == (look.settled([PUPIL]), look.row(PUPIL).good)


def test_a_row_that_is_missing_says_so() -> None:
    assert Row(
        learner="Seán",
        course="Water",
        state="missing",
        problem="The bridge has made no certificate of this completion so far.",
    ) == found(None).row(PUPIL)


def test_another_sites_issuance_is_not_taken_for_ours() -> None:
    look = found(DONE | {"site": "other"})

    assert "missing" == look.row(PUPIL).state


def test_the_demo_completes_courses_for_at_least_eight_learners() -> None:
    assert 10 == len({pupil.learner for pupil in PUPILS})
