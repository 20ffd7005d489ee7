"""From an upload to a verified PDF: due certificates are claimed, stamped, and their outcome saved.

A batch is claimed in one commit and saved in one, while the next is worked on. `tries` counts the
times a certificate was taken up without an outcome: one that was interrupted is afterwards worked
on alone, so that a file that kills its worker ends as failed and takes no other with it.
"""

from __future__ import annotations

import faulthandler
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.child import Busy, NotStarted
from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.lease import claim, lease_of
from vault import outcomes
from vault.addresses import Addresses
from vault.certificate import Status
from vault.files import DamagedFile, Files
from vault.kinds import FileKind, FileRefused
from vault.outcomes import Done, Failed, Later, NotReached, Outcome, Verified, Work
from vault.sandbox import Sandbox, Strip
from vault.sealer import Sealer
from vault.signing import SigningKey, SigningKeys, SigningProblem
from vault.store import certificates
from vault.store.tables import certificate
from vault.store.uploads import StoredFile

BATCH = 32
MOST_TRIES = 10
#: After this share of its lease a batch starts no further certificate: one may take the rest.
ENOUGH = 0.5
#: For so long batch follows batch; then what else the worker does has its turn.
SLICE_S = 3.0
NEVER_ENDED = (
    f"Processing was begun {MOST_TRIES} times and never came to an end. "
    "Ask the vault's operator to read its log, then retry."
)
#: A stamp would grow the page, which no signature permits (docs/decisions/0012).
LEFT_UNCHANGED = (
    "The file bears a digital signature and was left unchanged, as any change would break one. "
    "It has no strip with the reference id: verify it at {url}"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The verified PDF, in memory."""

    content: bytes = field(repr=False)
    notes: str | None


#: Finds an institution's signing key.
FindKey: TypeAlias = "Callable[[int], SigningKey | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Certificates that are worked on, and what they come to, in the same order."""

    works: Sequence[Work]
    outcomes: Iterator[Outcome]  #: each waits until it is known

    @property
    def is_suspect(self) -> bool:
        """Whether whoever worked on it before may have died of it."""
        return any(work.row.tries > 1 for work in self.works)


class Processing:
    """The step that turns uploads into verified PDFs. One thread at a time."""

    def __init__(
        self,
        *,
        database: Database,
        files: Files,
        addresses: Addresses,
        sandbox: Sandbox,
        sealer: Sealer,
        signing_keys: SigningKeys,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._files = files
        self._addresses = addresses
        self._sandbox = sandbox
        self._sealer = sealer
        self._signing_keys = signing_keys
        self._lease = lease
        self._monotonic = monotonic
        self._owner = uuid4().hex

    def run(self) -> bool:
        """Process due certificates for a slice of time; return whether there may be more.

        While a batch is saved the next one is worked on, but for suspects, which are alone.
        """
        until = self._monotonic() + SLICE_S
        at_once = self._sandbox.count
        with (
            ThreadPoolExecutor(at_once) as makers,
            ThreadPoolExecutor(at_once) as keepers,
            _watched(),
        ):
            begin = partial(self._begin, makers, keepers)
            under_way = begin(self._take_suspect() or self._take())
            worked = bool(under_way.works)
            while under_way.works:
                over = under_way.is_suspect or self._monotonic() >= until
                following = begin([] if over else self._take())
                self._save(list(self._done(under_way)))
                under_way = following
        return worked

    def _take_suspect(self) -> list[Work]:
        return self._taken(certificate.c.tries > 0, limit=1)

    def _take(self) -> list[Work]:
        return self._taken(certificate.c.tries == 0, limit=BATCH)

    def _taken(self, which: sa.ColumnElement[bool], *, limit: int) -> list[Work]:
        with self._database.write() as conn:
            now = self._database.now(conn)
            claimed = self._claim(conn, which, limit=limit, now=now)
            leases = {row.id: lease_of(row) for row in claimed}
            if leases:
                begun = sa.update(certificate).where(certificate.c.id.in_(leases))
                # Due from now: if this worker dies too, those that wait come before them.
                conn.execute(begun.values(tries=certificate.c.tries + 1, next_run_at=now))
            rows = {row.id: row for row in certificates.get_all(conn, list(leases))}
            return [Work(row=rows[id], lease=lease) for id, lease in leases.items()]

    def _claim(
        self, conn: sa.Connection, which: sa.ColumnElement[bool], *, limit: int, now: datetime
    ) -> Sequence[sa.Row[Any]]:
        return claim(
            conn,
            certificate,
            where=sa.and_(certificate.c.status == Status.PROCESSING.value, which),
            owner=self._owner,
            now=now,
            lease=self._lease,
            limit=limit,
        )

    def _begin(
        self, makers: ThreadPoolExecutor, keepers: ThreadPoolExecutor, taken: Sequence[Work]
    ) -> Batch:
        """Have as many made at once as the sandbox opens, while what is made waits for the disk."""
        if taken:
            crashpoint("processing.taken")
            _watch(self._lease)
        until = self._monotonic() + self._lease.total_seconds() * ENOUGH
        find_key = cache(self._signing_keys.find)
        made = [makers.submit(self._make, work.row, until, find_key) for work in taken]
        return Batch(works=taken, outcomes=keepers.map(self._outcome, made))

    def _done(self, batch: Batch) -> Iterator[Done]:
        for work, outcome in zip(batch.works, batch.outcomes, strict=True):
            crashpoint("processing.kept")
            log.info(
                "processed",
                certificate=work.row.uuid,
                outcome=type(outcome).__name__,
                reason=getattr(outcome, "problem", None),
                fence=work.lease.fence,
            )
            yield work, outcome

    def _outcome(self, making: Future[Made | Outcome]) -> Outcome:
        try:
            made = making.result()
            crashpoint("processing.made")
            if isinstance(made, Made):
                return Verified(pdf=self._keep(made.content), notes=made.notes)
            return made
        except (FileRefused, DamagedFile, SigningProblem) as exc:
            return Failed(problem=str(exc))
        except (NotStarted, Busy):
            return Later(problem="The vault cannot open files at present.")
        except OSError as exc:
            return Later(problem=f"The vault's folder of files cannot be used: {exc.strerror}.")

    def _make(self, row: sa.Row[Any], until: float, find_key: FindKey) -> Made | Outcome:
        if until - self._monotonic() <= 0:
            return NotReached()
        if row.tries > MOST_TRIES:
            return Failed(problem=row.problem or NEVER_ENDED)
        content = self._files.read(row.uploaded_sha256)
        strip = Strip(
            reference_id=row.reference_id,
            issuer=row.institution_name,
            url=self._addresses.verification(row.reference_id),
        )
        kind = FileKind(row.uploaded_mime_type)
        pdf = self._sandbox.stamped(content, kind=kind, strip=strip)
        if pdf is None:
            return Made(content=content, notes=LEFT_UNCHANGED.format(url=strip.url))
        key = find_key(row.institution_id)
        if key is not None:
            pdf = self._sealer.seal(pdf, key, name=row.reference_id)
        return Made(content=pdf, notes=None)

    def _keep(self, pdf: bytes) -> StoredFile:
        kept = self._files.keep(pdf)
        return StoredFile(
            sha256=kept.sha256,
            size=kept.size,
            mime_type=FileKind.PDF.value,
            kind="verified_pdf",
        )

    def _save(self, done: Sequence[Done]) -> None:
        with self._database.write() as conn:
            lost = outcomes.save(conn, self._files, done, now=self._database.now(conn))
            crashpoint("processing.saving")
        crashpoint("processing.saved")
        for work in lost:
            log.warning("lease_lost", certificate=work.row.uuid)


@contextmanager
def _watched() -> Iterator[None]:
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _watch(limit: timedelta) -> None:
    """End the process unless, within the limit, another batch is begun or all are done.

    What opens files is killed in time (vault.sandbox). Should anything else never end, which
    nothing in this process can stop, another is started, and the batch counts one try more. Once a
    batch, as each arming starts a thread and waits for another's end.
    """
    stderr = sys.__stderr__ or sys.stderr
    faulthandler.dump_traceback_later(limit.total_seconds(), exit=True, file=stderr)
