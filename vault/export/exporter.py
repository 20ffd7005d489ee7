"""Copies certificates' files and writes their records, in short stretches of the vault's list.

No transaction lasts longer than it takes to read a stretch, so that the vault serves on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from runtime.crashpoint import crashpoint
from runtime.database import Database
from vault.addresses import Addresses
from vault.export import closing
from vault.export.asked import Asked, Begun
from vault.export.closing import Counts
from vault.export.folder import Folder, FolderProblem
from vault.export.records import FOLDERS, Record, institution, paths, record
from vault.files import DamagedFile, Files
from vault.store import certificates, institutions, listing, notices, signing
from vault.webhooks.events import iso

Rows: TypeAlias = Sequence[sa.Row[Any]]

#: Certificates looked at at once; what a death has the next run do again.
STRETCH = 100


class Exporter:
    """Brings a folder up to the newest certificate there was when its export was begun.

    Raises NoSuchInstitution at once.
    """

    def __init__(
        self, *, database: Database, files: Files, addresses: Addresses, asked: Asked
    ) -> None:
        self._database = database
        self._files = files
        self._addresses = addresses
        self._asked = asked
        with database.read() as conn:
            name = asked.institution
            self._institution_id = None if name is None else institutions.find(conn, name)

    def begin(self, folder: Folder) -> Begun:
        """Begin, or find what was begun in the folder; raises FolderProblem."""
        return folder.begin(self._asked, self._addresses.public_url, self._new)

    def _new(self) -> Begun:
        with self._database.read() as conn:
            return Begun(
                vault=self._addresses.public_url,
                asked=self._asked.told(),
                begun_at=iso(self._database.now(conn)),
                up_to_id=listing.newest_id(conn),
            )

    def run(self, folder: Folder, begun: Begun) -> Iterator[tuple[int, int]]:
        """Do all that is left; yields after each stretch its last id and how many are written."""
        count, after = self._done(folder)
        while (found := self._stretch(after, begun.up_to_id)) is not None:
            rows, mails, after = found
            made = [self._export(folder, row, mails[row.id]) for row in rows]
            crashpoint("export.copied")
            folder.append(made)
            crashpoint("export.recorded")
            count += len(made)
            yield after, count

    def close(self, folder: Folder, begun: Begun) -> Counts:
        """Complete an export of which everything has run."""
        with self._database.read() as conn:
            now = self._database.now(conn)
            mine = [
                institution(row, signing.find(conn, institution_id=row.id))
                for row in institutions.all_of_them(conn)
                if self._institution_id in (None, row.id)
            ]
        return closing.close(folder, begun, mine, finished_at=iso(now))

    def _done(self, folder: Folder) -> tuple[int, int]:
        """How many certificates an interrupted run wrote, and the last one's id; 0 if none."""
        count, last = folder.go_on()
        if last is None:
            return 0, 0
        with self._database.read() as conn:
            if not certificates.is_there(conn, last["id"], uuid=last["uuid"]):
                raise FolderProblem(
                    f"The export in {folder.path} is another vault's. Name another folder."
                )
        return count, int(last["id"])

    def _stretch(self, after: int, until: int) -> tuple[Rows, Mapping[int, Rows], int] | None:
        """The next certificates, the mails about each, and the id to go on after."""
        with self._database.read() as conn:
            found = listing.stretch(
                conn,
                self._asked.filters,
                institution_id=self._institution_id,
                updated_since=self._asked.updated_since,
                after=after,
                until=until,
                size=STRETCH,
            )
            if found is None:
                return None
            rows, last = found
            return rows, notices.about(conn, [row.id for row in rows]), last

    def _export(self, folder: Folder, row: sa.Row[Any], mails: Rows) -> Record:
        made = self._copied(folder, row, mails)
        if not any("problem" in (made[name] or {}) for name in FOLDERS):
            return made
        # The holder's data may have been erased since it was read: then nothing is missing.
        with self._database.read() as conn:
            now = certificates.get(conn, row.id)
        return made if now.erased_at == row.erased_at else self._copied(folder, now, ())

    def _copied(self, folder: Folder, row: sa.Row[Any], mails: Rows) -> Record:
        made = record(row, mails, self._addresses)
        for name in FOLDERS:
            if made[name] is None:
                for path in paths(made, name):
                    folder.drop(path)
            elif name == "verified_file" or self._asked.uploaded:
                made[name] |= self._copy(folder, made[name]["sha256"], *paths(made, name))
        return made

    def _copy(self, folder: Folder, sha256: str, path: str) -> Record:
        try:
            if not folder.holds(path, sha256):
                folder.keep(path, self._files.chunks(sha256))
        except DamagedFile as exc:
            folder.drop(path)
            return {"problem": exc.what}
        return {"path": path}
