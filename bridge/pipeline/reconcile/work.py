"""What each comparison works with: the site it holds, the run, and writes under that lease."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import differences
from bridge.store.differences import Seen
from bridge.store.events import PIPELINE
from bridge.store.tables import site
from connectors.base import Connector
from runtime.crashpoint import crashpoint
from runtime.lease import lease_of, save

T = TypeVar("T")


class NotCompared(Exception):
    """This cannot be compared; ``remedy`` says what would let it be."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one comparison looked at."""

    count: int
    #: From when on what was not seen is surely not there; None for the whole span of the run.
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One step of one run."""

    bridge: Bridge
    site: sa.Row[Any]  #: as it was claimed
    run: sa.Row[Any]

    @contextmanager
    def write(self) -> Iterator[tuple[sa.Connection, datetime]]:
        """A transaction under the site's lease, which it renews; raises LeaseLost."""
        with self.bridge.database.write() as conn:
            now = self.bridge.database.now(conn)
            until = now + self.bridge.settings.lease
            save(conn, site, lease_of(self.site), lease_until=until)
            yield conn, now

    def renew(self) -> datetime:
        """Keep the site; return the present moment. Before calls that take their time."""
        with self.write() as (_, now):
            return now

    def connector(self) -> Connector[Any]:
        """The site's connector. Raises Permanent, and NotCompared while the LMS is left alone."""
        now = self.renew()
        shut = self.site.shut_until
        # Who asks by hand may have just mended it.
        if self.run.who == PIPELINE and shut is not None and shut > now:
            raise NotCompared(
                f"The LMS of the site {self.site.name} does not answer, or asked to be left alone.",
                remedy="Nothing: it is asked again by itself.",
            )
        return self.bridge.connector_of(self.site)

    def see(self, seen: Sequence[Seen]) -> None:
        """Write down the differences that were seen."""
        if seen:
            with self.write() as (conn, now):
                self.see_in(conn, seen, now=now)
                crashpoint("reconcile.seeing")
            crashpoint("reconcile.seen")

    def see_in(self, conn: sa.Connection, seen: Sequence[Seen], *, now: datetime) -> None:
        """The same, within a transaction of `write`."""
        differences.see(
            conn, seen, site_id=self.site.id, run_id=self.run.id, who=self.run.who, now=now
        )

    def fix_command(self, cause: str | None = None) -> str:
        """The command that mends all of the site's differences, or those of one cause."""
        command = f"vaultbridge reconcile --site {self.site.name} --fix"
        return command if cause is None else f"{command} --cause {cause}"


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, so many at a time."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
