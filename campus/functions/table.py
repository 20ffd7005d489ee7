"""Which web service functions there are, what each takes, and which code answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from campus.functions import (
    assign,
    completion,
    courses,
    customcert,
    grades,
    reports,
    site,
    users,
)
from campus.moodle import Moodle
from campus.params import Optional, Spec, flag, raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One web service function."""

    parameters: dict[str, Spec]
    run: Callable[[Moodle, dict[str, Any]], Any]  #: the parameters checked and converted


#: Functions that Moodle has and the service does not offer: calling one is an accessexception.
NOT_IN_SERVICE = frozenset({"core_user_create_users", "core_course_create_courses"})

OPTIONS: Spec = Optional([{"name": raw, "value": raw}], [])
PLUGIN_DATA: Spec = Optional(
    {
        "assignfeedbackcomments_editor": Optional({"text": raw, "format": int}),
        "files_filemanager": Optional(int),
    },
    {},
)
GRADE: dict[str, Spec] = {
    "userid": int,
    "grade": float,
    "attemptnumber": int,
    "addattempt": flag,
    "workflowstate": raw,
    "plugindata": PLUGIN_DATA,
}

FUNCTIONS: dict[str, Function] = {
    "core_webservice_get_site_info": Function(
        parameters={"serviceshortnames": Optional([raw], [])}, run=site.get_site_info
    ),
    "core_user_get_users_by_field": Function(
        parameters={"field": raw, "values": [raw]}, run=users.get_users_by_field
    ),
    "core_course_get_courses_by_field": Function(
        parameters={"field": Optional(raw, ""), "value": Optional(raw, "")},
        run=courses.get_courses_by_field,
    ),
    "core_course_get_contents": Function(
        parameters={"courseid": int, "options": OPTIONS}, run=customcert.get_contents
    ),
    "core_course_import_course": Function(
        parameters={
            "importfrom": int,
            "importto": int,
            "deletecontent": Optional(flag, False),
            "options": OPTIONS,
        },
        run=courses.import_course,
    ),
    "core_enrol_get_enrolled_users": Function(
        parameters={"courseid": int, "options": OPTIONS}, run=users.get_enrolled_users
    ),
    "core_completion_get_course_completion_status": Function(
        parameters={"courseid": int, "userid": int}, run=completion.get_course_completion_status
    ),
    "core_reportbuilder_retrieve_report": Function(
        parameters={"reportid": int, "page": Optional(int, 0), "perpage": Optional(int, 10)},
        run=reports.retrieve_report,
    ),
    "gradereport_user_get_grade_items": Function(
        parameters={"courseid": int, "userid": Optional(int, 0), "groupid": Optional(int, 0)},
        run=grades.get_grade_items,
    ),
    "gradereport_overview_get_course_grades": Function(
        parameters={"userid": Optional(int, 0)}, run=grades.get_course_grades
    ),
    "mod_customcert_list_issues": Function(
        parameters={
            "timecreatedfrom": Optional(int, 0),
            "userid": Optional(int, 0),
            "customcertid": Optional(int, 0),
            "includepdf": Optional(flag, False),
            "limit": Optional(int, 100),
            "offset": Optional(int, 0),
        },
        run=customcert.list_issues,
    ),
    "mod_assign_get_assignments": Function(
        parameters={
            "courseids": Optional([int], []),
            "capabilities": Optional([raw], []),
            "includenotenrolledcourses": Optional(flag, False),
        },
        run=assign.get_assignments,
    ),
    "mod_assign_get_grades": Function(
        parameters={"assignmentids": [int], "since": Optional(int, 0)},
        run=assign.get_grades,
    ),
    "mod_assign_save_grade": Function(
        parameters={"assignmentid": int, **GRADE, "applytoall": flag},
        run=assign.save_grade,
    ),
    "mod_assign_save_grades": Function(
        parameters={"assignmentid": int, "applytoall": flag, "grades": [GRADE]},
        run=assign.save_grades,
    ),
}
