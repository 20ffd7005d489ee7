"""Taking a certificate in: its file on disk and its record committed, or neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from runtime.bell import Ring
from runtime.database import Database
from runtime.group_commit import GroupCommit
from vault.certificate import Entry, new_reference_id
from vault.documents import FileKind
from vault.files import Files, Staged
from vault.processing import STEP
from vault.store import certificates
from vault.store.uploads import StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was inspected and can be processed."""

    content: bytes = field(repr=False)
    kind: FileKind
    name: str | None  #: as the sender called it; for show only


class Intake:
    """Adds certificates and sends failed ones round again; safe to use from many threads."""

    def __init__(
        self, *, database: Database, writer: GroupCommit[Any], files: Files, ring: Ring
    ) -> None:
        self._database = database
        self._writer = writer
        self._files = files
        self._ring = ring

    def add(self, *, institution_id: int, entry: Entry, upload: Upload) -> str:
        """Add one certificate, return its uuid; raises vault.store.certificates.Duplicate."""
        with self._database.read() as conn:
            # Most duplicates are seen here, before their file is written.
            if certificates.exists(conn, institution_id=institution_id, entry=entry):
                raise certificates.Duplicate
        staged = self._files.stage(upload.content)
        try:
            uuid = self._add(institution_id, entry, upload, staged)
        finally:
            self._files.drop(staged)
        self._ring(STEP)
        return uuid

    def _add(self, institution_id: int, entry: Entry, upload: Upload, staged: Staged) -> str:
        uuid = str(uuid4())
        stored = StoredFile(
            sha256=staged.sha256,
            size=staged.size,
            mime_type=upload.kind.value,
            kind="upload",
            name=upload.name,
        )

        def write(conn: sa.Connection) -> str:
            now = self._database.now(conn)
            certificates.add(
                conn,
                institution_id=institution_id,
                entry=entry,
                uuid=uuid,
                reference_id=new_reference_id(now),
                uploaded=stored,
                now=now,
            )
            # Before the commit: a record whose file is not there would be a lost certificate.
            self._files.keep(staged)
            return uuid

        return str(self._writer.write(write))

    def retry(self, uuid: str, *, institution_id: int) -> None:
        """Make a failed certificate due again; raises vault.store.certificates.NotFailed."""

        def write(conn: sa.Connection) -> None:
            now = self._database.now(conn)
            certificates.retry(conn, uuid, institution_id=institution_id, now=now)

        self._writer.write(write)
        self._ring(STEP)
