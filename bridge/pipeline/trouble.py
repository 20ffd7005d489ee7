"""A site in trouble: its owner is told what to mend, and no longer once it is mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.store import accounts
from bridge.store.troubles import troubled
from connectors.base import Permanent

#: A site that a person must mend is tried again this often; a mended one is tried at once.
REFUSED = timedelta(minutes=15)

log = structlog.get_logger()


def tell(bridge: Bridge, site: sa.Row[Any], exc: Permanent) -> None:
    """Say on the site what its owner must mend."""
    if (site.problem, site.remedy) != (exc.problem, exc.remedy):
        with bridge.database.write() as conn:
            said = troubled(
                site,
                cause=cause_of("site", exc),
                problem=exc.problem,
                remedy=exc.remedy,
                now=bridge.database.now(conn),
            )
            accounts.note_trouble(conn, site.id, kind="site", said=said)
    log.error("site_refuses", site=site.name, reason=exc.problem, remedy=exc.remedy)


def over(bridge: Bridge, site: sa.Row[Any]) -> None:
    """The site does what it is asked: nothing needs mending."""
    if site.problem is not None:
        with bridge.database.write() as conn:
            accounts.note_trouble(conn, site.id, kind="site")
