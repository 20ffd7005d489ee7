"""Whether the work is done: Redis, the processes, what waits too long, what has failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from runtime import checkup, heartbeat
from runtime.bell import Bell
from runtime.checkup import Finding
from vault import bells, wiring
from vault.certificate import Status
from vault.checks.installation import SHOWN, Installation
from vault.steps import BELLS, Step
from vault.store.tables import certificate, process

#: So long after its time, work is stuck.
STUCK = timedelta(minutes=5)
SERVE = "certvault serve"
#: What people wait for, by its table.
WAITING = {"certificate": "Certificates", "notice": "Mails", "webhook_delivery": "Webhooks"}


def redis(of: Installation) -> Iterator[Finding]:
    """Whether bells can be rung; an archive rings none."""
    if of.settings.read_only:
        return
    problem = Bell(of.settings.redis_url, service=wiring.SERVICE).problem()
    if problem is not None:
        yield Finding(
            text=f"{problem}. Start it, or `{SERVE}`, which brings its own. Uploads are taken all "
            "the same; processing waits."
        )


def processes(of: Installation) -> Iterator[Finding]:
    """Whether each worker and the clock give signs of life; an archive has none."""
    if of.settings.read_only:
        return
    names = [*map(bells.worker, BELLS), bells.CLOCK]
    with of.database.read() as conn:
        signs = heartbeat.signs(conn, process, now=of.database.now(conn))
    commands = {name: f"certvault {name}" for name in names}
    yield from checkup.processes(signs, commands, all_by=SERVE)


def waiting(of: Installation) -> Iterator[Finding]:
    """Whether something waits that should have been done; in an archive everything may wait."""
    if of.settings.read_only:
        return
    for bell, step in _steps():
        if count := _stuck(of, step):
            yield Finding(
                text=f"{WAITING[step.table.name]} that wait for more than {STUCK.seconds // 60} "
                f"minutes: {count}. Does `certvault {bells.worker(bell)}` run, and `certvault "
                "clock`? What they log names the reason."
            )


def _steps() -> Iterator[tuple[str, Step]]:
    for bell, steps in BELLS.items():
        yield from ((bell, step) for step in steps if step.table.name in WAITING)


def _stuck(of: Installation, step: Step) -> int:
    with of.database.read() as conn:
        late = step.table.c.next_run_at < of.database.now(conn) - STUCK
        found = sa.select(sa.func.count()).select_from(step.table).where(step.where, late)
        return int(conn.execute(found).scalar_one())


def failed(of: Installation) -> Iterator[Finding]:
    """The newest certificates that could not be processed."""
    is_failed = certificate.c.status == Status.FAILED.value
    newest = sa.select(certificate.c.reference_id, certificate.c.problem).where(is_failed)
    with of.database.read() as conn:
        rows = conn.execute(newest.order_by(certificate.c.id.desc()).limit(SHOWN + 1)).all()
    for row in rows[:SHOWN]:
        again = f"Then: certvault retry {row.reference_id}"
        yield Finding(text=f"{row.reference_id} failed: {row.problem} {again}")
    if len(rows) > SHOWN:
        yield checkup.note("There are more. Those above are the newest.")
