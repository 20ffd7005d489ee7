"""From an upload to a verified PDF: due certificates are claimed, stamped, and their outcome saved.

A batch is claimed in one commit and saved in one. `tries` counts the times a certificate was taken
up without an outcome: one that was interrupted is afterwards worked on alone, so that a file that
kills its worker ends as failed and takes no other with it.
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
from functools import cache
from typing import Any, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.child import Busy, NotStarted
from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.lease import Lease, LeaseLost, claim, lease_of, release
from runtime.retry import Backoff
from vault import notices
from vault.addresses import Addresses
from vault.certificate import Status
from vault.files import DamagedFile, Files
from vault.kinds import FileKind, FileRefused
from vault.sandbox import Sandbox, Strip
from vault.signing import SigningKey, SigningKeys, SigningProblem
from vault.store import certificates, uploads
from vault.store.tables import certificate
from vault.store.uploads import StoredFile
from vault.store.webhook_deliveries import announce
from vault.webhooks.events import Event

BATCH = 16
MOST_TRIES = 10
#: After this share of its lease a batch starts no further certificate: one may take the rest.
ENOUGH = 0.5
#: For a disk that is full or away; a file's own fault is never tried again by itself.
BACKOFF = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
NEVER_ENDED = (
    f"Processing was begun {MOST_TRIES} times and never came to an end. "
    "Ask the vault's operator to read its log, then retry."
)
#: A stamp would grow the page, which no signature permits (docs/decisions/0012).
LEFT_UNCHANGED = (
    "The file bears a digital signature and was left unchanged, so that this signature stays "
    "valid. It has no strip with the reference id: verify it at {url}"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The verified PDF, in memory."""

    content: bytes = field(repr=False)
    notes: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The verified PDF is on disk."""

    pdf: StoredFile
    notes: str | None  #: what whoever reads the PDF should know


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why an upload cannot be processed; a person may mend that and retry."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not the file's fault: try again."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """The batch's time was up before this certificate's turn."""


Outcome: TypeAlias = "Verified | Failed | Later | NotReached"
#: Finds an institution's signing key.
FindKey: TypeAlias = "Callable[[int], SigningKey | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One certificate taken up: its row, and the proof that it is ours."""

    row: sa.Row[Any]
    lease: Lease


class Processing:
    """The step that turns uploads into verified PDFs. One thread at a time."""

    def __init__(
        self,
        *,
        database: Database,
        files: Files,
        addresses: Addresses,
        sandbox: Sandbox,
        signing_keys: SigningKeys,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._files = files
        self._addresses = addresses
        self._sandbox = sandbox
        self._signing_keys = signing_keys
        self._lease = lease
        self._monotonic = monotonic
        self._owner = uuid4().hex

    def run(self) -> bool:
        """Process one batch of due certificates; return whether there may be more."""
        until = self._monotonic() + self._lease.total_seconds() * ENOUGH
        taken = self._take()
        if taken:
            crashpoint("processing.taken")
            with self._bounded():
                done = list(self._outcomes(taken, until))
            self._save(done)
            crashpoint("processing.saved")
        return bool(taken)

    def _take(self) -> list[Work]:
        with self._database.write() as conn:
            now = self._database.now(conn)
            claimed = self._claim(conn, certificate.c.tries > 0, limit=1, now=now)
            claimed = claimed or self._claim(conn, certificate.c.tries == 0, limit=BATCH, now=now)
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

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        # What opens files is killed in time (vault.sandbox). Should anything else never end, which
        # nothing in this process can stop, the process ends, is started again, and the batch counts
        # one try more. Once a batch, as each arming starts a thread and waits for another's end.
        limit = self._lease.total_seconds()
        faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__ or sys.stderr)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _outcomes(self, taken: Sequence[Work], until: float) -> Iterator[tuple[Work, Outcome]]:
        """Process as many at once as the sandbox opens, while what is made waits for the disk."""
        find_key = cache(self._signing_keys.find)
        at_once = self._sandbox.count
        with ThreadPoolExecutor(at_once) as makers, ThreadPoolExecutor(at_once) as keepers:
            made = [makers.submit(self._make, work.row, until, find_key) for work in taken]
            for work, outcome in zip(taken, keepers.map(self._outcome, made), strict=True):
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
            # pyHanko takes half a second to load, and few institutions sign.
            from vault.seal import seal  # noqa: PLC0415

            pdf = seal(pdf, key, name=row.reference_id)
        return Made(content=pdf, notes=None)

    def _keep(self, pdf: bytes) -> StoredFile:
        kept = self._files.keep(pdf)
        return StoredFile(
            sha256=kept.sha256,
            size=kept.size,
            mime_type=FileKind.PDF.value,
            kind="verified_pdf",
        )

    def _save(self, done: Sequence[tuple[Work, Outcome]]) -> None:
        with self._database.write() as conn:
            now = self._database.now(conn)
            for work, outcome in done:
                try:
                    with conn.begin_nested():
                        _save_one(conn, self._files, work, outcome, now)
                except LeaseLost:
                    log.warning("lease_lost", certificate=work.row.uuid)
            crashpoint("processing.saving")


def _save_one(
    conn: sa.Connection, files: Files, work: Work, outcome: Outcome, now: datetime
) -> None:
    def give_back(*, next_run_at: datetime | None = None, **values: Any) -> None:
        release(conn, certificate, work.lease, next_run_at=next_run_at, **values)

    def tell(event: Event, **fields: str | None) -> None:
        institution_id, ids = work.row.institution_id, [work.row.id]
        events = {event: fields}
        announce(conn, events, institution_id=institution_id, certificate_ids=ids, now=now)

    match outcome:
        case Verified(pdf=pdf, notes=notes):
            institution_id = work.row.institution_id
            file_id = uploads.add_file(conn, pdf, institution_id=institution_id, now=now)
            if not files.holds(pdf.sha256):
                # Another worker had made the same, and a sweep discarded it after we kept ours.
                # Now that a record named it nobody could.
                uploads.forget(conn, [file_id])
                give_back(next_run_at=now, tries=0)
                return
            give_back(
                status=Status.GENERATED.value,
                problem=None,
                tries=0,
                verified_file_id=file_id,
                verified_at=now,
                verification_notes=notes,
                updated_at=now,
            )
            notices.match(conn, work.row, now=now)
            tell(Event.APPROVED, reference_id=work.row.reference_id)
        case Failed(problem=problem):
            give_back(status=Status.FAILED.value, problem=problem, tries=0, updated_at=now)
            tell(Event.FAILED, reason=problem)
        case Later(problem=problem):
            give_back(next_run_at=now + BACKOFF.wait(work.row.tries), problem=problem)
        case NotReached():
            give_back(next_run_at=now, tries=0)
