"""Every step of every process dies at every point, once: one certificate, one row, nothing lost.

Each test lets a process die at one point, the first time it comes by, the second time, and so on as
often as it does; after each death another process goes on with what it finds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol, TypeVar
from zlib import crc32

import pytest

from bridge.store import tables
from bridge.store.states import DifferenceState
from tests.faults.lives import KILLED, Life
from tests.faults.points import (
    BRIDGE,
    CARRIED_ON,
    COMMANDS,
    COPIES,
    CORRECTIONS,
    ERASURES,
    EXPORT,
    ONCE,
    PURGE,
    RESTORE,
    RUNTIME,
    SCHEMA,
    UP,
    VAULT,
    alone,
    carried_on,
    held,
    in_source,
    many,
    rejected,
    revoked_at_once,
)
from tests.faults.stage import Stage
from tests.faults.vault_stage import VaultStage


class Mortal(Protocol):
    """A stage on which something lives."""

    def live(self, *, crash: str | None = None) -> Life: ...


S = TypeVar("S", bound=Mortal)
KINDS = ("sqlite", "postgresql")


#: How often each run comes by each point, by the run and the kind of database; asked once.
Passes = dict[tuple[object, str], Counter[str]]


@pytest.fixture(scope="session")
def passes() -> Passes:
    return {}


def deaths(
    new_stage: Callable[[], S], point: str, prepare: Callable[[S], None], passes: Passes, kind: str
) -> Iterator[tuple[S, Life]]:
    """A stage for each time a run comes by a point, and the life that ended there."""
    if (prepare, kind) not in passes:
        undisturbed = new_stage()
        prepare(undisturbed)
        passes[prepare, kind] = Counter(undisturbed.live().points)
    assert passes[prepare, kind][point], f"this run never comes by {point}"
    for number in range(1, passes[prepare, kind][point] + 1):
        stage = new_stage()
        prepare(stage)
        life = stage.live(crash=f"{point}:{number}")
        # What threads do may take one turn less than before.
        assert life.status == KILLED or number > 1, f"did not die at {point}"
        yield stage, life


def on(run: int, point: str) -> Sequence[str]:
    """The databases on which a run dies at a point.

    What a run does is the same on either, so it is one: another for the next run, another for half
    of the points. With VAULTBRIDGE_ALL_POINTS=1, both.
    """
    if os.environ.get("VAULTBRIDGE_ALL_POINTS") == "1":
        return KINDS
    return [KINDS[(run + crc32(point.encode())) % len(KINDS)]]


def ways(runs: Mapping[Callable[[S], None], Sequence[str]]) -> list[Any]:
    """Each run with each point that it comes by, and a database."""
    return [
        pytest.param(run, point, kind, id=f"{kind}-{run.__name__}-{point}")
        for number, (run, points) in enumerate(runs.items())
        for point in points
        for kind in on(number, point)
    ]


def dying(runs: Mapping[Callable[[S], None], Sequence[str]]) -> pytest.MarkDecorator:
    """A test for each of the `ways`."""
    return pytest.mark.parametrize(("run", "point", "kind"), ways(runs), indirect=["kind"])


def everything_is_there_once(stage: Stage) -> None:
    assert [] == stage.left_over()
    assert stage.owed() == stage.issued()
    everyone = len(stage.learners)
    assert {"generated": everyone} == stage.states(tables.issuance)
    assert {"read_back": everyone} == stage.states(tables.write_back)
    references = stage.references()
    assert references == {
        name: references[name] if references[name] in cell else cell
        for name, cell in stage.gradebook().items()
    }
    words = stage.words()
    assert words == {name: word for name, word in words.items() if word in stage.gradebook()[name]}
    assert stage.mails_owed() == stage.mails_by_moodle(), "nobody is mailed twice by the LMS"
    mailed = {mail["Message-ID"]: mail["To"] for mail in stage.mail.mails}
    told = Counter([*stage.mails, *stage.owners])
    assert told == Counter(mailed.values()), "a second one is the same mail"


#: Where a worker is told to end: all on the way of one certificate, and what is bulk's own.
ORDERS = {
    alone: [
        *(f"worker.{name}" for name in ("dequeued", "woken", "worked")),
        *(point for point in BRIDGE[alone] if not point.startswith("receive.")),
    ],
    many: [point for point in BRIDGE[many] if point.startswith("bulk.")],
}


@dying(BRIDGE)
def test_08_after_a_death_of_the_bridge_at_any_point_everything_is_there_once(
    new_stage: Callable[[], Stage],
    run: Callable[[Stage], None],
    point: str,
    passes: Passes,
    kind: str,
) -> None:
    for stage, died in deaths(new_stage, point, run, passes, kind):
        assert len(stage.acked(died)) <= len(stage.rows(tables.delivery)), "a promise is on disk"
        stage.live()

        everything_is_there_once(stage)


@dying(COMMANDS)
def test_after_a_death_of_a_command_at_any_point_the_same_command_brings_it_to_its_end_once(
    new_stage: Callable[[], Stage],
    run: Callable[[Stage], None],
    point: str,
    passes: Passes,
    kind: str,
) -> None:
    for stage, _ in deaths(new_stage, point, run, passes, kind):
        assert 0 == stage.live().last("exit")

        everything_is_there_once(stage)
        assert {1} >= set(stage.by_hand().values())
        assert {1} == set(stage.places().values())
        assert DifferenceState.OPEN not in stage.states(tables.difference)


def test_after_a_death_a_replay_is_gone_on_with(
    new_stage: Callable[[], Stage], passes: Passes, kind: str
) -> None:
    for stage, _ in deaths(new_stage, "replay.set_going", held, passes, kind):
        (begun,) = stage.rows(tables.replay)
        stage.command = ["replay", "--continue", begun.id]
        assert 0 == stage.live().last("exit")

        everything_is_there_once(stage)
        (ended,) = stage.rows(tables.replay)
        assert ("done", 3, 0) == (ended.state, ended.going, ended.unchanged)
        assert [1, 1, 1] == [*stage.by_hand().values()]


@pytest.mark.parametrize("point", CARRIED_ON)
def test_after_a_death_another_worker_goes_on_with_a_replay(
    new_stage: Callable[[], Stage], point: str, passes: Passes, kind: str
) -> None:
    for stage, _ in deaths(new_stage, point, carried_on, passes, kind):
        stage.live()

        everything_is_there_once(stage)
        (ended,) = stage.rows(tables.replay)
        assert ("done", 3, 0) == (ended.state, ended.going, ended.unchanged)
        assert [1, 1, 1] == [*stage.by_hand().values()]


@pytest.mark.parametrize("point", ["release.begun", "release.deciding", "release.decided"])
def test_after_a_death_what_was_to_be_discarded_is_discarded_once_and_nothing_is_issued(
    new_stage: Callable[[], Stage], point: str, passes: Passes, kind: str
) -> None:
    for stage, _ in deaths(new_stage, point, rejected, passes, kind):
        assert 0 == stage.live().last("exit")

        assert [] == stage.left_over()
        assert ({"cancelled": 3}, {"discarded": 3}) == (
            stage.states(tables.issuance),
            stage.states(tables.completion),
        )
        assert (Counter(), Counter()) == (stage.issued(), stage.mails_by_moodle())
        (hold,) = stage.rows(tables.hold)
        assert ("discarded", 3) == (hold.outcome, hold.discarded)
        assert {1} == set(stage.by_hand().values())


@dying(ORDERS)
def test_11_a_worker_told_to_end_at_any_point_ends_its_job_first_and_the_next_goes_on(
    new_stage: Callable[[], Stage], run: Callable[[Stage], None], point: str, redis_url: str
) -> None:
    stage = new_stage()
    run(stage)
    ended = stage.live(crash=f"{point}:1:TERM", redis=redis_url)

    assert 0 == ended.status
    after = ended.points[ended.points.index(point) + 1 :]
    assert "worker.woken" not in after, "it began another job"
    if point not in ("worker.dequeued", "worker.worked"):
        assert "worker.worked" == ended.points[-1], "it ended its job"
    stage.live()
    everything_is_there_once(stage)


@pytest.mark.parametrize("point", ["follow.settling", "follow.settled"])
def test_after_a_death_a_certificate_that_was_revoked_before_anybody_saw_it_is_never_told(
    new_stage: Callable[[], Stage], point: str, passes: Passes, kind: str
) -> None:
    for stage, _ in deaths(new_stage, point, revoked_at_once, passes, kind):
        stage.live()

        assert [] == stage.left_over()
        assert {"cancelled": 1} == stage.states(tables.issuance)
        assert Counter() == stage.mails_by_moodle()


@dying(CORRECTIONS)
def test_after_a_death_of_a_correction_one_certificate_is_valid_and_one_replaced(
    new_stage: Callable[[], Stage],
    run: Callable[[Stage], None],
    point: str,
    passes: Passes,
    kind: str,
) -> None:
    for stage, _ in deaths(new_stage, point, run, passes, kind):
        assert 0 == stage.live().last("exit")

        assert [] == stage.left_over()
        old, new = stage.rows(tables.issuance)
        assert ("generated", "revoked") == (old.state, old.vault_status)
        assert ("generated", "generated", old.id) == (new.state, new.vault_status, new.replaces)
        assert 2 == sum(stage.vault.created.values()), "never issued twice"
        statuses = {uuid: kept.status for uuid, kept in stage.vault.kept.items()}
        assert {old.vault_uuid: "revoked", new.vault_uuid: "generated"} == statuses
        assert new.vault_uuid == stage.vault.revoked[old.vault_uuid][-1][1]
        assert {"done": 1} == stage.states(tables.revocation)
        (cell,) = stage.gradebook().values()
        words = ("Issued", new.reference_id, "Replaced", old.reference_id)
        assert sorted(map(cell.index, words)) == [cell.index(word) for word in words]
        assert stage.mails_owed() == stage.mails_by_moodle(), "nobody is mailed twice by the LMS"
        assert [] == stage.mail.mails, "nor by us of what the LMS mails"


@dying(ERASURES)
def test_after_a_death_of_an_erasure_nothing_is_left_of_the_learner_anywhere(
    new_stage: Callable[[], Stage],
    run: Callable[[Stage], None],
    point: str,
    passes: Passes,
    kind: str,
) -> None:
    for stage, _ in deaths(new_stage, point, run, passes, kind):
        # Once more: whoever erased already is told that nothing is kept.
        stage.live()

        assert [] == stage.left_over()
        assert ({"erased": 1}, {"erased": 1}) == (
            stage.states(tables.issuance),
            stage.states(tables.completion),
        )
        assert ({"done": 1}, {"done": 1}) == (
            stage.states(tables.erasure),
            stage.states(tables.vault_erasure),
        )
        assert ("", "") == (stage.vault.only.name, stage.vault.only.email)
        assert [] == [r for r in stage.rows(tables.delivery) if not r.request.startswith("gone: ")]
        assert ([], []) == (stage.rows(tables.file), stage.rows(tables.write_back))
        assert 1 == sum(stage.vault.created.values()), "never issued again"


@dying(VAULT)
def test_after_a_death_of_the_vault_everything_is_there_once(
    new_vault_stage: Callable[[], VaultStage],
    run: Callable[[VaultStage], None],
    point: str,
    passes: Passes,
    kind: str,
) -> None:
    for stage, died in deaths(new_vault_stage, point, run, passes, kind):
        assert set(stage.accepted(died)) <= set(stage.listed()), "a promise is on disk"
        stage.live()

        titles = [*stage.single, *stage.batch]
        assert dict.fromkeys(titles, "generated") == {
            title: one["status"]["value"] for title, one in stage.listed().items()
        }
        assert [200] * len(titles) == stage.downloads()
        assert len(titles) == stage.mails()
        # A failed one that is tried again is told again.
        times = 2 if stage.retries else 1
        told = {"created": 1, "processing": times, "approved": times, "retried": times - 1}
        assert (
            Counter({(t, event): n for t in titles for event, n in told.items() if n})
            == stage.told()
        ), "each event has one delivery, however often it is sent"


def test_without_a_death_every_point_of_a_run_is_told(new_stage: Callable[[], Stage]) -> None:
    stage = new_stage()
    many(stage)
    life = stage.live()

    assert 0 == life.status
    assert {"receive.stored", "complete.settled"} <= set(life.points)
    assert stage.owed() == stage.issued()


def test_each_point_stands_in_one_place_and_has_its_run() -> None:
    runs = [*BRIDGE.values(), *COMMANDS.values(), *VAULT.values(), *RESTORE.values()]
    runs += [*CORRECTIONS.values(), *ERASURES.values(), CARRIED_ON]
    runs += [COPIES, SCHEMA, UP, RUNTIME, EXPORT, PURGE, ONCE]
    with_a_run = {*chain.from_iterable(runs)}

    assert dict.fromkeys(with_a_run, 1) == in_source()
