"""What processing a certificate came to, and how a batch of it is saved, all in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

import sqlalchemy as sa

from runtime.lease import Lease, hold, release_all
from runtime.retry import Backoff
from vault import notices
from vault.certificate import Status
from vault.files import Files
from vault.store import uploads
from vault.store.tables import certificate
from vault.store.uploads import StoredFile
from vault.store.webhook_deliveries import announce
from vault.webhooks.events import Event

#: For a disk that is full or away; a file's own fault is never tried again by itself.
BACKOFF = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))


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


#: What was taken up, and what it came to.
Done: TypeAlias = "tuple[Work, Outcome]"


def save(
    conn: sa.Connection, files: Files, done: Sequence[Done], *, now: datetime
) -> Sequence[Work]:
    """Save what is still ours and give it back; return what is somebody else's by now."""
    held = hold(conn, certificate, [work.lease for work, _ in done])
    ours = sorted((one for one in done if one[0].lease.id in held), key=_institution)
    for institution_id, some in groupby(ours, key=_institution):
        _save(conn, files, list(some), institution_id=institution_id, now=now)
    return [work for work, _ in done if work.lease.id not in held]


def _institution(done: Done) -> int:
    institution_id: int = done[0].row.institution_id
    return institution_id


def _save(
    conn: sa.Connection, files: Files, done: Sequence[Done], *, institution_id: int, now: datetime
) -> None:
    made = {work.lease.id: o.pdf for work, o in done if isinstance(o, Verified)}
    file_ids = _noted(conn, files, made, institution_id=institution_id, now=now)
    release_all(
        conn,
        certificate,
        [(work.lease, _values(work, o, file_ids.get(work.lease.id), now)) for work, o in done],
    )
    notices.match(conn, [work.row for work, _ in done if work.lease.id in file_ids], now=now)
    tell = partial(announce, conn, institution_id=institution_id, now=now)
    tell({Event.APPROVED: {}}, certificate_ids=list(file_ids))
    for work, outcome in done:
        if isinstance(outcome, Failed):
            tell({Event.FAILED: {"reason": outcome.problem}}, certificate_ids=[work.lease.id])


def _noted(
    conn: sa.Connection,
    files: Files,
    made: Mapping[int, StoredFile],
    *,
    institution_id: int,
    now: datetime,
) -> Mapping[int, int]:
    """Note the verified PDFs of certificates; return the records' ids."""
    if not made:
        return {}
    ids = uploads.add_files(conn, list(made.values()), institution_id=institution_id, now=now)
    file_ids = dict(zip(made, ids, strict=True))
    # Another worker may have made the same, and a sweep discarded it after we kept ours. Now that
    # a record names it nobody can.
    swept = {id for id, pdf in made.items() if not files.holds(pdf.sha256)}
    if swept:
        uploads.forget(conn, [file_ids[id] for id in swept])
    return {id: file_id for id, file_id in file_ids.items() if id not in swept}


def _values(work: Work, outcome: Outcome, file_id: int | None, now: datetime) -> dict[str, Any]:
    match outcome:
        case Verified(notes=notes) if file_id is not None:
            return {
                "status": Status.GENERATED.value,
                "problem": None,
                "tries": 0,
                "next_run_at": None,
                "verified_file_id": file_id,
                "verified_at": now,
                "verification_notes": notes,
                "updated_at": now,
            }
        case Failed(problem=problem):
            return {
                "status": Status.FAILED.value,
                "problem": problem,
                "tries": 0,
                "next_run_at": None,
                "updated_at": now,
            }
        case Later(problem=problem):
            return {"next_run_at": now + BACKOFF.wait(work.row.tries), "problem": problem}
        case _:
            return {"next_run_at": now, "tries": 0}
