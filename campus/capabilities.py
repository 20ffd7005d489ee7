"""The service user's role: what it may do, and how Moodle refuses where a right is missing.

Source: minimal role and refusals observed on Moodle 4.5.6.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MINIMAL_ROLE = frozenset(
    {
        "webservice/rest:use",
        "moodle/course:view",
        "moodle/user:viewdetails",
        "moodle/site:viewuseridentity",
        "moodle/course:viewparticipants",
        "report/completion:view",
        "gradereport/user:view",
        "moodle/grade:viewall",
        "mod/assign:view",
        "mod/assign:grade",
        "mod/assign:viewgrades",
        # These three only for importing the assignment from a template course.
        "moodle/course:viewhiddencourses",
        "moodle/backup:backuptargetimport",
        "moodle/restore:restoretargetimport",
        # Only to tell a course's staff from its learners.
        "moodle/role:review",
        # Only for certificates that mod_customcert makes.
        "mod/customcert:viewallcertificates",
    }
)


@dataclass(frozen=True, slots=True)
class Need:
    """A right, and the error a call ends in without it."""

    capability: str
    errorcode: str
    what: dict[str, str] = field(default_factory=dict)


COURSE_VIEW = Need("moodle/course:view", "requireloginerror")
NEEDS: dict[str, tuple[Need, ...]] = {
    "core_completion_get_course_completion_status": (
        COURSE_VIEW,
        Need("report/completion:view", "cannotviewreport"),
    ),
    "core_course_get_contents": (COURSE_VIEW,),
    "mod_customcert_list_issues": (
        Need(
            "mod/customcert:viewallcertificates",
            "nopermissions",
            {"what": "View all certificates"},
        ),
    ),
    "core_enrol_get_enrolled_users": (
        Need("moodle/course:view", "errorcoursecontextnotvalid"),
        Need("moodle/course:viewparticipants", "nopermissions", {"what": "View participants"}),
    ),
    "gradereport_user_get_grade_items": (
        COURSE_VIEW,
        Need("gradereport/user:view", "nopermissions", {"what": "View user report"}),
        Need("moodle/grade:viewall", "nopermissiontoviewgrades"),
    ),
    "gradereport_overview_get_course_grades": (
        Need("moodle/grade:viewall", "nopermissions", {"what": "View grades of other users"}),
    ),
    "mod_assign_save_grade": (
        COURSE_VIEW,
        Need("mod/assign:view", "requireloginerror"),
        Need("mod/assign:grade", "nopermissions", {"what": "Grade assignment"}),
    ),
    "mod_assign_save_grades": (
        COURSE_VIEW,
        Need("mod/assign:view", "requireloginerror"),
        Need("mod/assign:grade", "nopermissions", {"what": "Grade assignment"}),
    ),
    "core_course_import_course": (
        COURSE_VIEW,
        Need("moodle/course:viewhiddencourses", "requireloginerror"),
        Need(
            "moodle/backup:backuptargetimport",
            "nopermissions",
            {"what": "Backup for import"},
        ),
        Need(
            "moodle/restore:restoretargetimport",
            "nopermissions",
            {"what": "Restore from files targeted as import"},
        ),
    ),
}
