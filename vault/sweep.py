"""The sweep: once an hour, whatever lies about and nobody needs is deleted.

Uploads that no entry took in time; passing files of processes that died; content whose record was
never committed, or is gone; links and sessions that ended, and mails that belong to nothing more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.group_commit import GroupCommit
from runtime.lease import Lease, LeaseLost, claim, lease_of, release
from vault.discarding import discard
from vault.files import Files
from vault.post import drop_strays
from vault.store import leftovers, notices, uploads
from vault.store.tables import chore

NAME = "sweep"
EVERY = timedelta(hours=1)
LEASE = timedelta(minutes=30)
#: Long enough for a worker to note the file that it has just kept.
AGE = timedelta(hours=1)
ASKED_AT_ONCE = 500

log = structlog.get_logger()


class Sweep:
    """The step that tidies up."""

    def __init__(
        self, *, database: Database, writer: GroupCommit[Any], files: Files, mail_folder: Path
    ) -> None:
        self._database = database
        self._writer = writer
        self._files = files
        self._mail_folder = mail_folder
        self._owner = uuid4().hex

    def run(self) -> bool:
        """Sweep if it is due; there is never more to do at once."""
        lease = self._claim()
        if lease is None:
            return False
        crashpoint("sweep.claimed")
        unused = self._discard(self._writer.write(self._forget_unused))
        passing = self._files.drop_passing(older_than=AGE)
        left = self._discard(orphans(self._database, self._files, older_than=AGE))
        visits = self._writer.write(self._forget_visits)
        mails = drop_strays(self._mail_folder, known=self._known_mails, older_than=AGE)
        log.info("swept", unused=unused, passing=passing, orphans=left, visits=visits, mails=mails)
        crashpoint("sweep.swept")
        self._writer.write(lambda conn: self._done(conn, lease))
        return False

    def _claim(self) -> Lease | None:
        with self._database.write() as conn:
            rows = claim(
                conn,
                chore,
                where=chore.c.name == NAME,
                owner=self._owner,
                now=self._database.now(conn),
                lease=LEASE,
                limit=1,
            )
            return lease_of(rows[0]) if rows else None

    def _done(self, conn: sa.Connection, lease: Lease) -> None:
        try:
            release(conn, chore, lease, next_run_at=self._database.now(conn) + EVERY)
        except LeaseLost:
            log.warning("lease_lost", chore=NAME)

    def _forget_unused(self, conn: sa.Connection) -> Iterable[str]:
        return uploads.forget_unused(conn, now=self._database.now(conn))

    def _forget_visits(self, conn: sa.Connection) -> int:
        return leftovers.forget(conn, now=self._database.now(conn))

    def _known_mails(self, uuids: Collection[str]) -> Collection[str]:
        waiting = iter(uuids)
        found: set[str] = set()
        while some := list(islice(waiting, ASKED_AT_ONCE)):
            with self._database.read() as conn:
                found |= notices.known(conn, some)
        return found

    def _discard(self, hashes: Iterable[str]) -> int:
        return sum(discard(self._writer, self._files, sha256) for sha256 in hashes)


def orphans(database: Database, files: Files, *, older_than: timedelta) -> Iterator[str]:
    """The hashes of what lies in the folder and no record names."""
    kept = files.kept(older_than=older_than)
    while some := list(islice(kept, ASKED_AT_ONCE)):
        with database.read() as conn:
            named = uploads.known(conn, some)
        yield from (sha256 for sha256 in some if sha256 not in named)
