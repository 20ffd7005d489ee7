"""From an upload to a verified PDF: due certificates are claimed, stamped, and their outcome saved.

A batch is claimed in one commit and saved in one. `tries` counts the times a certificate was taken
up without an outcome: one that was interrupted is afterwards worked on alone, so that a file that
kills its worker ends as failed and takes no other with it.
"""

from __future__ import annotations

import faulthandler
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.database import Database
from runtime.lease import Lease, LeaseLost, claim, due, lease_of, release, save
from runtime.retry import Backoff
from vault import notices, qr
from vault.addresses import Addresses
from vault.certificate import Status
from vault.documents import FileKind, FileRefused, bears_signature
from vault.files import DamagedFile, Files
from vault.images import OddImage, to_pdf
from vault.seal import seal
from vault.signing import SigningKeys, SigningProblem
from vault.stamp import Stamper
from vault.store import certificates, uploads
from vault.store.tables import certificate
from vault.store.uploads import StoredFile

STEP = "process"
BATCH = 16
MOST_TRIES = 10
#: After this share of its lease a batch starts no further certificate, and one may take no longer.
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
        stamper: Stamper,
        signing_keys: SigningKeys,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._files = files
        self._addresses = addresses
        self._stamper = stamper
        self._signing_keys = signing_keys
        self._lease = lease
        self._monotonic = monotonic
        self._owner = uuid4().hex

    def run(self) -> bool:
        """Process one batch of due certificates; return whether there may be more."""
        until = self._monotonic() + self._lease.total_seconds() * ENOUGH
        taken = self._take()
        done = [(work, self._outcome(work, until)) for work in taken]
        if done:
            self._save(done)
        return bool(taken)

    def _take(self) -> list[Work]:
        with self._database.write() as conn:
            now = self._database.now(conn)
            claimed = self._claim(conn, certificate.c.tries > 0, limit=1, now=now)
            claimed = claimed or self._claim(conn, certificate.c.tries == 0, limit=BATCH, now=now)
            taken = []
            for row in claimed:
                lease = lease_of(row)
                save(conn, certificate, lease, tries=row.tries + 1)
                taken.append(Work(row=certificates.get(conn, row.id), lease=lease))
            return taken

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

    def _outcome(self, work: Work, until: float) -> Outcome:
        left = until - self._monotonic()
        outcome = NotReached() if left <= 0 else self._process(work.row)
        log.info(
            "processed",
            reference_id=work.row.reference_id,
            outcome=type(outcome).__name__,
            reason=getattr(outcome, "problem", None),
            fence=work.lease.fence,
        )
        return outcome

    def _process(self, row: sa.Row[Any]) -> Outcome:
        if row.tries > MOST_TRIES:
            return Failed(problem=row.problem or NEVER_ENDED)
        # A file may hold the PDF library in an endless loop, which nothing in this process can
        # stop: then the process ends, is started again, and the certificate counts one try more.
        limit = self._lease.total_seconds() * ENOUGH
        faulthandler.dump_traceback_later(limit, exit=True, file=sys.__stderr__ or sys.stderr)
        try:
            return self._verify(row)
        except (FileRefused, DamagedFile, SigningProblem) as exc:
            return Failed(problem=str(exc))
        except OddImage as exc:
            return Failed(problem=f"The certificate file {exc}")
        except OSError as exc:
            return Later(problem=f"The vault's folder of files cannot be used: {exc.strerror}.")
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _verify(self, row: sa.Row[Any]) -> Verified:
        content = self._files.read(row.uploaded_sha256)
        if row.uploaded_mime_type != FileKind.PDF.value:
            content = to_pdf(content)
        elif bears_signature(content):
            url = self._addresses.verification(row.reference_id)
            return Verified(pdf=self._keep(content), notes=LEFT_UNCHANGED.format(url=url))
        key = self._signing_keys.find(row.institution_id)
        pdf = self._stamped(row, content)
        if key is not None:
            pdf = seal(pdf, key, name=row.reference_id)
        return Verified(pdf=self._keep(pdf), notes=None)

    def _stamped(self, row: sa.Row[Any], content: bytes) -> bytes:
        url = self._addresses.verification(row.reference_id)
        return self._stamper.stamp(
            content,
            reference_id=row.reference_id,
            issuer=row.institution_name,
            url=url,
            qr_svg=qr.svg(url),
        )

    def _keep(self, pdf: bytes) -> StoredFile:
        staged = self._files.stage(pdf)
        self._files.keep(staged)
        return StoredFile(
            sha256=staged.sha256,
            size=staged.size,
            mime_type=FileKind.PDF.value,
            kind="verified_pdf",
        )

    def _save(self, done: Sequence[tuple[Work, Outcome]]) -> None:
        with self._database.write() as conn:
            now = self._database.now(conn)
            for work, outcome in done:
                try:
                    with conn.begin_nested():
                        _save_one(conn, work, outcome, now)
                except LeaseLost:
                    log.warning("lease_lost", reference_id=work.row.reference_id)


def _save_one(conn: sa.Connection, work: Work, outcome: Outcome, now: datetime) -> None:
    def give_back(*, next_run_at: datetime | None = None, **values: Any) -> None:
        release(conn, certificate, work.lease, next_run_at=next_run_at, **values)

    match outcome:
        case Verified(pdf=pdf, notes=notes):
            institution_id = work.row.institution_id
            file_id = uploads.add_file(conn, pdf, institution_id=institution_id, now=now)
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
        case Failed(problem=problem):
            give_back(status=Status.FAILED.value, problem=problem, tries=0, updated_at=now)
        case Later(problem=problem):
            give_back(next_run_at=now + BACKOFF.wait(work.row.tries), problem=problem)
        case NotReached():
            give_back(next_run_at=now, tries=0)


def steps_due(database: Database) -> list[str]:
    """Name the steps that have work whose time has come."""
    with database.read() as conn:
        waiting = sa.select(certificate.c.id).where(due(certificate, database.now(conn))).limit(1)
        return [STEP] if conn.execute(waiting).first() else []
