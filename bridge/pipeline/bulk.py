"""Send many issuances of one issuer by bulk upload: files side by side, then their entries.

Nothing of a refused bulk upload is stored. It is sent again without the entries that the refusal
names, or in halves; what is guilty goes singly, whose answer is definite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as accounts
from bridge.pipeline import endings, files, guard, single, trail
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.endings import PAUSED
from bridge.pipeline.files import Ready
from bridge.pipeline.parts import parts
from bridge.store import events
from bridge.store.states import AttemptOutcome
from bridge.store.tables import issuance
from bridge.vault_client import (
    Ambiguous,
    BulkAnswer,
    BulkEntry,
    BulkRefused,
    BulkTaken,
    FileAnswer,
    FileTaken,
    NotDone,
    Refused,
    Unauthorised,
)
from runtime.crashpoint import crashpoint
from runtime.lease import lease_of, release, save

#: Entries to a commit.
TOGETHER = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """An issuance whose file the vault keeps under ``file_id``."""

    ready: Ready
    file_id: str

    @property
    def row(self) -> sa.Row[Any]:
        """The issuance."""
        return self.ready.row


def goes_singly(past: Sequence[sa.Row[Any]]) -> bool:
    """Whether an issuance with these attempts has had its chance in a bulk upload."""
    tried = [a for a in past if a.operation == "bulk"]
    return any(a.outcome != AttemptOutcome.NOT_SENT for a in tried)


def send(bridge: Bridge, account: Account, rows: Sequence[sa.Row[Any]]) -> list[Ready]:
    """Send them; return those that the vault refuses to take in bulk, which are still held."""
    filed: list[Filed] = []
    on_their_way: list[list[tuple[Ready, Future[FileAnswer | None]]]] = []
    with ThreadPoolExecutor(bridge.settings.uploads_at_once) as pool:
        for group in files.ready(bridge, rows, account.issuer):
            filed += [
                Filed(ready=r, file_id=r.row.vault_file_id) for r in group if _kept(bridge, r)
            ]
            missing = [r for r in group if not _kept(bridge, r)]
            on_their_way.append([(r, pool.submit(_upload, account, r)) for r in missing])
        for sent in on_their_way:
            filed += _uploaded(bridge, account, [(r, future.result()) for r, future in sent])
    singly: list[Ready] = []
    for chunk in _chunks(filed, bridge.settings.bulk_chunk):
        singly += _submit(bridge, account, chunk)
    return singly


def _chunks(found: Sequence[Filed], most: int) -> Iterator[list[Filed]]:
    """Never two in one chunk that a vault could take for the same certificate."""
    rest = list(found)
    while rest:
        seen: set[tuple[str, str, str]] = set()
        chunk: list[Filed] = []
        later: list[Filed] = []
        for filed in rest:
            key = _loosely(filed.row)
            fits = key not in seen and len(chunk) < most
            (chunk if fits else later).append(filed)
            seen.add(key)
        yield chunk
        rest = later


def _loosely(row: sa.Row[Any]) -> tuple[str, str, str]:
    title = " ".join(row.certificate_title.casefold().split())
    return row.applicant_email.casefold(), title, row.issue_date.isoformat()


def _kept(bridge: Bridge, ready: Ready) -> bool:
    """Whether the vault surely has the file of an earlier try for as long as the row is ours."""
    row = ready.row
    if row.vault_file_id is None:
        return False
    return bool(row.lease_until < row.vault_file_at + bridge.settings.file_id_lifetime)


def _upload(account: Account, ready: Ready) -> FileAnswer | None:
    """Upload one file, in a thread of its own; None where that would be in vain."""
    if not account.usable:
        return None
    answer = account.vault.upload_file(ready.content)
    crashpoint("bulk.uploaded")
    account.note(answer)
    return answer


def _uploaded(
    bridge: Bridge, account: Account, sent: Sequence[tuple[Ready, FileAnswer | None]]
) -> list[Filed]:
    """Keep what the vault calls the files; settle those that it did not take."""
    kept: list[Filed] = []
    if not sent:
        return kept
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        answers = [answer for _, answer in sent if answer is not None]
        accounts.heard(bridge, conn, account, answers, now=now)
        for ready, answer in sent:
            with endings.unless_lost(conn, ready.row):
                if isinstance(answer, FileTaken):
                    kept.append(_keep(conn, ready, answer.file_id, now=now))
                elif answer is None:
                    again = ready.row.next_run_at
                    release(conn, issuance, lease_of(ready.row), next_run_at=again)
                else:
                    _not_uploaded(bridge, conn, ready.row, answer, now=now)
        crashpoint("bulk.filing")
    crashpoint("bulk.filed")
    return kept


def _keep(conn: sa.Connection, ready: Ready, file_id: str, *, now: datetime) -> Filed:
    save(conn, issuance, lease_of(ready.row), vault_file_id=file_id, vault_file_at=now)
    return Filed(ready=ready, file_id=file_id)


def _not_uploaded(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    answer: Refused | Unauthorised | NotDone | Ambiguous,
    *,
    now: datetime,
) -> None:
    match answer:
        case Refused():
            endings.refused(conn, row, answer, now=now)
        case Unauthorised():
            endings.unauthorised(bridge, conn, row, answer, now=now)
        case NotDone() | Ambiguous():
            endings.left_alone(conn, row, answer, now=now)  # a second upload does no harm


def _submit(bridge: Bridge, account: Account, chunk: Sequence[Filed]) -> list[Ready]:
    """Submit a chunk, or what is left of it; return those that go singly."""
    if len(chunk) < 2:
        return [filed.ready for filed in chunk]
    if not account.usable:
        accounts.give_back(bridge, [filed.row for filed in chunk])
        return []
    in_time = guard.in_time(bridge.settings.lease - bridge.settings.vault_deadline)
    intended = [one for part in parts(chunk, TOGETHER) for one in _intend(bridge, part)]
    crashpoint("bulk.intended")
    entries = [_entry(filed) for filed, _ in intended]
    answer = account.vault.bulk(entries) if in_time() else PAUSED
    crashpoint("bulk.sent")
    _conclude(bridge, account, intended, answer)
    if not isinstance(answer, BulkRefused):
        return []
    guilty = [filed.ready for n, (filed, _) in enumerate(intended) if n in answer.guilty]
    rest = [filed for n, (filed, _) in enumerate(intended) if n not in answer.guilty]
    if guilty:
        return guilty + _submit(bridge, account, rest)
    half = len(rest) // 2
    return _submit(bridge, account, rest[:half]) + _submit(bridge, account, rest[half:])


def _intend(bridge: Bridge, chunk: Iterable[Filed]) -> list[tuple[Filed, int]]:
    """Write the call down for every entry before it is made; leave out what is no longer ours."""
    intended = []
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for filed in chunk:
            told = single.digest(filed.row, filed.ready.content)
            with endings.unless_lost(conn, filed.row):
                number = endings.intend(
                    bridge, conn, filed.row, "bulk", request_sha256=told, now=now
                )
                intended.append((filed, number))
        crashpoint("bulk.intending")
    return intended


def _entry(filed: Filed) -> BulkEntry:
    row = filed.row
    return BulkEntry(
        certificate_title=row.certificate_title,
        full_name=row.full_name,
        applicant_email=row.applicant_email,
        issue_date=row.issue_date.isoformat(),
        details=row.details,
        file_id=filed.file_id,
    )


def _conclude(
    bridge: Bridge, account: Account, intended: Sequence[tuple[Filed, int]], answer: BulkAnswer
) -> None:
    guilty = answer.guilty if isinstance(answer, BulkRefused) else {}
    with bridge.database.write() as conn:
        accounts.heard(bridge, conn, account, [answer], now=bridge.database.now(conn))
    for part in parts(list(enumerate(intended)), TOGETHER):
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            for place, (filed, number) in part:
                endings.note(conn, number, answer, now=now, guilty=guilty.get(place))
                with endings.unless_lost(conn, filed.row):
                    _settle(bridge, conn, filed.row, answer, guilty.get(place), now=now)
            crashpoint("bulk.concluding")
        crashpoint("bulk.concluded")
    log.info(
        "sent_in_bulk",
        issuer=account.issuer.name,
        entries=len(intended),
        guilty=len(guilty),
        outcome=type(answer).__name__,
        **trail.of_all(filed.row for filed, _ in intended),
    )


def _settle(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    answer: BulkAnswer,
    guilty: str | None,
    *,
    now: datetime,
) -> None:
    match answer:
        case BulkTaken(batch_id=batch_id):
            endings.taken_in(bridge, conn, row, batch_id, now=now)
        case BulkRefused():
            # The file may be what was wrong; it is uploaded anew with the entry.
            if guilty is not None:
                save(conn, issuance, lease_of(row), vault_file_id=None)
                events.record(conn, row.id, "refused in bulk", at=now, detail=guilty)
        case NotDone():
            endings.left_alone(conn, row, answer, now=now)
        case Unauthorised():
            endings.unauthorised(bridge, conn, row, answer, now=now)
        case Ambiguous(message=problem):
            endings.unsure(bridge, conn, row, problem, now=now)
