"""Processing: every upload ends, once, whatever happens to its worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import sqlalchemy as sa

from runtime.child import NotStarted
from runtime.database import Database
from tests.haste import hasty
from tests.vault import bombs, samples
from tests.vault.world import World, upload
from vault import bells, wiring
from vault.certificate import Entry
from vault.discarding import discard
from vault.files import Files, Kept
from vault.intake import Upload
from vault.kinds import UNBEARABLE, FileKind
from vault.outcomes import BACKOFF, Done
from vault.processing import BATCH, ENOUGH, MOST_TRIES, NEVER_ENDED, SLICE_S, Batch, Processing
from vault.sandbox import Sandbox, Strip
from vault.signing import SigningKeys
from vault.steps import due_bells
from vault.store.tables import certificate, chore, file

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
Made = TypeVar("Made", bound=Processing)
LEASE = timedelta(seconds=20)


class Clock:
    """A clock that tests move; databases by it are closed with the test."""

    def __init__(self) -> None:
        self.now = NOW
        self.databases: list[Database] = []

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by

    def database(self, url: str) -> Database:
        """A database by this clock."""
        self.databases.append(hasty(Database(url, now=self)))
        return self.databases[-1]


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    yield made
    for database in made.databases:
        database.close()


def worker(world: World, clock: Clock, *, of: type[Made] = Processing, **options: object) -> Made:
    """A worker on the world's database by the tests' clock."""
    database = clock.database(world.vault.settings.database_url)
    parts = {
        "database": database,
        "files": world.vault.files,
        "addresses": world.vault.addresses,
        "sandbox": world.vault.sandbox,
        "sealer": world.vault.sealer,
        "signing_keys": SigningKeys(database, lambda: wiring.keys(world.vault.settings)),
        "lease": LEASE,
        "monotonic": lambda: 0.0,  # however busy the machine is: no batch is cut short
    }
    return of(**{**parts, **options})  # type: ignore[arg-type]


def one_batch() -> Callable[[], float]:
    """A clock by which the slice is over after the first batch."""
    return chain([0.0], repeat(SLICE_S)).__next__


def enter(client: httpx.Client, world: World, count: int = 1) -> list[str]:
    """Upload so many certificates, due at the tests' clock; return their uuids."""
    uuids = [
        upload(client, certificate_title=f"T{number}").json()["data"]["uuid"]
        for number in range(count)
    ]
    with world.vault.database.write() as conn:
        conn.execute(sa.update(certificate).values(next_run_at=NOW))
    return uuids


def outcome(world: World, uuid: str) -> tuple[str, int, datetime | None, str | None]:
    """(status, tries, next run, who holds it)."""
    row = world.row(uuid)
    return row.status, row.tries, row.next_run_at, row.lease_owner


DONE = ("generated", 0, None, None)


def verified_files(world: World) -> list[str]:
    """The hashes of all verified PDFs that are noted."""
    with world.vault.database.read() as conn:
        of_kind = sa.select(file.c.sha256).where(file.c.kind == "verified_pdf")
        return list(conn.execute(of_kind).scalars())


def test_a_batch_ends_generated_each_with_its_file(each_world: World, clock: Clock) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        uuids = enter(client, each_world, BATCH + 1)
    step = worker(each_world, clock, monotonic=one_batch())

    assert [True, True, False] == [step.run() for _ in range(3)]
    assert [DONE] * (BATCH + 1) == [outcome(each_world, uuid) for uuid in uuids]
    assert BATCH + 1 == len(set(verified_files(each_world)))


class Told(Processing):
    """Processing that tells what it begins and what it saves."""

    told: list[str]

    def _begin(self, *args: Any) -> Batch:
        begun = super()._begin(*args)
        self.told.append(f"begin {len(begun.works)}")
        return begun

    def _save(self, done: Sequence[Done]) -> None:
        super()._save(done)
        self.told.append(f"save {len(done)}")


