"""core_completion_get_course_completion_status: where the true time of a completion stands."""

from __future__ import annotations

from typing import Any

from campus.completion import is_enrolled
from campus.errors import refuse
from campus.functions.lookup import course_row, person_row
from campus.moodle import Moodle

SELF_COMPLETION = {
    "type": "Self completion",
    "criteria": "Self completion",
    "requirement": "Marking yourself complete",
    "status": "",
}


def get_course_completion_status(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return one learner's completion of one course, criterion by criterion."""
    course, learner = params["courseid"], params["userid"]
    criteria = course_row(moodle, course)["criteria"]
    person_row(moodle, learner)
    if not criteria:
        raise refuse("nocriteriaset")
    if not is_enrolled(moodle, course, learner):
        raise refuse("usernotenroled")
    row = moodle.state.one(
        "select completed from criterion where course = ? and person = ?", course, learner
    )
    return {
        "completionstatus": {
            "completed": row is not None,
            "aggregation": 1,
            "completions": [
                {
                    "type": 1,
                    "title": "Self completion",
                    "status": "Yes" if row else "No",
                    "complete": row is not None,
                    "timecompleted": row["completed"] if row else None,
                    "details": SELF_COMPLETION,
                }
            ],
        },
        "warnings": [],
    }
