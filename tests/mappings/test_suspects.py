"""Completions that a person looks at first: test accounts, staff, and what is long past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mappings.document import load
from mappings.model import Hold
from mappings.suspects import suspicion
from tests.mappings.samples import AMINA, DOCUMENT

HOLD = load(DOCUMENT).hold
COMPLETED = datetime.fromisoformat("2026-05-17T21:30+00:00")
SOON = COMPLETED + timedelta(days=1)


def why(
    hold: Hold = HOLD, *, now: datetime = SOON, email: str | None = None, **changes: Any
) -> str:
    """The word by which the sample completion is held; empty if it goes on."""
    learner = replace(AMINA.learner, email=email or AMINA.learner.email)
    told = suspicion(hold, replace(AMINA, learner=learner, **changes), now=now)
    return told.code if told is not None else ""


def ruled(rules: str) -> Hold:
    return load(f"{DOCUMENT}hold: {rules}\n").hold


def test_an_everyday_completion_goes_on() -> None:
    assert "" == why()


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("test@example.edu", "test_account"),
        ("TestUser7@example.edu", "test_account"),
        ("amina+test@example.edu", "test_account"),
        ("demo@example.edu", "test_account"),
        ("testa@example.edu", ""),
        ("contest@example.edu", ""),
        ("demosthenes@example.edu", ""),
    ],
)
def test_accounts_for_testing_are_known_by_their_address(email: str, expected: str) -> None:
    assert expected == why(email=email)


def test_accounts_are_named_by_address_or_id() -> None:
    assert ["test_account", "test_account", ""] == [
        why(ruled("{accounts: s-2*}")),
        why(ruled("{accounts: '1207'}")),
        why(ruled("{accounts: none}"), email="test@example.edu"),
    ]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("student", ""),
        (None, ""),
        ("editingteacher", "staff"),
        ("Manager", "staff"),
        ("student, teacher", "staff"),
    ],
)
def test_who_runs_the_course_is_known_by_the_role(role: str | None, expected: str) -> None:
    assert expected == why(role=role)


def test_roles_are_a_list_of_the_mappings_own() -> None:
    assert ("staff", "") == (
        why(ruled("{roles: [stud*]}")),
        why(ruled("{roles: none}"), role="teacher"),
    )


@pytest.mark.parametrize(
    ("rules", "days", "expected"),
    [
        ("{}", 90, ""),
        ("{}", 91, "too_old"),
        ("{older_than: 5 days}", 5, ""),
        ("{older_than: 5 days}", 6, "too_old"),
        ("{older_than: none}", 9000, ""),
    ],
)
def test_what_is_long_past_is_looked_at(rules: str, days: int, expected: str) -> None:
    assert expected == why(ruled(rules), now=COMPLETED + timedelta(days=days))


def test_without_a_time_of_its_own_it_is_as_old_as_what_told_of_it() -> None:
    noticed = COMPLETED - timedelta(days=100)

    assert "too_old" == why(completed_at=None, noticed_at=noticed)
