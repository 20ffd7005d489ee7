"""What a site needs of its Moodle, tried one by one: there, or missing and where to grant it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from connectors.base import ConnectorError, Finding, Learner, Malformed, Permanent
from connectors.moodle import certificates, completions, directory, staff
from connectors.moodle.client import MoodleClient
from connectors.moodle.deliveries import same_site
from connectors.moodle.enrichment import STATUS
from connectors.moodle.errors import Kind, Refusal, grant
from connectors.moodle.gradeitems import grade_items
from connectors.moodle.settings import MoodleSettings
from connectors.wild import Wild

#: The functions that the external service must hold; the README lists the same.
FUNCTIONS = (
    "core_webservice_get_site_info",
    "core_user_get_users_by_field",
    "core_course_get_courses_by_field",
    "core_enrol_get_enrolled_users",
    "core_completion_get_course_completion_status",
    "gradereport_user_get_grade_items",
    "mod_assign_get_assignments",
    "mod_assign_save_grades",
)
IMPORT = "core_course_import_course"
#: Where no course is named to try things in, the first of these that has participants is taken.
#: Course 1 is Moodle's front page.
_LIKELY_COURSES = tuple(str(number) for number in range(2, 13))
_PARTICIPANTS = 20
_PERMISSIONS = "permissions in a course"
#: By default: nobody need grant more than certificates take.
_STAFF_UNKNOWN = Finding(
    name="staff of courses: not asked for",
    ok=True,
    note="A teacher who completes a course is issued a certificate like everyone else. To have a "
    f"person look first, allow {staff.REVIEW} in the role of the service user and set knows_staff "
    "to yes.",
)
_USER_POLICIES = "Site administration → Users → Permissions → User policies → Show user identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """The course in which permissions are tried, and some of its participants."""

    course_id: str
    learner_ids: Sequence[str]


def check(client: MoodleClient, settings: MoodleSettings) -> Iterator[Finding]:
    """As Connector.check. Writes nothing, so whether grading is allowed shows only when used."""
    try:
        info = client.call("core_webservice_get_site_info")
        own_address = info["siteurl"].text()
        offered = {function["name"].text() for function in info["functions"].items()}
    except ConnectorError as error:
        yield _missing("Moodle answers with this token", error)
        return
    yield Finding(name="Moodle answers with this token", ok=True)
    yield _address(own_address, settings)
    yield from _functions(offered, settings)
    yield from _permissions(client, settings)
    if not settings.knows_staff:
        yield _STAFF_UNKNOWN
    if settings.template_course_id is not None:
        yield _tried("template course", lambda: _see_template(client, settings))
    if settings.completions_report_id is not None:
        yield _report(client, settings.completions_report_id)
    if settings.customcert_name is not None:
        yield _tried("custom certificates", lambda: certificates.look(client))


def _address(own_address: str, settings: MoodleSettings) -> Finding:
    name = "base_url is this Moodle's own address"
    if same_site(own_address, settings.base_url):
        return Finding(name=name, ok=True)
    return Finding(
        name=name,
        ok=False,
        problem=f"Moodle calls itself {own_address}, the settings call it {settings.base_url}: "
        "its deliveries would be quarantined.",
        remedy=f"Set base_url to {own_address}, if that is the Moodle you mean.",
    )


def _functions(offered: set[str], settings: MoodleSettings) -> Iterator[Finding]:
    for function in _needed(settings):
        if function in offered:
            yield Finding(name=f"function {function}", ok=True)
        else:
            yield Finding(
                name=f"function {function}",
                ok=False,
                problem="The external service does not hold it.",
                remedy="Add it: Site administration → Server → Web services → External services "
                "→ Functions.",
            )


def _needed(settings: MoodleSettings) -> Iterator[str]:
    yield from FUNCTIONS
    if settings.template_course_id is not None:
        yield IMPORT
    if settings.completions_report_id is not None:
        yield completions.REPORT
    if settings.customcert_name is not None:
        yield from (certificates.CONTENTS, certificates.ISSUES)


def _report(client: MoodleClient, report_id: str) -> Finding:
    try:
        reach = completions.look(client, report_id)
    except ConnectorError as error:
        return _missing("report of completions", error)
    return Finding(name=f"report of completions {reach}", ok=True)


def _permissions(client: MoodleClient, settings: MoodleSettings) -> Iterator[Finding]:
    try:
        trial = _trial(client, settings)
    except ConnectorError as error:
        yield _missing(_PERMISSIONS, error)
        return
    if trial is None:
        yield Finding(
            name=_PERMISSIONS,
            ok=False,
            problem="No course was found with participants in it, so they were not tried.",
            remedy="Set check_course_id to the number of a course with learners in it; if it has "
            f"some: {grant('moodle/user:viewdetails')}",
        )
        return
    yield Finding(name=_PERMISSIONS, ok=True)
    yield from _identities(client, settings, trial)
    yield _tried("completion status", lambda: _see_status(client, trial))
    yield _tried("grades", lambda: grade_items(client, trial.course_id, trial.learner_ids[0]))
    yield _tried("assignments", lambda: _see_assignments(client, trial))
    if settings.knows_staff:
        yield _tried("staff of courses", lambda: staff.roles(client, trial.course_id))


def _trial(client: MoodleClient, settings: MoodleSettings) -> _Trial | None:
    if settings.check_course_id is not None:
        learners = directory.participants(client, settings.check_course_id, limit=_PARTICIPANTS)
        return (
            _Trial(course_id=settings.check_course_id, learner_ids=learners) if learners else None
        )
    denied: Refusal | None = None
    for course_id in _LIKELY_COURSES:
        try:
            learners = directory.participants(client, course_id, limit=_PARTICIPANTS)
        except Refusal as refusal:
            if refusal.kind is Kind.SITE:
                raise
            denied = refusal if refusal.kind is Kind.CAPABILITY else denied
            continue
        if learners:
            return _Trial(course_id=course_id, learner_ids=learners)
    if denied is not None:
        raise denied
    return None


def _identities(client: MoodleClient, settings: MoodleSettings, trial: _Trial) -> Iterator[Finding]:
    try:
        shown = list(directory.users(client, settings, trial.learner_ids).values())
    except ConnectorError as error:
        yield _missing("users", error)
        return
    yield _shown("users", shown, lambda _: True, grant("moodle/user:viewdetails"))
    identity = f"{grant('moodle/site:viewuseridentity')} And tick it in {_USER_POLICIES}."
    yield _shown("e-mail addresses of users", shown, lambda user: bool(user.email), identity)
    yield _shown(
        "ID numbers of users",
        shown,
        lambda user: bool(user.id_number),
        f"{identity} Needed only if a mapping uses learner.id_number.",
    )


def _shown(
    name: str, users: Sequence[Learner], has: Callable[[Learner], bool], remedy: str
) -> Finding:
    if any(has(user) for user in users):
        return Finding(name=name, ok=True)
    problem = f"Of {len(users)} users that Moodle showed, none shows this."
    return Finding(name=name, ok=False, problem=problem, remedy=remedy)


def _see_status(client: MoodleClient, trial: _Trial) -> None:
    try:
        client.call(STATUS, courseid=trial.course_id, userid=trial.learner_ids[0])
    except Refusal as refusal:
        if refusal.kind is not Kind.ONE:  # a teacher among the participants is none of our trouble
            raise


def _see_assignments(client: MoodleClient, trial: _Trial) -> Wild:
    answer = client.call(
        "mod_assign_get_assignments", courseids=[trial.course_id], includenotenrolledcourses=True
    )
    warnings = [warning["message"].text() for warning in answer["warnings"].items()]
    if warnings:
        raise Permanent(
            f"Moodle showed no assignments of course {trial.course_id}: {warnings[0]}",
            remedy=grant("moodle/course:view", "mod/assign:view"),
        )
    return answer


def _see_template(client: MoodleClient, settings: MoodleSettings) -> None:
    template = settings.template_course_id or ""
    if template not in directory.courses(client, [template]):
        raise Permanent(
            f"Moodle does not show course {template}.",
            remedy=f"Correct template_course_id, or: {grant('moodle/course:viewhiddencourses')}",
        )


def _tried(name: str, probe: Callable[[], object]) -> Finding:
    try:
        probe()
    except ConnectorError as error:
        return _missing(name, error)
    return Finding(name=name, ok=True)


def _missing(name: str, error: ConnectorError) -> Finding:
    if isinstance(error, Permanent):
        return Finding(name=name, ok=False, problem=error.problem, remedy=error.remedy)
    remedy = (
        "This is no answer that a Moodle gives. Check base_url; if it is right, report it."
        if isinstance(error, Malformed)
        else "Try again in some minutes; if it stays so, see that Moodle and its network are up."
    )
    return Finding(name=name, ok=False, problem=str(error), remedy=remedy)
