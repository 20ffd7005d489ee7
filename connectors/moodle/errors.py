"""What Moodle's error codes mean and what to do about them: moodle.org's, as tables.

Errors come under status 200 as {"exception", "errorcode", "message"}; the exception's class was
renamed in 4.5, so the code is what counts. Observed on Moodle 4.5.6 unless a line says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from connectors.base import Permanent, Problem


class Kind(enum.Enum):
    """Whom an error concerns, and so what can be done about it."""

    PASSING = "passing"  #: nobody; it goes away by itself
    SITE = "site"  #: every call to this site
    CAPABILITY = "capability"  #: the service user lacks a permission, in one course or in all
    ONE = "one"  #: this learner or this course alone


KINDS: Mapping[str, Kind] = {
    "sitemaintenance": Kind.PASSING,
    "dbconnectionfailed": Kind.PASSING,
    "dmlreadexception": Kind.PASSING,
    "dmlwriteexception": Kind.PASSING,  # two writers at once
    "invalidtoken": Kind.SITE,
    "accessexception": Kind.SITE,
    "wsaccessusersuspended": Kind.SITE,
    "requireloginerror": Kind.CAPABILITY,
    "errorcoursecontextnotvalid": Kind.CAPABILITY,
    "nopermissions": Kind.CAPABILITY,
    "nopermissiontoviewgrades": Kind.CAPABILITY,
    "cannotviewreport": Kind.CAPABILITY,
    "accessdenied": Kind.CAPABILITY,  # separate groups; Moodle's source, completion/classes
    "notingroup": Kind.CAPABILITY,  # the same, grade/report/user
}

#: What each function needs at system level, besides webservice/rest:use.
CAPABILITIES: Mapping[str, tuple[str, ...]] = {
    "core_user_get_users_by_field": ("moodle/user:viewdetails", "moodle/site:viewuseridentity"),
    "core_completion_get_course_completion_status": (
        "moodle/course:view",
        "report/completion:view",
    ),
    "gradereport_user_get_grade_items": (
        "moodle/course:view",
        "gradereport/user:view",
        "moodle/grade:viewall",
    ),
    "core_enrol_get_enrolled_users": (
        "moodle/course:view",
        "moodle/course:viewparticipants",
        "moodle/user:viewdetails",
    ),
    "mod_assign_get_assignments": ("moodle/course:view", "mod/assign:view"),
    "mod_assign_save_grades": ("moodle/course:view", "mod/assign:view", "mod/assign:grade"),
    "core_course_import_course": (
        "moodle/course:view",
        "moodle/course:viewhiddencourses",
        "moodle/backup:backuptargetimport",
        "moodle/restore:restoretargetimport",
    ),
    "core_course_get_contents": ("moodle/course:view",),
    "mod_customcert_list_issues": ("mod/customcert:viewallcertificates",),
}

#: Where a code leaves only some of the function's capabilities in question.
NARROWER: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("core_completion_get_course_completion_status", "requireloginerror"): ("moodle/course:view",),
    ("core_completion_get_course_completion_status", "cannotviewreport"): (
        "report/completion:view",
    ),
    ("gradereport_user_get_grade_items", "requireloginerror"): ("moodle/course:view",),
    ("gradereport_user_get_grade_items", "nopermissions"): ("gradereport/user:view",),
    ("gradereport_user_get_grade_items", "nopermissiontoviewgrades"): ("moodle/grade:viewall",),
    ("core_enrol_get_enrolled_users", "errorcoursecontextnotvalid"): ("moodle/course:view",),
    ("core_enrol_get_enrolled_users", "nopermissions"): ("moodle/course:viewparticipants",),
    ("mod_assign_save_grades", "requireloginerror"): ("moodle/course:view", "mod/assign:view"),
    ("mod_assign_save_grades", "nopermissions"): ("mod/assign:grade",),
}
GROUPS = ("moodle/site:accessallgroups",)

#: What else may be behind a code that usually means a missing capability.
ELSE: Mapping[str, str] = {
    "requireloginerror": " If the course is hidden, show it or allow "
    "moodle/course:viewhiddencourses too.",
    "cannotviewreport": " If completion tracking is off in the course, turn it on again.",
}

REMEDIES: Mapping[str, str] = {
    "invalidtoken": "Make a new token for the service user (Site administration → Server → Web "
    "services → Manage tokens) and give it to the site: `vaultbridge site rotate SITE`.",
    "accessexception": "In Site administration → Server → Web services → External services see "
    "that the service is enabled, holds this function and authorises the service user; in Manage "
    "tokens, that the token has not expired and allows this machine's IP address.",
    "wsaccessusersuspended": "Activate the service user again (Site administration → Users → "
    "Browse list of users).",
    "invalidrecord": "The course or assignment is no longer there. If it was deleted on purpose, "
    "nothing is left to do.",
    "invaliduser": "The learner's account is no longer there. Nothing is left to do, unless it is "
    "made again.",
    "userdeleted": "The learner's account was deleted. Restore it, then replay.",
    "usernotenroled": "Enrol the learner in the course again, or reactivate the enrolment, then "
    "replay.",
    "errorreportview": "Add the service user to the report's audience (Site administration → "
    "Reports → Report builder → Custom reports → the report → Audience).",
    "nocriteriaset": "Set completion criteria for the course (Course → More → Course completion), "
    "then replay.",
    "invalidparameter": "This is a fault of this connector or of a changed Moodle. Report it with "
    "the text above and your Moodle's version.",
}
ANY_REMEDY = "Look the error up in Moodle (turn debugging on for the full text), then replay."
UNKNOWN_FUNCTION_REMEDY = "This Moodle has no such function. Update it to 4.1 or newer."
GRANT = (
    "Allow {capabilities} in the role of the service user: Site administration → Users → "
    "Permissions → Define roles, and see that the role is assigned at system level (Assign system "
    "roles)."
)


class Refusal(Permanent):
    """Moodle said no to one call; ``kind`` says whom that concerns."""

    def __init__(self, function: str, code: str, message: str) -> None:
        self.function = function
        self.kind = _kind(code, message)
        super().__init__(
            f"Moodle refused {function}: {code or 'no code'} ({message or 'no message'}).",
            remedy=_remedy(function, code, message),
            code=code,
        )


def raise_if_all_denied(outcomes: Iterable[object]) -> None:
    """Raise the first refusal where each outcome is one for a missing capability.

    Then it concerns the site and not one course, and nothing will go better until it is granted.
    """
    told = list(outcomes)
    denied = [o for o in told if isinstance(o, Refusal) and o.kind is Kind.CAPABILITY]
    if denied and len(denied) == len(told):
        raise denied[0]


def problem_of(refusal: Refusal) -> Problem:
    """The same, for one learner or course among others that went well."""
    return Problem(problem=refusal.problem, remedy=refusal.remedy, code=refusal.code)


def capabilities_for(function: str, code: str) -> tuple[str, ...]:
    """The capabilities whose lack explains this code from this function."""
    if code in ("accessdenied", "notingroup"):
        return GROUPS
    return NARROWER.get((function, code)) or CAPABILITIES.get(function, ())


def grant(*capabilities: str) -> str:
    """How an admin grants capabilities to the service user."""
    return GRANT.format(capabilities=" and ".join(capabilities))


def _kind(code: str, message: str) -> Kind:
    return Kind.SITE if _is_unknown_function(code, message) else KINDS.get(code, Kind.ONE)


def _remedy(function: str, code: str, message: str) -> str:
    if _is_unknown_function(code, message):
        return UNKNOWN_FUNCTION_REMEDY
    capabilities = capabilities_for(function, code)
    if KINDS.get(code) is Kind.CAPABILITY and capabilities:
        return grant(*capabilities) + ELSE.get(code, "")
    return REMEDIES.get(code, ANY_REMEDY)


def _is_unknown_function(code: str, message: str) -> bool:
    # The one code for "no such course" and "no such function" alike; the table's name is not
    # translated, whatever language the message is in.
    return code == "invalidrecord" and "external_functions" in message
