"""Beyond the twenty: of two issuers one has a vault that never answers, and the other goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from bridge import queue
from bridge.pipeline import side_by_side
from bridge.store import tables
from runtime.http import Client
from tests.bridge.world import World, key
from tests.faults.proxy import BlackHole, FaultProxy, Kind, drip
from tests.polling import PATIENCE_S, eventually
from tests.scripted_vault import ScriptedVault

COURSE = "CHEM"
HANGS = [
    pytest.param(BlackHole, id="black hole"),
    pytest.param(drip(1, every=1.0), id="drip"),
]


@dataclass(frozen=True, kw_only=True)
class Second:
    """Another issuer's vault, and the way to it."""

    vault: ScriptedVault
    link: FaultProxy

    def wake(self) -> None:
        """Let those go who are kept waiting, and let everything pass."""
        self.link.heal()
        self.link.cut()


@pytest.fixture
def second(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Second]:
    """No call ends by itself while a test is patient."""
    monkeypatch.setattr(side_by_side, "SLICE_S", 0.05)
    monkeypatch.setattr(side_by_side, "LOOK_S", 0.05)
    vault = ScriptedVault(world.clock.now)
    vault.finishes_when_told = True
    link = FaultProxy(f"127.0.0.1:{vault.port}")
    with ExitStack() as stack:
        stack.callback(vault.stop)
        stack.enter_context(link.running())
        patient = timedelta(seconds=2 * PATIENCE_S)
        http = stack.enter_context(Client(allowed=["127.0.0.1"], deadline=patient))
        world.bridge = replace(world.bridge, vault_http=http)
        stack.callback(world.bridge.close)
        stack.callback(link.cut)
        world.add_issuer("second", at=link)
        world.add_mapping(
            ("course-completion", "another"),
            ("issuer: main", "issuer: second"),
            ('match: {course: "*"}', f'match: {{course: "{COURSE}"}}\npriority: 5'),
        )
        yield Second(vault=vault, link=link)


def complete_at_second(world: World, who: str) -> None:
    world.complete(who, course={"code": COURSE})
    world.run("normalise")


def answer_until(world: World, bell: str, look: Callable[[], bool]) -> None:
    """Answer a bell again and again, as its worker does, until it has come to that."""

    def answered() -> bool:
        queue.answer(world.bridge, bell)
        return look()

    eventually(answered)


def state(world: World, who: str) -> str:
    return next(str(r.state) for r in world.rows(tables.issuance) if r.learner_id == who)


def holders(world: World) -> dict[str, str | None]:
    """Who works for whom."""
    return {row.learner_id: row.lease_owner for row in world.rows(tables.issuance)}


def certify(world: World, who: str) -> None:
    """From the completion to the certificate, at the vault that answers."""
    world.complete(who)
    world.run("normalise")
    answer_until(world, "issue", lambda: state(world, who) == "processing")
    world.vault.finish()
    world.later(seconds=10)
    answer_until(world, "follow", lambda: state(world, who) == "generated")


def each_once(world: World, second: Second) -> None:
    world.settle()
    assert {"generated"} == set(world.states())
    assert {key("ada"): 1, key("eve"): 1} == world.vault.created
    assert {key("bob"): 1} == second.vault.created


@pytest.mark.parametrize("hangs", HANGS)
def test_extra_a_vault_that_never_answers_an_upload_holds_up_no_other_issuer(
    world: World, second: Second, hangs: Kind
) -> None:
    second.link.behave(hangs)
    complete_at_second(world, "bob")
    answer_until(world, "issue", lambda: world.attempts() == [("upload", None)])
    for who in ("ada", "eve"):
        certify(world, who)

    uploads = [("upload", None), ("upload", "done"), ("upload", "done")]
    assert uploads == world.attempts(), "bob's is still on its way"
    second.wake()
    each_once(world, second)


@pytest.mark.parametrize("hangs", HANGS)
def test_extra_a_vault_that_never_tells_of_its_certificates_holds_up_no_other_issuer(
    world: World, second: Second, hangs: Kind
) -> None:
    complete_at_second(world, "bob")
    world.run("issue")
    second.link.behave(hangs)
    world.later(seconds=10)
    answer_until(world, "follow", lambda: holders(world) == {"bob": world.bridge.owner})
    for who in ("ada", "eve"):
        certify(world, who)

    asking = {"ada": None, "bob": world.bridge.owner, "eve": None}
    assert asking == holders(world), "bob's is still being asked about"
    second.wake()
    each_once(world, second)
