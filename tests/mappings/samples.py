"""The completion and the document that the tests of mappings/ vary."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import Completion, Course, Grade, Learner
from mappings.document import Mapping, load

#: The completion of the tables in docs/mappings.md.
AMINA = Completion(
    course=Course(
        id="42",
        code="BIO-101",
        title="Introduction to Biology",
        category="Life sciences",
        language="ar",
    ),
    learner=Learner(
        id="1207",
        full_name="Amina Al Hashimi",
        given_name="Amina",
        family_name="Al Hashimi",
        preferred_name="Mina Al Hashimi",
        legal_name="Amina Saeed Al Hashimi",
        email="amina@example.edu",
        id_number="S-20417",
        language="en",
        country="AE",
        custom={"department": "Cardiology", "Student No": "7"},
    ),
    grade=Grade(percent=Decimal("87.50000"), points=Decimal(35), maximum=Decimal(40), text="B+"),
    completed_at=datetime(2026, 5, 17, 21, 30, tzinfo=UTC),
    noticed_at=datetime(2026, 5, 17, 21, 31, tzinfo=UTC),
    role="student",
    cohorts=("nurses-2026", "night-shift"),
    enrolled=120,
    extra={
        "score": 60.1,
        "levels": ["a", "b"],
        "deep": {"er": None},
        "ok": True,
        "half": "a\ud800b",
    },
)

DOCUMENT = """\
mapping: 1
name: course-completion
issuer: main
site: moodle-main
match:
  course: "BIO-*"
entry:
  certificate_title: "{{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
"""


def learner(**changes: Any) -> Completion:
    """Amina's completion with another learner."""
    return replace(AMINA, learner=replace(AMINA.learner, **changes))


def course(**changes: Any) -> Completion:
    """Amina's completion of another course."""
    return replace(AMINA, course=replace(AMINA.course, **changes))


def mapping(*changes: tuple[str, str]) -> Mapping:
    """The document's mapping, with some of its texts replaced."""
    return load(document(*changes))


def document(*changes: tuple[str, str]) -> str:
    """The document with some of its texts replaced; each must stand in it."""
    text = DOCUMENT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text
