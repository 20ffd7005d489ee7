"""Who and what: users and courses, read many at a time and made plain."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from connectors.base import Course, Learner
from connectors.moodle.client import MoodleClient, batches
from connectors.moodle.errors import Kind, Refusal
from connectors.moodle.settings import MoodleSettings
from connectors.wild import Wild

#: Moodle's language codes: a language, perhaps a script or a region, perhaps a flavour.
_LANGUAGE = re.compile(
    r"([a-z]{2,3})(?:_(latn|cyrl|arab|hans|hant|tfng|[a-z]{2}))?(?:_[a-z0-9_]+)?"
)
#: Its codes for Serbian look like regions and are scripts.
_SCRIPTS: Mapping[str, str] = {"sr_lt": "sr_latn", "sr_cr": "sr_cyrl"}


def users(
    client: MoodleClient, settings: MoodleSettings, ids: Iterable[str]
) -> Mapping[str, Learner]:
    """The users that Moodle shows, by id. An unknown or invisible one is simply left out."""
    wanted = sorted(set(ids), key=int)
    found = {}
    for batch in batches(wanted):
        for user in client.call("core_user_get_users_by_field", field="id", values=batch).items():
            found[user["id"].identifier()] = _learner(user, settings)
    return found


def courses(client: MoodleClient, ids: Iterable[str]) -> Mapping[str, Course]:
    """The courses that Moodle shows, by id. An unknown or invisible one is simply left out."""
    wanted = sorted(set(ids), key=int)
    found: dict[str, Course] = {}
    for batch in batches(wanted):
        found |= _together(client, batch) if len(batch) > 1 else _one(client, batch[0])
    return found


def participants(
    client: MoodleClient, course_id: str, *, limit: int, after: int = 0
) -> Sequence[str]:
    """The ids of some participants, lowest first, ``after`` so many others.

    Without moodle/user:viewdetails most are silently missing.
    """
    options = {
        "userfields": "fullname",  # a fifth of the bytes
        "limitfrom": str(after),
        "limitnumber": str(limit),
        "sortby": "id",
        "sortdirection": "ASC",
    }
    answer = client.call(
        "core_enrol_get_enrolled_users",
        courseid=course_id,
        options=[{"name": name, "value": value} for name, value in options.items()],
    )
    return [user["id"].identifier() for user in answer.items()]


def how_many(client: MoodleClient, course_id: str, *, enough: int) -> int:
    """How many participants there are, or ``enough``, which is one small call.

    Moodle tells no number: a smaller one is found by halving, ten calls for a thousand.
    """

    def are_fewer(number: int) -> bool:
        return not participants(client, course_id, after=number - 1, limit=1)

    if not are_fewer(enough):
        return enough
    return bisect_left(range(1, enough), True, key=are_fewer)


def _together(client: MoodleClient, ids: Iterable[str]) -> dict[str, Course]:
    # ``ids`` (Moodle 3.2 and up) fails as a whole where one course is gone, in some versions
    # (core_external\util::validate_courses); ``id`` never does (observed), but is a call each.
    try:
        return _asked(client, "ids", ",".join(ids))
    except Refusal as refusal:
        if refusal.kind is Kind.SITE:
            raise
    return {key: course for one in ids for key, course in _one(client, one).items()}


def _one(client: MoodleClient, course_id: str) -> dict[str, Course]:
    return _asked(client, "id", course_id)


def _asked(client: MoodleClient, field: str, value: str) -> dict[str, Course]:
    answer = client.call("core_course_get_courses_by_field", field=field, value=value)
    found = (_course(course) for course in answer["courses"].items())
    return {course.id: course for course in found}


def _course(given: Wild) -> Course:
    return Course(
        id=given["id"].identifier(),
        code=_unescaped(given, "shortname"),
        title=_unescaped(given, "fullname"),
        category=_unescaped(given, "categoryname"),
        language=bcp47(_text(given, "lang")),
    )


def _learner(given: Wild, settings: MoodleSettings) -> Learner:
    custom = _custom(given)
    email = _text(given, "email")
    return Learner(
        id=given["id"].identifier(),
        full_name=_text(given, "fullname"),
        given_name=_text(given, "firstname"),
        family_name=_text(given, "lastname"),
        preferred_name=_held(custom, settings.preferred_name_field),
        legal_name=_held(custom, settings.legal_name_field),
        # A deleted account has an MD5 sum in this place.
        email=email if email and "@" in email else None,
        id_number=_text(given, "idnumber"),
        language=bcp47(_text(given, "lang")),
        country=_text(given, "country"),
        custom=custom,
    )


def _held(custom: Mapping[str, str], field: str | None) -> str | None:
    return None if field is None else custom.get(field)


def _custom(given: Wild) -> Mapping[str, str]:
    fields = given.get("customfields")
    if fields is None:
        return {}
    named = ((f["shortname"].text(), _text(f, "value")) for f in fields.items())
    return {name: value for name, value in named if value is not None}


def _text(given: Wild, name: str) -> str | None:
    """A text as it stands: user names come unescaped."""
    member = given.get(name)
    if member is None or member.value == "":
        return None
    return member.text()


def _unescaped(given: Wild, name: str) -> str | None:
    """A text as people read it: names of courses come HTML-escaped."""
    text = _text(given, name)
    return html.unescape(text) if text is not None else None


def bcp47(code: str | None) -> str | None:
    """Moodle's language code as BCP 47: ``pt_br`` is pt-BR, ``en_us_k12`` en-US; None for none."""
    given = (code or "").casefold()
    match = _LANGUAGE.fullmatch(_SCRIPTS.get(given, given))
    if match is None:
        return None
    language, rest = match.groups()
    if rest is None:
        return language
    return f"{language}-{rest.title() if len(rest) == 4 else rest.upper()}"
