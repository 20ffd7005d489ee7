"""A Moodle that answers as the captures say, and remembers what is written to it.

Every answer is a capture's body from Moodle 4.5.6, or one changed only where its state shows:
the feedback that was written, the learner asked for, the assignment that was imported.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx

from connectors.base import GradebookRow

CAPTURES = Path(__file__).parent / "captures"
TOKEN = "0123456789abcdef0123456789abcdef"
CERTIFICATE, GRADED = "1", "2"
_STATUSES = {
    "19": "core_completion_status_unenrolled",
    "11": "core_completion_status_enrolment_suspended",
    "21": "core_completion_status_user_deleted",
    "28": "core_completion_get_course_completion_status_incomplete",
    "29": "core_completion_get_course_completion_status_not_tracked",
    "999999": "core_completion_get_course_completion_status_unknown_user",
}
_USERS = (
    "core_user_get_users_by_field",
    "core_user_get_users_by_field_enrolment_suspended",
    "core_user_get_users_by_field_unenrolled",
    "core_user_get_users_by_field_user_deleted",
)
PDF = b"%PDF-1.7 of the custom certificate"
Form = Mapping[str, str]
Handler = Callable[[Form], Any]


def capture(name: str) -> httpx.Response:
    """The answer of a capture, as it came."""
    response = json.loads((CAPTURES / f"{name}.json").read_text("utf-8"))["response"]
    body = response.get("body_text") or ""
    if response.get("body_json") is not None:
        body = json.dumps(response["body_json"])
    kept = {"content-type", "retry-after"}
    headers = {k: v for k, v in response["headers"].items() if k.lower() in kept}
    return httpx.Response(response["http_status"], headers=headers, content=body.encode())


def body(name: str) -> Any:
    """The JSON of a capture's answer."""
    return json.loads(capture(name).content)


def always(name: str) -> Handler:
    """A function that gives one capture's answer, whatever it is asked."""
    return lambda _: capture(name)


