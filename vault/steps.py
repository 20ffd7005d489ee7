"""Which bells the vault has, which steps answer each, and where their work waits.

To add a step: say how it is built and which table holds its rows (with `runtime.lease`'s columns),
put it under a bell, and ring that bell after the commit that makes work for it. The clock rings
again for whatever is due.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from runtime.database import Database
from runtime.lease import due
from vault import wiring
from vault.bells import DELIVER, PROCESS
from vault.beside import Beside
from vault.certificate import Status
from vault.store import webhook_deliveries
from vault.store.notices import State
from vault.store.people import notice
from vault.store.tables import certificate, chore
from vault.sweep import NAME as SWEEP
from vault.wiring import Vault

#: Does one batch of due work; says whether there may be more.
Run = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: rows are claimed, worked on, given back."""

    build: Callable[[Vault], Run]  #: called once, in the worker's process
    table: sa.Table  #: whose rows become due
    where: sa.ColumnElement[bool]  #: which of them the step would claim


def _then_ring(run: Run, vault: Vault) -> Run:
    """Have told at once what a batch has changed."""

    def ringing() -> bool:
        more = run()
        if more:
            vault.ring(DELIVER)
        return more

    return ringing


def _webhooks(vault: Vault) -> Run:
    deliver = wiring.webhooks(vault)
    # A worker that is told to stop between two slices saves what is still on its way.
    atexit.register(deliver.close)
    return deliver.run


#: A bell is a queue with a worker process of its own: what is slow delays only its own.
BELLS: Mapping[str, tuple[Step, ...]] = {
    PROCESS: (
        Step(
            build=lambda vault: _then_ring(wiring.processing(vault).run, vault),
            table=certificate,
            where=certificate.c.status == Status.PROCESSING.value,
        ),
        Step(
            build=lambda vault: wiring.sweep(vault).run,
            table=chore,
            where=chore.c.name == SWEEP,
        ),
    ),
    DELIVER: (
        Step(
            # A mail server may take its time, and webhooks do not wait for it.
            build=lambda vault: Beside(wiring.notices(vault).run, name="mail").run,
            table=notice,
            where=notice.c.state == State.DUE.value,
        ),
        Step(
            build=_webhooks,
            table=webhook_deliveries.delivery,
            where=webhook_deliveries.delivery.c.state == webhook_deliveries.WAITING,
        ),
    ),
}


def answer(vault: Vault, bell: str, bells: Mapping[str, tuple[Step, ...]] = BELLS) -> Run:
    """Build the steps of a bell; the result gives each of them its turn."""
    runs = [step.build(vault) for step in bells[bell]]

    def run() -> bool:
        more = [run_one() for run_one in runs]  # each has its turn, whatever the others say
        return any(more)

    return run


def due_bells(database: Database) -> list[str]:
    """The bells that have work whose time has come."""
    with database.read() as conn:
        now = database.now(conn)
        return [
            bell
            for bell, steps in BELLS.items()
            if any(_has_work(conn, step, now) for step in steps)
        ]


def _has_work(conn: sa.Connection, step: Step, now: datetime) -> bool:
    found = sa.select(step.table.c.id).where(step.where, due(step.table, now)).limit(1)
    return conn.execute(found).first() is not None
