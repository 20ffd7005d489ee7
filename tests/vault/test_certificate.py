"""What makes a certificate unique, and its reference id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from vault.certificate import DISPLAY, REFERENCE_ID, Entry, Status, natural_key, new_reference_id

ENTRY = Entry(
    certificate_title="Diplôme",
    full_name="John Smith",
    applicant_email="John@Example.com",
    issue_date=date(2025, 6, 1),
    details=None,
)


@pytest.mark.parametrize(
    "change",
    [
        {"applicant_email": "john@example.com"},
        {"certificate_title": "Diplo\u0302me"},
        {"full_name": "Jane", "details": "Other"},
    ],
)
def test_the_key_is_the_same(change: dict[str, str]) -> None:
    assert natural_key(1, ENTRY) == natural_key(1, replace(ENTRY, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"applicant_email": "jon@example.com"},
        {"certificate_title": "diplôme"},
        {"issue_date": None},
        {"issue_date": date(2025, 6, 2)},
    ],
)
def test_the_key_is_another(change: dict[str, object]) -> None:
    assert natural_key(1, ENTRY) != natural_key(1, replace(ENTRY, **change))


def test_the_key_is_another_at_another_institution() -> None:
    assert natural_key(1, ENTRY) != natural_key(2, ENTRY)


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    one = replace(ENTRY, applicant_email="a@b.c", certificate_title='X","Y')
    other = replace(ENTRY, applicant_email='a@b.c","x', certificate_title="Y")

    assert natural_key(1, one) != natural_key(1, other)


def test_a_reference_id_is_the_year_and_thirteen_random_hex_digits() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)

    assert "VEC-IC-202567DAE48425BAD" == new_reference_id(now, lambda bits: 0x67DAE48425BAD)
    assert "VEC-IC-20250000000000000" == new_reference_id(now, lambda bits: 0)
    assert "VEC-IC-2025FFFFFFFFFFFFF" == new_reference_id(now, lambda bits: 2**bits - 1)
    assert re.fullmatch(REFERENCE_ID, new_reference_id(now))


def test_every_status_can_be_shown() -> None:
    assert set(Status) == set(DISPLAY)
