"""Whether a certificate takes longer among many, and what a second worker adds.

Time per certificate is that of every step in one process, by turns in a database with few
certificates and in one with many. Workers are processes that send what waits; claimers hold what
they have claimed for a moment, so that one that had to wait for another would show.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa

from benchmarks import bridges, databases
from benchmarks.growing import multiply
from benchmarks.line import Line, built
from benchmarks.rows import Row
from bridge import queue
from bridge.pipeline import issue
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.wiring import Bridge
from runtime.database import Database
from runtime.lease import claim

#: So many are made in earnest, and copied until there are few and many.
MADE, FEW, MANY = 200, 1_000, 100_000
#: Certificates of a round: few, as what else the machine does comes and goes.
ROUND, ROUNDS = 40, 9
SENT, TURNS = 100, 5
CLAIMERS, CLAIMS, CLAIMED, HELD_S = 4, 5, 20, 0.05


def run() -> Iterator[Row]:
    """The rows of each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            few = stack.enter_context(working(url, folder / "few"))
            many = stack.enter_context(working(databases.another(url), folder / "many"))
            yield among_many(kind, few, many)
            yield two_workers(kind, few)
            if kind == "PostgreSQL":
                yield many_claimers(many.bridge.database)


@contextmanager
def working(url: str, folder: Path) -> Iterator[Line]:
    """A line in an empty database, with its vault and its LMS."""
    folder.mkdir()
    prepared = bridges.prepare(url, folder)
    with bridges.partners(prepared, folder), Line(prepared) as line:
        yield line


def among_many(kind: str, few: Line, many: Line) -> Row:
    for line, count in ((few, FEW), (many, MANY)):
        line.certify(range(MADE))
        multiply(line.bridge.database, count // MADE)
    taken: list[tuple[float, float]] = []
    for begin in range(MADE, MADE + ROUND * (ROUNDS + 1), ROUND):
        numbers = range(begin, begin + ROUND)
        taken.append((_ms(few, numbers), _ms(many, numbers)))
    del taken[0]  # it warms up
    return Row(
        name=f"a certificate among {MANY} instead of {FEW}, {kind}",
        figure=statistics.median(there for _, there in taken),
        unit="ms",
        floor=statistics.median(here for here, _ in taken),
        ratio=statistics.median(there / here for here, there in taken),
        at_most=1.2,
    )


def _ms(line: Line, numbers: range) -> float:
    began = time.perf_counter()
    line.certify(numbers)
    return (time.perf_counter() - began) * 1000 / len(numbers)


def two_workers(kind: str, line: Line) -> Row:
    """What waits is sent by one process, then as much by two."""
    begin, taken = 10 * MADE, []
    with ProcessPoolExecutor(
        2, get_context("spawn"), initializer=_begin, initargs=(line.prepared.environment,)
    ) as workers:
        for _ in range(TURNS + 1):
            rates = []
            for count in (1, 2):
                line.receive(range(begin, begin + SENT))
                queue.answer(line.bridge, "normalise")
                rates.append(_rate(workers, count))
                begin += SENT
            taken.append(rates)
    del taken[0]
    return Row(
        name=f"certificates sent by two workers, beside one, {kind}",
        figure=statistics.median(two for _, two in taken),
        unit="a second",
        floor=statistics.median(one for one, _ in taken),
        ratio=statistics.median(two / one for one, two in taken),
    )


def _rate(workers: ProcessPoolExecutor, count: int) -> float:
    began = time.perf_counter()
    for done in [workers.submit(_send) for _ in range(count)]:
        done.result()
    return SENT / (time.perf_counter() - began)


_here: list[Bridge] = []


def _begin(environment: Mapping[str, str]) -> None:
    _here.append(built(environment))


def _send() -> None:
    while issue.run(_here[0]):
        pass


def many_claimers(database: Database) -> Row:
    """Claims a second of several at once beside one alone, each held open for a moment."""
    with database.write() as conn:
        conn.execute(sa.update(issuance).values(next_run_at=issuance.c.created_at))
        issuer_id: str = conn.execute(sa.select(issuance.c.issuer_id).limit(1)).scalar_one()
    # As the steps claim: by issuer and state, which an index has in the order of their turns.
    due_here = sa.and_(
        issuance.c.issuer_id == issuer_id, issuance.c.state == IssuanceState.GENERATED
    )
    taken = [
        (_claims(database, due_here, 1), _claims(database, due_here, CLAIMERS))
        for _ in range(TURNS)
    ]
    return Row(
        name=f"claims of {CLAIMERS} workers at once, beside one, PostgreSQL",
        figure=statistics.median(many for _, many in taken),
        unit="a second",
        floor=statistics.median(one for one, _ in taken),
        ratio=statistics.median(many / one for one, many in taken),
        at_least=0.75 * CLAIMERS,
    )


def _claims(database: Database, where: sa.ColumnElement[bool], count: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(count) as claimers:
        for done in [claimers.submit(_claim_some, database, where, str(n)) for n in range(count)]:
            done.result()
    return count * CLAIMS / (time.perf_counter() - began)


def _claim_some(database: Database, where: sa.ColumnElement[bool], owner: str) -> None:
    for _ in range(CLAIMS):
        with database.write() as conn:
            claim(
                conn,
                issuance,
                where=where,
                owner=owner,
                now=database.now(conn),
                lease=timedelta(hours=1),
                limit=CLAIMED,
            )
            time.sleep(HELD_S)
