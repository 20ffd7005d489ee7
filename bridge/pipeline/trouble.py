"""A site in trouble: it is told on the site, which is left alone until it is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.store import accounts, gates
from bridge.store.tables import site as sites
from bridge.store.troubles import troubled
from connectors.base import Permanent, Temporary

#: A site that a person must mend is asked at least this often; a mended one is tried at once.
REFUSED = timedelta(minutes=15)
BACK_BY_ITSELF = "Nothing: it is asked again by itself, and what waits for it then goes on."

log = structlog.get_logger()


def tell(bridge: Bridge, site: sa.Row[Any], exc: Temporary | Permanent) -> None:
    """Say on the site what is the matter, and leave it alone until it is tried again."""
    cause = cause_of("site", exc)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        until = now + wait(bridge, exc, gates.fail(conn, sites, site.id))
        gates.shut(conn, sites, site.id, until=until, probing=site.shut_until is not None)
        said = troubled(site, cause=cause, problem=exc.problem, remedy=_remedy(exc), now=now)
        accounts.note_trouble(conn, site.id, kind="site", said=said)
    # Its words, which the site keeps, may be about a person.
    told = {"site": site.name, "reason": cause, "until": until.isoformat()}
    if isinstance(exc, Permanent):
        log.error("site_refuses", **told)
    else:
        log.warning("site_left_alone", **told)


def over(bridge: Bridge, site: sa.Row[Any]) -> None:
    """The site does what it is asked: everything that waited for it may go on."""
    if site.problem is not None or site.shut_until is not None:
        with bridge.database.write() as conn:
            mended(conn, site.id)
        log.info("site_is_back", site=site.name)


def mended(conn: sa.Connection, site_id: str) -> None:
    """Nothing is the matter with a site (any more)."""
    gates.answered(conn, sites, site_id, probing=True)
    accounts.note_trouble(conn, site_id, kind="site")


def wait(bridge: Bridge, exc: Temporary | Permanent, failures: int) -> timedelta:
    """When to ask again after so many failures in a row (from 1)."""
    if isinstance(exc, Permanent):
        return min(bridge.backoff.wait(failures), REFUSED)
    return bridge.backoff.wait(failures, at_least=exc.retry_after)


def _remedy(exc: Temporary | Permanent) -> str:
    return exc.remedy if isinstance(exc, Permanent) else BACK_BY_ITSELF