class FakeMoodle:
    """One site, with a course 2 and an ungraded assignment in it."""

    def __init__(self, **functions: Handler) -> None:
        self.calls: list[tuple[str, Form]] = []
        self.feedback: dict[tuple[str, str], str] = {}  #: by assignment and user
        self.mails: list[str] = []  #: users told of feedback, one entry a call
        self.imports: list[tuple[str, str]] = []
        self.assignments = body("mod_assign_get_assignments")["courses"][0]["assignments"]
        self.participants = body("core_enrol_get_enrolled_users")
        self.customcerts = {"1": "Course certificate"}  #: by instance, in course 2
        self.overridden: set[tuple[str, str]] = set()
        self.items = body("gradereport_user_get_grade_items")["usergrades"][0]["gradeitems"]
        for item in self.items:
            item["feedback"] = ""
        self.functions = dict(functions)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What this Moodle answers to a call of its web service."""
        assert request.method == "POST"
        assert request.url.path == "/webservice/rest/server.php"
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        assert form.pop("wstoken") == TOKEN
        assert form.pop("moodlewsrestformat") == "json"
        function = form.pop("wsfunction")
        self.calls.append((function, form))
        own: Handler = getattr(self, f"_{function}", always("err_unknown_function"))
        given = self.functions.get(function, own)(form)
        return given if isinstance(given, httpx.Response) else httpx.Response(200, json=given)

    def gradebook(self) -> object:
        """What learners see: their feedback and their mail."""
        return copy.deepcopy((self.feedback, self.mails, self.imports))

    def a_person_writes(self, row: GradebookRow, text: str) -> None:
        """What a teacher does in the assignment's own grading page."""
        self.feedback[CERTIFICATE, row.learner_id] = text

    def called(self, function: str) -> list[Form]:
        """The parameters of every call of a function."""
        return [form for name, form in self.calls if name == function]

    def _core_webservice_get_site_info(self, form: Form) -> Any:
        return body("core_webservice_get_site_info")

    def _core_user_get_users_by_field(self, form: Form) -> Any:
        assert form["field"] == "id"
        wanted = {value for key, value in form.items() if key.startswith("values[")}
        known = {str(user["id"]): user for name in _USERS for user in body(name)}
        return [user for key, user in known.items() if key in wanted]

    def _core_course_get_courses_by_field(self, form: Form) -> Any:
        wanted = form["value"].split(",")
        if form["field"] == "ids" and not set(wanted) <= {"2"}:
            return capture("core_completion_get_course_completion_status_unknown_course")
        name = "core_course_get_courses_by_field"
        return body(name if wanted == ["2"] else f"{name}_unknown")

    def _core_completion_get_course_completion_status(self, form: Form) -> Any:
        name = "core_completion_get_course_completion_status_complete"
        if form["courseid"] != "2":
            name = "core_completion_get_course_completion_status_unknown_course"
        return capture(_STATUSES.get(form["userid"], name))

    def _core_enrol_get_enrolled_users(self, form: Form) -> Any:
        if form["courseid"] != "2":
            return capture("core_enrol_get_enrolled_users_unknown_course")
        names = {v: k for k, v in form.items() if k.endswith("[name]")}
        options = {name: form[key.replace("[name]", "[value]")] for name, key in names.items()}
        if "withcapability" in options:
            return [who for who in self.participants if who["roles"][0]["shortname"] != "student"]
        first = int(options["limitfrom"])
        return self.participants[first : first + int(options["limitnumber"])]

    def _core_reportbuilder_retrieve_report(self, form: Form) -> Any:
        name = "core_reportbuilder_retrieve_report"
        if form["reportid"] != "2":
            return capture(f"{name}_unknown")
        page = body(f"{name}_recent_page0")
        page["data"]["totalrowcount"] = len(page["data"]["rows"])
        return page

    def _gradereport_user_get_grade_items(self, form: Form) -> Any:
        user = form.get("userid")
        if form["courseid"] != "2":
            return capture("core_enrol_get_enrolled_users_unknown_course")
        if user in ("21", "999999"):
            name = "user_deleted" if user == "21" else "unknown_user"
            return capture(f"gradereport_user_get_grade_items_{name}")
        answer = body("gradereport_user_get_grade_items")
        [like] = answer["usergrades"]
        active = (str(who["id"]) for who in self.participants if str(who["id"]) not in _STATUSES)
        users = [user] if user is not None else active
        answer["usergrades"] = [
            {**like, "userid": int(one), "gradeitems": self._items(one)} for one in users
        ]
        return answer

    def _items(self, user: str) -> Any:
        items = copy.deepcopy(self.items)
        for item in items:
            if item["itemmodule"] == "assign":
                place = (str(item["iteminstance"]), user)
                item["feedback"] = self.feedback.get(place, item["feedback"])
                item["gradeisoverridden"] = place in self.overridden
        return items

    def _mod_assign_get_assignments(self, form: Form) -> Any:
        if form.get("includenotenrolledcourses") != "1":
            return capture("mod_assign_get_assignments_not_enrolled_warning")
        answer = body("mod_assign_get_assignments")
        wanted = {value for key, value in form.items() if key.startswith("courseids[")}
        answer["courses"][0]["assignments"] = self.assignments
        answer["courses"] = [c for c in answer["courses"] if str(c["id"]) in wanted]
        return answer

    def _mod_assign_save_grades(self, form: Form) -> Any:
        rows = {m[1] for key in form if (m := re.match(r"grades\[(\d+)\]", key))}
        for row in sorted(rows, key=int):
            self._save(form, f"grades[{row}]")
        return capture("mod_assign_save_grades_batch")

    def _save(self, form: Form, row: str) -> None:
        assert form[f"{row}[grade]"] == "-1"
        assert form[f"{row}[attemptnumber]"] == "-1"
        assert form[f"{row}[addattempt]"] == "0"
        assert form[f"{row}[workflowstate]"] == ""
        editor = f"{row}[plugindata][assignfeedbackcomments_editor]"
        assert form[f"{editor}[format]"] == "1"
        user = form[f"{row}[userid]"]
        self.mails.append(user)
        if user not in _STATUSES:  # null for the others too, and nothing in the gradebook
            self.feedback[form["assignmentid"], user] = form[f"{editor}[text]"]

    def _core_course_import_course(self, form: Form) -> Any:
        self.imports.append((form["importfrom"], form["importto"]))
        return capture("core_course_import_course_ok")

    def _core_course_get_contents(self, form: Form) -> Any:
        assert (form["options[0][name]"], form["options[0][value]"]) == ("modname", "customcert")
        if form["courseid"] != "2":
            return capture("core_completion_get_course_completion_status_unknown_course")
        sections = body("core_course_get_contents_assign")
        like = sections[0]["modules"][0]
        sections[0]["modules"] = [
            {**like, "modname": "customcert", "instance": int(instance), "name": name}
            for instance, name in self.customcerts.items()
        ]
        return sections

    def _mod_customcert_list_issues(self, form: Form) -> Any:
        issues = body("mod_customcert_list_issues_with_pdf")
        for issue in issues:
            issue["pdf"] = {"haspdf": False}
            if form.get("includepdf") == "1":
                content = base64.b64encode(PDF).decode()
                issue["pdf"] = {"name": "custom.pdf", "content": content, "haspdf": True}
        return [
            issue
            for issue in issues
            if form.get("userid") in (None, str(issue["user"]["id"]))
            and form.get("customcertid") in (None, str(issue["issue"]["customcertid"]))
        ][: int(form["limit"])]
