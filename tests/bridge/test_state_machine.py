"""Whatever happens, in whatever order: each completion is certified once, and nothing steps back.

Hypothesis draws what happens, and shrinks what goes wrong to the shortest story. The bridge is the
real one with a clock that is handed in; beside it a model knows only what was told, and what that
must come to.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bridge import queue
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer
from bridge.pipeline.vault_retry import MOST_VAULT_RETRIES
from bridge.store import tables
from bridge.store.states import IssuanceState
from connectors.base import Temporary
from runtime import crashpoint
from tests.bridge.emptying import empty
from tests.bridge.institution import PDF
from tests.bridge.settling import run_all
from tests.bridge.world import NOON, World
from tests.scripted_lms import ScriptedConnector, ScriptedLms
from tests.scripted_vault import Key, answers, cut, late, lost_reply

BELLS = st.sampled_from(["normalise", "issue", "follow", "write_back"])
LEARNERS = st.sampled_from(["ada", "bob", "eve", "zoe"])
COURSES = st.sampled_from([("42", "Marine Biology"), ("43", "Chemistry")])
#: What may become of a call that changes something at the vault.
MOODS = st.sampled_from(
    [
        lost_reply,
        cut,
        late,
        answers(429, headers={"Retry-After": "30"}),
        answers(500, {"message": "Server Error"}),
        answers(502, "<html>", does_it=True),
    ]
)
CALLS = st.sampled_from(["upload", "upload_file", "bulk"])
#: From a moment to longer than any wait there is, in seconds.
SPANS = st.sampled_from([1, 10, 61, 125, 300, 4000])
#: No vault works on a call for longer than the quiet period.
LONGEST_CALL_S = 100
FORWARDS = [
    IssuanceState.WAITING,
    IssuanceState.READY,
    IssuanceState.SENDING,
    IssuanceState.PROCESSING,
    IssuanceState.GENERATED,
]


class Killed(BaseException):
    """The process is no more."""


class BlankRenderer(Renderer):
    """Every page is the same: here nobody looks at them."""

    def __init__(self) -> None:
        pass

    def render(self, page: Page, *, form: str = "pdf") -> bytes:
        return PDF

    def template(self, name: str) -> Any:
        return "the only one"

    def made_of(self, page: Page) -> dict[str, Any]:
        return {}

    def valid_until(self, page: Page) -> None:
        return None


class Fate(RuleBasedStateMachine):
    """What may happen to a bridge; ``fresh`` makes the world as on the first day."""

    fresh: Callable[[], World]
    bodies = Bundle("bodies")

    @initialize(
        atomic=st.booleans(),
        finds_duplicates=st.booleans(),
        people=st.lists(LEARNERS, min_size=1, max_size=3),
        moods=st.lists(st.tuples(CALLS, MOODS), max_size=4),
    )
    def begin(
        self,
        atomic: bool,
        finds_duplicates: bool,
        people: list[str],
        moods: list[tuple[str, Any]],
    ) -> None:
        self.world = type(self).fresh()
        self.world.vault.atomic = atomic
        self.world.vault.finds_duplicates = finds_duplicates
        self.owed: set[Key] = set()  # the model: of what was told, what it must come to
        self.seen: dict[str, tuple[int, int]] = {}
        self.lives = 1
        self.dawdled = 0
        self.failures = 0
        for call, mood in moods:
            self.upset_the_vault(call, mood)
        for who in people:
            self.complete(who, ("42", "Marine Biology"), at_once=True)

    @rule(target=bodies, who=LEARNERS, course=COURSES, at_once=st.booleans())
    def complete(self, who: str, course: tuple[str, str], at_once: bool) -> tuple[str, Key]:
        """A learner completes a course; the bridge is told at once, or later, or never."""
        number, title = course
        told = {"id": number, "title": title}
        body = self.world.body(who, course=told, completed_at=NOON.isoformat())
        name = f"Certificate of Completion: {title}"
        one = (json.dumps(body), (f"{who}@learners.example", name, "2026-11-23"))
        if at_once:
            self._tell(one, new=False)
        return one

    @rule(one=bodies, new=st.booleans())
    def deliver(self, one: tuple[str, Key], new: bool) -> None:
        """Any one of them, early or late, the first time or again, under its own id or a new."""
        self._tell(one, new=new)

    def _tell(self, one: tuple[str, Key], *, new: bool) -> None:
        body, key = one
        name = None if new else hashlib.sha256(body.encode()).hexdigest()
        response = self.world.post(body.encode(), delivery=name)
        assert response.status_code in (200, 202)
        self.owed.add(key)

    def has_rung(self) -> bool:
        return bool(self.world.rung)

    @precondition(has_rung)
    @rule()
    def answer_a_bell(self) -> None:
        queue.answer(self.world.bridge, self.world.rung.pop(0))

    @rule(bell=BELLS)
    def ring_twice(self, bell: str) -> None:
        self.world.rung += [bell, bell]

    @precondition(has_rung)
    @rule()
    def flush(self) -> None:
        """Redis loses every bell."""
        self.world.rung.clear()

    @rule()
    def sweep(self) -> None:
        self.world.rung += queue.due_bells(self.world.bridge)

    @rule(seconds=SPANS)
    def work(self, seconds: int) -> None:
        """Workers do what is due; then time passes."""
        run_all(self.world.bridge)
        self.pass_time(seconds)

    @rule(nth=st.integers(1, 20))
    def kill(self, nth: int) -> None:
        """Workers die at the so-manieth point that they come by; others take their place."""
        self.killed(lambda: run_all(self.world.bridge), nth)

    def killed(self, work: Callable[[], object], nth: int) -> None:
        """Do something, unless it dies at the so-manieth point that it comes by."""
        left = nth

        def reached(_name: str) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                raise Killed

        crashpoint.watch(reached)
        try:
            work()
        except Killed:
            self.lives += 1
            successor = f"worker-{self.lives}"
            self.world.bridge = replace(self.world.bridge, owner=successor)
        finally:
            crashpoint.watch(None)

    @rule(call=CALLS, mood=MOODS)
    def upset_the_vault(self, call: str, mood: Any) -> None:
        self.world.vault.then(call, mood)

    @precondition(lambda self: self.failures < MOST_VAULT_RETRIES)
    @rule()
    def fail_a_certificate(self) -> None:
        self.failures += 1  # of one that fails more often nobody asks any more
        self.world.vault.outcomes.append("failed")

    @rule()
    def upset_the_lms(self) -> None:
        self.world.lms.writing.append(Temporary("It is down."))

    def pass_time(self, seconds: int) -> None:
        self.dawdled += seconds if self.world.vault._late else 0
        if self.dawdled > LONGEST_CALL_S:
            self.world.vault.catch_up()
            self.dawdled = 0
        self.world.vault.finish()
        self.world.later(seconds=seconds)

    @invariant()
    def nothing_is_made_twice(self) -> None:
        assert set() == {key for key, count in self.world.vault.created.items() if count > 1}
        assert self.world.vault.created.keys() <= self.owed, "nobody was told of it"

    @invariant()
    def nothing_steps_back(self) -> None:
        for row in self.world.rows(tables.issuance):
            now = (FORWARDS.index(IssuanceState(row.state)), row.fence)
            before = self.seen.get(row.id, (0, 0))
            assert before[0] <= now[0], f"from {FORWARDS[before[0]]} to {row.state}"
            assert before[1] <= now[1], "a fence went down"
            self.seen[row.id] = now

    def teardown(self) -> None:
        """All is well again: what was told comes to what it must, by itself."""
        world = self.world
        world.vault.script.clear()
        world.vault.outcomes.clear()
        world.lms.writing.clear()
        world.vault.catch_up()
        world.settle(hours=30)

        assert dict.fromkeys(self.owed, 1) == world.vault.created
        assert Counter({"generated": len(self.owed)}) == Counter(world.states())
        assert Counter({"read_back": len(self.owed)}) == Counter(world.states(tables.write_back))
        told = "".join(world.lms.gradebook.values())
        assert set() == {k.reference_id for k in world.vault.kept.values()} - set(_named(told))


def _named(text: str) -> Iterator[str]:
    """The reference ids in what the gradebook says."""
    return (part for part in text.replace("<", " ").split() if part.startswith("VEC-IC-"))


def run(machine: type[Fate], world: World, *, examples: int) -> None:
    """Let a machine's fates happen, each in the world as on its first day."""
    vault = world.vault
    world.bridge = replace(world.bridge, renderer=BlankRenderer())

    def fresh() -> World:
        empty(world.bridge.database)
        world.clock.moment = NOON
        world.rung.clear()
        world.set_up()
        for kept in (vault.kept, vault.files, vault.created, vault.script, vault.outcomes):
            kept.clear()
        vault.catch_up()
        world.lms = ScriptedConnector.lms = ScriptedLms()
        return world

    machine.fresh = staticmethod(fresh)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=examples,
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("kind", ["sqlite"])
def test_whatever_happens_in_whatever_order_each_completion_is_certified_once(
    world: World,
) -> None:
    run(Fate, world, examples=30)
