"""Completions that may be right, and that a person looks at before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.base import Completion
from mappings.globs import matches
from mappings.model import Hold
from mappings.rounds import moment

#: What is completed earlier is held; a document may say otherwise.
OLDER_THAN = timedelta(days=90)
#: Roles of those who run a course, as LMSs call them.
STAFF = ("teacher", "editingteacher", "manager", "coursecreator", "instructor")
#: Globs on the address or the id of an account that nobody learns with.
TEST_ACCOUNTS = (
    "test@*",
    "tester@*",
    "testuser*@*",
    "test.user*@*",
    "teststudent*@*",
    "test.student*@*",
    "testlearner*@*",
    "demo@*",
    "demouser*@*",
    "demostudent*@*",
    "*+test@*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Why it is looked at first: a word to group by, and a sentence true for all of the group."""

    code: str
    problem: str


def suspicion(hold: Hold, completion: Completion, *, now: datetime) -> Suspicion | None:
    """Why a completion is looked at first; None if it need not be."""
    learner = completion.learner
    if _any(hold.accounts, (learner.email, learner.id, learner.id_number)):
        return Suspicion(code="test_account", problem="These accounts look as if made for testing.")
    roles = (role.strip() for role in (completion.role or "").split(","))
    if _any(hold.roles, roles):
        return Suspicion(code="staff", problem="These learners are staff in the course.")
    if hold.older_than is not None and moment(completion) < now - hold.older_than:
        days = hold.older_than.days
        return Suspicion(code="too_old", problem=f"These were completed over {days} days ago.")
    return None


def _any(globs: Iterable[str], names: Iterable[str | None]) -> bool:
    given = [name for name in names if name]
    return any(matches(glob, name) for glob in globs for name in given)
