"""Withdrawing a certificate: revoked with its reason, or its holder's data erased for good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from runtime.bell import Ring
from runtime.database import Database
from runtime.group_commit import GroupCommit
from vault import bells
from vault.discarding import discard
from vault.files import Files
from vault.post import forget_files
from vault.store import certificates, notices, withdrawal


class Withdrawal:
    """Revokes and erases; safe to use from many threads. Errors: vault.store.withdrawal's."""

    def __init__(
        self,
        *,
        database: Database,
        writer: GroupCommit[Any],
        files: Files,
        mail_folder: Path,
        ring: Ring,
    ) -> None:
        self._database = database
        self._writer = writer
        self._files = files
        self._mail_folder = mail_folder
        self._ring = ring

    def revoke(
        self, uuid: str, *, institution_id: int, reason: str, replaced_by: str | None
    ) -> None:
        """Revoke a certificate; raises NoSuchCertificate, NoReplacement."""

        def write(conn: sa.Connection) -> int:
            return withdrawal.revoke(
                conn,
                uuid,
                institution_id=institution_id,
                reason=reason,
                replaced_by=replaced_by,
                now=self._database.now(conn),
            )

        if self._writer.write(write):
            self._ring(bells.DELIVER)

    def erase(self, uuid: str, *, institution_id: int) -> None:
        """Erase a holder's data; raises NoSuchCertificate, AlreadyErased.

        A file that a crash leaves on disk here is found by the next sweep. Mails in the folder go
        first: their rows, by which they are found, go with the data.
        """
        with self._database.read() as conn:
            row = certificates.find(conn, uuid, institution_id=institution_id)
            mails = notices.of(conn, uuid) if row is not None else ()
        forget_files(self._mail_folder, mails)

        def write(conn: sa.Connection) -> Sequence[str]:
            now = self._database.now(conn)
            return withdrawal.erase(conn, uuid, institution_id=institution_id, now=now)

        for sha256 in self._writer.write(write):
            discard(self._writer, self._files, sha256)
