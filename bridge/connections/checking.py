"""A check of permissions that goes on by itself, so that nobody waits for an LMS that is silent.

What is found is kept as it comes, for whoever looks at the site or the issuer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.connections import issuers, sites
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, connection_checks
from bridge.vault_client import Permission, VaultError
from connectors.base import ConnectorError, Finding
from runtime.keys import KeyProblem

#: Nothing more is tried after that: an LMS that does not answer is asked a dozen times.
PATIENCE = timedelta(minutes=2)
_SLOW = Finding(
    name="the rest",
    ok=False,
    problem="It was not tried, as the answers took too long.",
    remedy="See that the other side and its network are up, then check again.",
)

log = structlog.get_logger()


def begin_site(bridge: Bridge, name: str, *, who: str) -> None:
    """Begin to try a site's permissions. Raises bridge.store.accounts.NotThere."""
    with bridge.database.read() as conn:
        row = accounts.site_named(conn, name)
    _begin(bridge, row, lambda: sites.check(bridge, name, who=who), who=who)


def begin_issuer(bridge: Bridge, name: str, *, who: str) -> None:
    """Begin to try an issuer's permissions. Raises bridge.store.accounts.NotThere."""
    with bridge.database.read() as conn:
        row = accounts.issuer_named(conn, name)
    _begin(bridge, row, lambda: map(_found, issuers.check(bridge, name, who=who)), who=who)


def _found(permission: Permission) -> Finding:
    if permission.ok:
        return Finding(name=permission.name, ok=True)
    return Finding(
        name=permission.name,
        ok=False,
        problem=permission.message or "The token may not do it.",
        remedy="Give the token this permission at the vault, or make a new one there and enter it "
        "under Secrets.",
    )


def _begin(
    bridge: Bridge, row: sa.Row[Any], check: Callable[[], Iterator[Finding]], *, who: str
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if not connection_checks.begin(conn, row.id, who=who, now=now):
            return
    work = _Check(bridge, row.id, check, begun_at=now)
    threading.Thread(target=work.run, name=f"check-{row.name}", daemon=True).start()


class _Check:
    """One check on its way."""

    def __init__(
        self,
        bridge: Bridge,
        subject: str,
        check: Callable[[], Iterator[Finding]],
        *,
        begun_at: datetime,
    ) -> None:
        self._bridge = bridge
        self._subject = subject
        self._check = check
        self._begun_at = begun_at
        self._findings: list[dict[str, Any]] = []

    def run(self) -> None:
        """Try everything; whatever happens, what was found is told and the check ended."""
        try:
            self._try_all()
        except (ConnectorError, VaultError, KeyProblem, accounts.NotThere) as exc:
            self._tell(_broken_off(str(exc), getattr(exc, "remedy", None)))
        except sa.exc.SQLAlchemyError as exc:
            log.error("check_failed", subject=self._subject, reason=type(exc).__name__)  # noqa: TRY400
            return  # it counts as cut off
        except Exception as exc:
            log.exception("check_failed", subject=self._subject)
            said = f"It failed with {type(exc).__name__}, which is a fault in the program."
            self._tell(_broken_off(said, "Report it with the log's trace."))
        self._keep(ended=True)

    def _try_all(self) -> None:
        deadline = time.monotonic() + PATIENCE.total_seconds()
        for finding in self._check():
            self._tell(finding)
            if time.monotonic() > deadline:
                self._tell(_SLOW)
                return

    def _tell(self, finding: Finding) -> None:
        self._findings.append(asdict(finding))
        self._keep(ended=False)

    def _keep(self, *, ended: bool) -> None:
        with self._bridge.database.write() as conn:
            now = self._bridge.database.now(conn) if ended else None
            connection_checks.tell(
                conn, self._subject, self._findings, begun_at=self._begun_at, ended_at=now
            )


def _broken_off(said: str, remedy: str | None) -> Finding:
    return Finding(name="the connection", ok=False, problem=said, remedy=remedy)
