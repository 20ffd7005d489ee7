"""An LMS whose list of completions is hours off, and which knows who everybody is if asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.base import Completion, Course, Learner, Problem
from tests.bridge.world import World


def rough(who: str, moment: datetime, course: str = "42") -> Completion:
    """A completion as a cheap list tells it."""
    return Completion(
        course=Course(id=course), learner=Learner(id=who), noticed_at=moment.replace(second=0)
    )


def whole(world: World, found: Completion) -> Completion | Problem:
    known = world.lms.known(found)
    if isinstance(known, Problem):
        return known
    who = found.learner.id
    learner = Learner(id=who, full_name=f"{who.title()} L", email=f"{who}@learners.example")
    return replace(known, learner=learner, course=Course(id="42", title="Marine Biology"))


def complete(
    world: World, who: str, moment: datetime, *, off: timedelta = timedelta(hours=4)
) -> None:
    """Complete a course in the LMS, whose list tells the time of another zone."""
    world.lms.true_times[who] = moment
    world.lms.listed.append(rough(who, moment + off))
