"""Taking a certificate in: its file on disk and its record committed, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from runtime.bell import Ring
from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.group_commit import GroupCommit
from runtime.together import Together
from vault import bells
from vault.bulk import BulkEntry, BulkRefused, Refusals, refusals
from vault.certificate import Entry, new_reference_id
from vault.discarding import discard
from vault.files import Files, Kept
from vault.kinds import FileKind
from vault.store import certificates, uploads
from vault.store.uploads import StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was inspected and can be processed."""

    content: bytes = field(repr=False)
    kind: FileKind
    name: str | None  #: as the sender called it; for show only


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """An upload that waits to be added."""

    uploaded: certificates.Uploaded
    content: bytes = field(repr=False)
    now: datetime


class Intake:
    """Adds certificates and sends failed ones round again; safe to use from many threads."""

    def __init__(
        self,
        *,
        database: Database,
        writer: GroupCommit[Any],
        files: Files,
        ring: Ring,
        unused_uploads: timedelta,
    ) -> None:
        self._database = database
        self._writer = writer
        self._files = files
        self._ring = ring
        self._unused_uploads = unused_uploads
        self._together = Together(self._add_all, name="uploads")

    def add(
        self, *, institution_id: int, entry: Entry, upload: Upload, now: datetime
    ) -> sa.Row[Any]:
        """Add one certificate and return it as it was committed.

        ``now`` is when it was sent, by the database's clock; of those that are added together the
        latest counts. Raises vault.store.certificates.Duplicate.
        """
        kept = self._files.keep(upload.content)
        crashpoint("intake.kept")
        taken = _Taken(
            uploaded=certificates.Uploaded(
                institution_id=institution_id,
                uuid=str(uuid4()),
                reference_id=new_reference_id(now),
                entry=entry,
                file=_stored(kept, upload),
            ),
            content=upload.content,
            now=now,
        )
        added = self._together.ask(taken)
        if added is None:
            discard(self._writer, self._files, kept.sha256)
            raise certificates.Duplicate
        return added

    def _ring_for(self, told: int) -> None:
        """Wake who processes what was committed, and who sends the webhooks that tell of it."""
        self._ring(bells.PROCESS)
        if told:
            self._ring(bells.DELIVER)

    def _add_all(self, taken: Sequence[_Taken]) -> Sequence[sa.Row[Any] | None]:
        """Those that wait at the same moment, in one commit; None for a duplicate."""

        def write(conn: sa.Connection) -> tuple[Mapping[str, sa.Row[Any]], int]:
            now = max(one.now for one in taken)
            rows, told = certificates.add_each(conn, [one.uploaded for one in taken], now=now)
            for one in taken:
                if one.uploaded.uuid in rows:
                    self._hold(one.uploaded.file.sha256, one.content)
            crashpoint("intake.adding")
            return rows, told

        rows, told = self._writer.write(write)
        crashpoint("intake.added")
        if rows:
            self._ring_for(told)
        crashpoint("intake.rung")
        return [rows.get(one.uploaded.uuid) for one in taken]

    def _hold(self, sha256: str, content: bytes) -> None:
        """Have content on disk that a record of this transaction names.

        Someone who was refused with the same content may have discarded it before. Now that the
        record is there, nobody can.
        """
        if not self._files.holds(sha256):
            self._files.keep(content)

    def add_ahead(self, *, institution_id: int, upload: Upload, now: datetime) -> str:
        """Keep a file whose entry is to come in a bulk upload; return its uuid."""
        uuid = str(uuid4())
        kept = self._files.keep(upload.content)

        def write(conn: sa.Connection) -> None:
            uploads.add_file(
                conn,
                _stored(kept, upload),
                institution_id=institution_id,
                now=now,
                uuid=uuid,
                unused_until=now + self._unused_uploads,
            )
            self._hold(kept.sha256, upload.content)
            crashpoint("intake.adding_ahead")

        self._writer.write(write)
        crashpoint("intake.added_ahead")
        return uuid

    def refusals(
        self, *, institution_id: int, file_ids: Mapping[int, str], entries: Mapping[int, Entry]
    ) -> Refusals:
        """What `add_batch` would refuse, as far as the request makes sense; keys are positions."""
        with self._database.read() as conn:
            return refusals(
                conn,
                institution_id=institution_id,
                file_ids=file_ids,
                entries=entries,
                now=self._database.now(conn),
            )

    def add_batch(self, *, institution_id: int, entries: Mapping[int, BulkEntry]) -> str:
        """Add all these certificates or none, return the batch's uuid; raises BulkRefused."""
        uuid = str(uuid4())
        told = self._writer.write(lambda conn: self._add_batch(conn, institution_id, uuid, entries))
        crashpoint("intake.added_batch")
        self._ring_for(told)
        return uuid

    def _add_batch(
        self,
        conn: sa.Connection,
        institution_id: int,
        uuid: str,
        entries: Mapping[int, BulkEntry],
    ) -> int:
        now = self._database.now(conn)
        file_ids = {n: one.file_id for n, one in entries.items()}

        def check() -> None:
            found = refusals(
                conn,
                institution_id=institution_id,
                file_ids=file_ids,
                entries={n: one.entry for n, one in entries.items()},
                now=now,
            )
            if found:
                raise BulkRefused(found)

        batch_id = certificates.add_batch(
            conn, uuid, institution_id=institution_id, total=len(entries), now=now
        )
        check()
        files = uploads.ahead(conn, list(file_ids.values()), institution_id=institution_id, now=now)
        new = [
            certificates.New(
                uuid=str(uuid4()),
                reference_id=new_reference_id(now),
                entry=one.entry,
                file_id=files[one.file_id].id,
            )
            for one in entries.values()
        ]
        try:
            with conn.begin_nested():
                uploads.use(conn, [one.file_id for one in new])
                added = certificates.add_many(
                    conn, new, institution_id=institution_id, batch_id=batch_id, now=now
                )
            crashpoint("intake.adding_batch")
            return added.told
        except (certificates.Duplicate, uploads.AlreadyUsed):
            check()  # another request was quicker: now its rows are seen, and none of ours
            raise

    def retry(self, uuid: str, *, institution_id: int) -> None:
        """Make a failed certificate due again; raises vault.store.certificates.NotFailed."""

        def write(conn: sa.Connection) -> int:
            now = self._database.now(conn)
            told = certificates.retry(conn, uuid, institution_id=institution_id, now=now)
            crashpoint("intake.retrying")
            return told

        told = self._writer.write(write)
        crashpoint("intake.retried")
        self._ring_for(told)


def _stored(kept: Kept, upload: Upload) -> StoredFile:
    return StoredFile(
        sha256=kept.sha256,
        size=kept.size,
        mime_type=upload.kind.value,
        kind="upload",
        name=upload.name,
    )
