"""Who runs a course and in which roles, so that their own completions can be told from learners'.

By Moodle's source (enrol/externallib.php, get_enrolled_users), not tried on a running site: the
option ``withcapability`` needs moodle/role:review besides what a list of participants needs.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Permanent
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Kind, Refusal, grant

FUNCTION = "core_enrol_get_enrolled_users"
REVIEW = "moodle/role:review"
#: What teachers may do, with or without editing, and managers, and learners never.
MARK = "moodle/grade:viewall"


def roles(client: MoodleClient, course_id: str) -> Mapping[str, str]:
    """The roles of a course's staff, by user id: short names, a comma between them.

    One call, whose answer is as small as the staff. Nobody, where the course is gone.
    """
    options = {"withcapability": MARK, "userfields": "roles"}
    try:
        answer = client.call(
            FUNCTION,
            courseid=course_id,
            options=[{"name": name, "value": value} for name, value in options.items()],
        )
    except Refusal as refusal:
        if refusal.kind is Kind.ONE:
            return {}
        if refusal.kind is Kind.CAPABILITY:
            remedy = f"{grant(REVIEW)} Or set knows_staff to no."
            raise Permanent(refusal.problem, remedy=remedy, code="staff_hidden") from refusal
        raise
    return {
        user["id"].identifier(): ",".join(
            role["shortname"].text() for role in user["roles"].items()
        )
        for user in answer.items()
    }
