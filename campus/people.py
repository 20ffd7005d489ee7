"""Who studies and what is taught at the campus: invented people and courses, the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from campus.state import State

ADMIN, SERVICE_USER, TEACHER = 2, 230, 29
#: What the bridge looks for by default in a course's gradebook.
IDNUMBER = "vaultbridge"
INTRO = "Your certificate reference, status and link appear here as feedback."
OPENED = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp())

WATER_SAFETY, LIFESAVING, FIRST_AID, TEMPLATE, READING_ROOM, REFRESHER = 2, 3, 4, 5, 6, 7


@dataclass(frozen=True, slots=True)
class Person:
    """One account."""

    id: int
    username: str
    firstname: str
    lastname: str
    lang: str
    country: str
    grade: float | None = None  #: the teacher's grade in each course's graded assignment, of 100

    @property
    def email(self) -> str:
        """The address; the teacher's under another domain."""
        return f"{self.username}@{'staff' if self.grade is None else 'students'}.example.test"


#: 120 characters in all, the longest a certificate has to take.
LONG_FIRST = "Wilhelmina Anastasia Rhoshandiatellyneshia Koyaanisquatsiuty"
LONG_LAST = "Featherstonehaugh-Wolfeschlegelsteinhausen-Cholmondeley-Ros"

LEARNERS = (
    Person(3, "mohamed.ali", "محمد", "علي", "ar", "EG", 91.5),
    Person(4, "priya.sharma", "प्रिया", "शर्मा", "hi", "IN", 88),
    Person(5, "somchai.jaidee", "สมชาย", "ใจดี", "th", "TH", 72),
    Person(6, "nguyen.minhkhai", "Nguyễn Thị", "Minh Khai", "vi", "VN", 95),
    Person(7, "sean.oconnor", "Seán", "O'Connor", "en", "IE", 67.25),
    Person(8, "long.name", LONG_FIRST, LONG_LAST, "en", "GB", 80),
    # Moodle prints the given name first, here too.
    Person(9, "wang.wei", "伟", "王", "zh_cn", "CN", 84),
    Person(10, "jose.nunez", "José", "Núñez García", "es", "ES", 77),
    Person(11, "zoe.lefevre", "Zoë", "Lefèvre-Dubois", "fr", "FR", 90),
    Person(12, "emma.johnson", "Emma", "Johnson", "en", "US", 100),
    # What looks like a tag is stripped on output, two spaces stay.
    Person(13, "dangelo.html", 'D\'Angelo & "Sons"', "de <la> Cruz", "it", "IT", 64),
    Person(14, "olga.petrova", "Ольга", "Петрова", "ru", "KZ", 86),
)
STAFF = (
    Person(ADMIN, "admin", "Admin", "User", "en", ""),
    Person(TEACHER, "teacher1", "Tess", "Teacher", "en", ""),
    Person(SERVICE_USER, "certbridge", "Certificate", "Bridge", "en", ""),
)

COURSES = (
    # id, full name, short name, visible, has completion criteria
    (WATER_SAFETY, "Water Safety & Rescue – Basics", "WS101", 1, 1),
    (LIFESAVING, "Lifesaving II", "WS201", 1, 1),
    (FIRST_AID, "First Aid (no place for certificates)", "FA301", 1, 1),
    (TEMPLATE, "Certificate template", "TPL", 0, 0),
    (READING_ROOM, "Reading Room (cannot be completed)", "RR001", 1, 0),
    (REFRESHER, "Lifeguard Refresher (certificate graded by mistake)", "LR401", 1, 1),
)
ASSIGNMENTS = (
    # course, name, idnumber, highest grade: 0 is an assignment without grades
    (WATER_SAFETY, "Certificate", IDNUMBER, 0),
    (WATER_SAFETY, "Practical assessment", "practical-WS101", 100),
    (LIFESAVING, "Certificate", IDNUMBER, 0),
    (LIFESAVING, "Open water test", "openwater-WS201", 100),
    (FIRST_AID, "Resuscitation test", "cpr-FA301", 100),
    (TEMPLATE, "Certificate", IDNUMBER, 0),
    (REFRESHER, "Certificate", IDNUMBER, 100),
)


def populate(state: State) -> None:
    """Fill an empty state; leave one alone that already has people in it."""
    if state.one("select 1 from person") is None:
        _accounts(state)
        _teaching(state)
        _grades(state)


def _accounts(state: State) -> None:
    for person in (*STAFF, *LEARNERS):
        state.write(
            "insert into person (id, username, firstname, lastname, email, idnumber, lang, country)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            person.id,
            person.username,
            person.firstname,
            person.lastname,
            person.email,
            "" if person.grade is None else f"S{1000 + person.id:06}",
            person.lang,
            person.country,
        )


def _teaching(state: State) -> None:
    for course, fullname, shortname, visible, criteria in COURSES:
        state.write(
            "insert into course values (?, ?, ?, ?, ?, ?, ?)",
            *(course, fullname, shortname, f"CRS-{shortname}", visible, criteria, OPENED),
        )
        roles = {} if course == TEMPLATE else {p.id: "student" for p in LEARNERS}
        for person, role in {**roles, TEACHER: "editingteacher"}.items():
            state.write("insert into enrolment values (?, ?, ?, 0)", course, person, role)
    for course, name, idnumber, maximum in ASSIGNMENTS:
        state.write(
            "insert into assignment (course, name, idnumber, intro, maximum, nosubmissions,"
            " comments, workflow, modified) values (?, ?, ?, ?, ?, ?, 1, 0, ?)",
            *(course, name, idnumber, INTRO if maximum == 0 else "", maximum),
            *(int(maximum == 0), OPENED),
        )


def _grades(state: State) -> None:
    for assignment in state.rows("select * from assignment where maximum > 0"):
        for person in LEARNERS:
            comment = "<p>Well swum.</p>" if person.grade and person.grade >= 90 else ""
            state.write(
                "insert into mark (assignment, person, grade, comment, format, created, modified,"
                " grader) values (?, ?, ?, ?, 1, ?, ?, ?)",
                *(assignment["id"], person.id, person.grade, comment, OPENED, OPENED, TEACHER),
            )
            state.write(
                "insert into gradebook values (?, ?, ?, ?, 1, ?)",
                *(assignment["id"], person.id, person.grade, comment, OPENED),
            )