def test_while_a_batch_is_saved_the_next_is_worked_on_but_a_suspect_is_alone(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    enter(client, world, BATCH + 2)
    died = worker(world, clock)._taken(certificate.c.tries == 0, limit=1)
    clock.forward(LEASE)
    step = worker(world, clock, of=Told)
    step.told = []

    assert 1 == len(died)
    assert [True, True, False] == [step.run() for _ in range(3)]
    alone = ["begin 1", "begin 0", "save 1"]
    in_flow = [f"begin {BATCH}", "begin 1", f"save {BATCH}", "begin 0", "save 1"]
    assert [*alone, *in_flow, "begin 0"] == step.told


def test_a_verified_files_record_says_what_lies_on_disk(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    (uuid,) = enter(client, world)
    worker(world, clock).run()

    with world.vault.database.read() as conn:
        found = sa.select(file).where(file.c.id == world.row(uuid).verified_file_id)
        row = conn.execute(found).one()
    content = world.vault.files.read(row.sha256)
    assert (1, "verified_pdf", "application/pdf", len(content), NOW) == (
        row.institution_id,
        row.kind,
        row.mime_type,
        row.size,
        row.created_at,
    )
    assert row.sha256 == hashlib.sha256(content).hexdigest()


def test_two_workers_never_take_the_same(each_world: World, clock: Clock) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        enter(client, each_world, BATCH + 3)
    one, other = worker(each_world, clock), worker(each_world, clock)

    first, second = one._take(), other._take()
    assert (BATCH, 3) == (len(first), len(second))
    assert set() == {work.lease.id for work in first} & {work.lease.id for work in second}


class Dies(Files):
    """Files with which a worker dies after the effect, before the commit."""

    def keep(self, content: bytes) -> Kept:
        super().keep(content)
        raise KeyboardInterrupt


def test_a_worker_lost_after_writing_the_file_leaves_one_file_and_the_same_reference(
    each_world: World, clock: Clock
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        (uuid,) = enter(client, each_world)
    reference_id = each_world.row(uuid).reference_id
    with pytest.raises(KeyboardInterrupt):
        worker(each_world, clock, files=Dies(each_world.vault.files.folder)).run()
    successor = worker(each_world, clock)

    assert not successor.run()
    clock.forward(LEASE)
    assert successor.run()
    assert DONE == outcome(each_world, uuid)
    assert reference_id == each_world.row(uuid).reference_id
    assert 1 == len(verified_files(each_world))
    assert 2 == len([p for p in each_world.vault.files.folder.rglob("*") if p.is_file()])


def test_a_worker_that_was_paused_beyond_its_lease_writes_nothing(
    each_world: World, clock: Clock
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        (uuid,) = enter(client, each_world)
    paused, quick = worker(each_world, clock), worker(each_world, clock)
    with ThreadPoolExecutor(1) as makers, ThreadPoolExecutor(1) as keepers:
        done = list(paused._done(paused._begin(makers, keepers, paused._take())))
    clock.forward(LEASE)
    quick.run()
    before = each_world.row(uuid)
    paused._save(done)

    assert before == each_world.row(uuid)
    assert 1 == len(verified_files(each_world))


def test_of_a_batch_that_was_lost_each_is_then_worked_on_alone(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    enter(client, world, 3)
    worker(world, clock)._take()
    fresh = upload(client, certificate_title="Fresh").json()["data"]["uuid"]
    world.set(fresh, next_run_at=NOW)
    clock.forward(LEASE)
    step = worker(world, clock)

    assert [1, 1, 1, 0] == [len(step._take_suspect()) for _ in range(4)]
    assert [1, 0] == [len(step._take()) for _ in range(2)]


def test_a_file_that_ends_every_worker_ends_as_failed(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    (uuid,) = enter(client, world)
    assert 1 == len(worker(world, clock)._take())
    clock.forward(LEASE)
    for _ in range(MOST_TRIES - 1):
        assert 1 == len(worker(world, clock)._take_suspect())
        clock.forward(LEASE)
    worker(world, clock).run()

    assert ("failed", 0, None, None) == outcome(world, uuid)
    assert NEVER_ENDED == world.row(uuid).problem


class Full(Files):
    """A folder on a full disk."""

    def keep(self, content: bytes) -> Kept:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_tried_again_later_and_at_last_told(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    (uuid,) = enter(client, world)
    full = worker(world, clock, files=Full(world.vault.files.folder))
    full.run()

    assert ("processing", 1, NOW + BACKOFF.wait(1), None) == outcome(world, uuid)
    for _ in range(MOST_TRIES):
        clock.forward(BACKOFF.longest)
        full.run()
    assert ("failed", 0, None, None) == outcome(world, uuid)
    assert "The vault's folder of files cannot be used: No space left on device." == (
        world.row(uuid).problem
    )


class Swept(Files):
    """A folder in which an equal, older file is swept away right after one was kept."""

    def __init__(self, world: World) -> None:
        super().__init__(world.vault.files.folder)
        self._world = world
        self.swept: list[str] = []

    def keep(self, content: bytes) -> Kept:
        kept = super().keep(content)
        if not self.swept:
            assert discard(self._world.vault.writer, self, kept.sha256)
            self.swept.append(kept.sha256)
        return kept


def test_one_whose_file_was_swept_away_meanwhile_is_made_again(
    each_world: World, clock: Clock
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        (uuid,) = enter(client, each_world)
    files = Swept(each_world)
    worker(each_world, clock, files=files, monotonic=one_batch()).run()

    assert 1 == len(files.swept)
    assert ("processing", 0, NOW, None) == outcome(each_world, uuid)
    assert [] == verified_files(each_world)
    worker(each_world, clock).run()
    assert DONE == outcome(each_world, uuid)
    assert all(each_world.vault.files.holds(sha256) for sha256 in verified_files(each_world))


def test_a_disk_that_recovers_costs_nothing_but_time(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    (uuid,) = enter(client, world)
    worker(world, clock, files=Full(world.vault.files.folder)).run()
    clock.forward(BACKOFF.wait(1))
    worker(world, clock).run()

    assert DONE == outcome(world, uuid)
    assert None is world.row(uuid).problem


def test_a_batch_whose_time_is_up_gives_back_what_it_did_not_reach(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    uuids = enter(client, world, 3)
    # The slice begins, the batch; then one is made, or two, before its time is up.
    moments = count(step=0.4 * ENOUGH * LEASE.total_seconds())
    worker(world, clock, monotonic=moments.__next__).run()

    left = ("processing", 0, NOW, None)
    assert {DONE, left} == {outcome(world, uuid) for uuid in uuids}


def test_one_bad_file_does_not_hold_up_the_others(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    bad = upload(client, file=samples.pdf("Bad"), certificate_title="Bad").json()["data"]["uuid"]
    for path in [p for p in world.vault.files.folder.rglob("*") if p.is_file()]:
        path.unlink()
    good = enter(client, world, 2)
    worker(world, clock).run()

    assert "failed" == world.row(bad).status
    assert "is missing. Restore it from a backup, then retry." in world.row(bad).problem
    assert [DONE] * 2 == [outcome(world, uuid) for uuid in good]


def test_a_file_that_would_end_its_worker_fails_alone_and_at_once(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    add_behind_the_web(world, bombs.many_scans(20_000))
    good = enter(client, world, 2)
    sandbox = Sandbox(count=1, limit=timedelta(seconds=3))
    worker(world, clock, sandbox=sandbox).run()
    sandbox.close()

    assert [DONE] * 2 == [outcome(world, uuid) for uuid in good]
    with world.vault.database.read() as conn:
        failed = certificate.c.status == "failed"
        assert [UNBEARABLE] == conn.scalars(sa.select(certificate.c.problem).where(failed)).all()


def add_behind_the_web(world: World, picture: bytes) -> None:
    """Take in what the web would have refused."""
    world.vault.intake.add(
        institution_id=1,
        entry=Entry(
            certificate_title="Poison",
            full_name="John Smith",
            applicant_email="john@example.com",
            issue_date=None,
            details=None,
        ),
        upload=Upload(content=picture, kind=FileKind.JPEG, name=None),
        now=datetime.now(UTC),
    )


class NoChildren(Sandbox):
    """A sandbox on a machine that can start no process."""

    def stamped(self, content: bytes, *, kind: FileKind, strip: Strip) -> bytes | None:
        raise NotStarted


def test_a_machine_that_can_start_no_process_is_no_fault_of_the_file(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    (uuid,) = enter(client, world)
    worker(world, clock, sandbox=NoChildren(count=1)).run()

    assert ("processing", 1, NOW + BACKOFF.wait(1), None) == outcome(world, uuid)
    assert "The vault cannot open files at present." == world.row(uuid).problem


def test_one_that_ended_its_worker_twice_lets_the_others_go_first(
    world: World, client: httpx.Client, clock: Clock
) -> None:
    enter(client, world, 3)
    step = worker(world, clock)
    step._take()
    taken = []
    for _ in range(3):  # each is taken up, and its worker dies
        clock.forward(LEASE)
        taken += [work.lease.id for work in step._take_suspect()]

    assert [1, 2, 3] == taken


def test_the_step_is_due_as_long_as_there_is_work(each_world: World, clock: Clock) -> None:
    database = clock.database(each_world.vault.settings.database_url)
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.vault.database.write() as conn:
        conn.execute(sa.delete(chore))  # tidying has its own times under the same bell
    step = worker(each_world, clock)

    def is_due() -> bool:
        return bells.PROCESS in due_bells(database)

    with each_world.client(token) as client:
        assert not is_due()
        enter(client, each_world)
    assert is_due()
    step._take()
    assert not is_due()
    clock.forward(LEASE)
    assert is_due()
    step.run()
    assert not is_due()


def test_nothing_lies_about_in_incoming(world: World, client: httpx.Client, clock: Clock) -> None:
    enter(client, world, 2)
    upload(client, certificate_title="T0")
    worker(world, clock).run()

    incoming: Path = world.vault.files.folder / "incoming"
    assert [] == list(incoming.iterdir())
