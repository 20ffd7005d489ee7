"""The pages people look at: courses, a course to complete, the gradebook and a learner's report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from campus import clean, completion, gradebook
from campus.functions.users import plain
from campus.moodle import Moodle

#: Write-backs bring links and classes, never anything that would have to load or run.
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'"


def blueprint(moodle: Moodle) -> Blueprint:
    """Return the routes of the pages; they carry Moodle's own addresses."""
    routes = Blueprint("pages", __name__)
    routes.add_app_template_filter(_moment, "moment")
    routes.after_request(_guarded)

    @routes.get("/")
    def home() -> str:
        courses = moodle.state.rows("select * from course where visible order by id")
        return render_template("home.html", courses=courses)

    @routes.get("/course/view.php")
    def course() -> str:
        found = _course(moodle)
        return render_template("course.html", course=found, **_goings_on(moodle, found["id"]))

    @routes.post("/course/complete")
    def complete() -> AnyResponse | tuple[str, int]:
        course_id, learner = _number("course"), _number("learner")
        try:
            completion.complete(moodle, course_id, learner)
        except completion.NotPossible as error:
            return render_template("refused.html", problem=str(error)), 400
        there = url_for("pages.course", id=course_id, _anchor=f"learner-{learner}")
        return redirect(there, code=303)

    @routes.get("/grade/report/grader/index.php")
    def grader() -> str:
        found = _course(moodle)
        return render_template("grader.html", course=found, learners=learners(moodle, found["id"]))

    @routes.get("/grade/report/user/index.php")
    def user() -> str:
        found, who = _course(moodle), _number("userid")
        matching = [one for one in learners(moodle, found["id"]) if one["id"] == who]
        if not matching:
            abort(404)
        return render_template("user.html", course=found, learner=matching[0])

    @routes.get("/campus/gradebook.json")
    def as_json() -> Response:
        found = _course(moodle, "course")
        return jsonify(course=found, learners=learners(moodle, found["id"]))

    return routes


def learners(moodle: Moodle, course: int) -> list[dict[str, Any]]:
    """Return a course's learners with their state, final grade, items and how many mails they had.

    An item's ``feedback`` is raw, as stored; ``shown`` is what the learner sees, ``preview`` what
    a teacher's grid shows.
    """
    people = moodle.state.rows(
        "select person.*, criterion.completed from enrolment"
        " join person on person.id = enrolment.person left join criterion"
        " on criterion.course = enrolment.course and criterion.person = enrolment.person"
        " where enrolment.course = ? and role = 'student' and suspended = 0 order by person.id",
        course,
    )
    return [
        {
            "id": row["id"],
            "name": f"{plain(row['firstname'])} {plain(row['lastname'])}",
            "email": row["email"],
            "lang": row["lang"],
            "completed": row["completed"],
            "final_grade": gradebook.total(moodle, course, row["id"]).points,
            "items": [_item(cell) for cell in gradebook.cells(moodle, course, row["id"])],
            "mails": _mails(moodle, course, row["id"]),
        }
        for row in people
    ]


def _item(cell: Any) -> dict[str, Any]:
    text, text_format = cell["feedback"] or "", cell["format"] or 0
    return {
        "id": cell["id"],
        "name": cell["name"],
        "idnumber": cell["idnumber"],
        "maximum": cell["maximum"],
        "grade": cell["grade"],
        "feedback": text,
        # Cleaned by us, so that the page may print it as it is.
        "shown": Markup(clean.shown(text, text_format)),  # noqa: S704
        "preview": clean.preview(text, text_format),
    }


def _mails(moodle: Moodle, course: int, person: int) -> int:
    query = "select count(*) as n from mail where course = ? and person = ?"
    row = moodle.state.one(query, course, person)
    return int(row["n"]) if row else 0


def _goings_on(moodle: Moodle, course: int) -> dict[str, Any]:
    return {
        "learners": learners(moodle, course),
        "hooks": moodle.state.rows(
            "select * from hook_log where course = ? order by id desc limit 20", course
        ),
        "hook_url": moodle.settings.hook_url,
    }


def _course(moodle: Moodle, argument: str = "id") -> dict[str, Any]:
    row = moodle.state.one("select * from course where id = ?", _number(argument))
    if row is None:
        abort(404)
    return dict(row)


def _number(argument: str) -> int:
    value = request.values.get(argument, type=int)
    if value is None:
        abort(404)
    return value


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def _guarded(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
