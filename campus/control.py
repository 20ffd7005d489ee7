"""What only tests may do: break the campus and mend it, over ``/campus/control``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from hashlib import md5
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from campus import completion, teacher
from campus.capabilities import MINIMAL_ROLE
from campus.errors import MoodleError
from campus.moodle import Moodle
from campus.outages import MODES
from campus.people import TEACHER

Action = Callable[..., Any]


def blueprint(moodle: Moodle) -> Blueprint:
    """Return the control endpoint; everything is 404 unless the settings allow it.

    ``POST {"action": name, …}`` does one thing, ``GET`` tells switches, webhook log, mails, and
    how often each function of the web service was called.
    """
    routes = Blueprint("control", __name__)

    @routes.before_request
    def only_where_allowed() -> None:
        if not moodle.settings.control:
            abort(404)

    @routes.get("/campus/control")
    def told() -> Response:
        return jsonify(
            switches={
                key: sorted(value) if isinstance(value, frozenset) else value
                for key, value in asdict(moodle.switches).items()
            },
            hook_log=[dict(r) for r in moodle.state.rows("select * from hook_log order by id")],
            mails=[dict(r) for r in moodle.state.rows("select * from mail order by id")],
            calls=dict(moodle.calls),
        )

    @routes.post("/campus/control")
    def done() -> tuple[Response, int]:
        order = request.get_json()
        action = ACTIONS.get(order.pop("action", ""))
        if action is None:
            return jsonify(error=f"No such action. Use one of: {', '.join(sorted(ACTIONS))}."), 400
        try:
            return jsonify(result=action(moodle, **order)), 200
        except (TypeError, ValueError, completion.NotPossible, MoodleError) as error:
            return jsonify(error=str(error)), 400

    return routes


def _outage(moodle: Moodle, *, mode: str | None = None, calls: int | None = None) -> None:
    if mode is not None and mode not in MODES:
        raise ValueError(f"No such outage: {mode}. Use one of: {', '.join(sorted(MODES))}.")
    moodle.switches.outage, moodle.switches.outage_calls = mode, calls


def _switch(
    moodle: Moodle, *, latency: float | None = None, curl_security: bool | None = None
) -> None:
    if latency is not None:
        moodle.switches.latency = latency
    if curl_security is not None:
        moodle.switches.curl_security = curl_security


def _hook(
    moodle: Moodle,
    *,
    url: str | None = None,
    token: str | None = None,
    off: bool = False,
    cut: bool = False,
) -> None:
    """Break the webhook in these ways; without any, mend it."""
    switches = moodle.switches
    switches.hook_url, switches.hook_token = url, token
    switches.hook_off, switches.hook_cut = off, cut


def _report(moodle: Moodle, *, days: int | None = None, audience: bool | None = None) -> None:
    if days is not None:
        moodle.switches.report_days = days
    if audience is not None:
        moodle.switches.audience = audience


def _rights(moodle: Moodle, *, without: list[str], also: list[str] | None = None) -> None:
    moodle.switches.capabilities = (MINIMAL_ROLE - set(without)) | set(also or ())


def _functions(moodle: Moodle, *, without: list[str]) -> None:
    moodle.switches.functions_off = frozenset(without)


def _complete(
    moodle: Moodle, *, course: int, learner: int, by_cron: bool = False, at: int | None = None
) -> dict[str, Any] | None:
    fired = completion.complete(moodle, course, learner, by_cron=by_cron, at=at)
    return asdict(fired) if fired else None


def _unlock(moodle: Moodle, *, course: int) -> list[dict[str, Any]]:
    return [asdict(fired) for fired in completion.unlock(moodle, course)]


def _reset(moodle: Moodle, *, course: int, learner: int) -> None:
    completion.reset(moodle, course, learner)


def _delete(moodle: Moodle, *, learner: int) -> None:
    # As Moodle does it: the address becomes a hash, the number goes, the enrolments go.
    row = moodle.state.one("select email from person where id = ?", learner)
    if row is None:
        raise ValueError(f"There is no learner {learner}.")
    hashed = md5(row["email"].encode(), usedforsecurity=False).hexdigest()
    moodle.state.write(
        "update person set deleted = 1, email = ?, idnumber = '' where id = ?", hashed, learner
    )
    moodle.state.write("delete from enrolment where person = ?", learner)


def _unenrol(moodle: Moodle, *, course: int, learner: int) -> None:
    moodle.state.write("delete from enrolment where course = ? and person = ?", course, learner)


def _suspend(moodle: Moodle, *, course: int, learner: int, suspended: bool = True) -> None:
    moodle.state.write(
        "update enrolment set suspended = ? where course = ? and person = ?",
        *(int(suspended), course, learner),
    )


def _rename(moodle: Moodle, *, learner: int, firstname: str, lastname: str) -> None:
    moodle.state.write(
        "update person set firstname = ?, lastname = ? where id = ?", firstname, lastname, learner
    )


def _assignment(
    moodle: Moodle,
    *,
    assignment: int,
    hidden: bool | None = None,
    locked: bool | None = None,
    workflow: bool | None = None,
    comments: bool | None = None,
) -> None:
    moodle.state.write(
        "update assignment set hidden = ifnull(?, hidden), locked = ifnull(?, locked),"
        " workflow = ifnull(?, workflow), comments = ifnull(?, comments) where id = ?",
        *(hidden, locked, workflow, comments, assignment),
    )


def _enrol(
    moodle: Moodle, *, course: int, firstname: str, lastname: str, email: str, lang: str = "en"
) -> int:
    person = moodle.state.write(
        "insert into person (username, firstname, lastname, email, idnumber, lang, country)"
        " values (?, ?, ?, ?, '', ?, '')",
        *(email, firstname, lastname, email, lang),
    )
    moodle.state.write("insert into enrolment values (?, ?, 'student', 0)", course, person)
    return person


def _course(moodle: Moodle, *, fullname: str, shortname: str) -> int:
    course = moodle.state.write(
        "insert into course (fullname, shortname, idnumber, visible, criteria, modified)"
        " values (?, ?, ?, 1, 1, ?)",
        *(fullname, shortname, f"CRS-{shortname}", moodle.time()),
    )
    moodle.state.write("insert into enrolment values (?, ?, 'editingteacher', 0)", course, TEACHER)
    return course


ACTIONS: dict[str, Action] = {
    "outage": _outage,
    "switch": _switch,
    "hook": _hook,
    "report": _report,
    "rights": _rights,
    "functions": _functions,
    "complete": _complete,
    "unlock": _unlock,
    "reset": _reset,
    "delete": _delete,
    "unenrol": _unenrol,
    "suspend": _suspend,
    "rename": _rename,
    "assignment": _assignment,
    "enrol": _enrol,
    "comment": teacher.comment,
    "override": teacher.override,
    "give_back": teacher.give_back,
    "course_reset": teacher.reset,
    "assignment_anew": teacher.anew,
    "course": _course,
}
