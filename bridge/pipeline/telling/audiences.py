"""Who is told what: a site's owners, an issuer's, and the operator for all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.telling.concern import OPERATOR, Place
from bridge.store import accounts, owners
from runtime.keys import KeyProblem

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """The addresses of each audience that has any, and of each place its audience."""

    addresses: Mapping[str, tuple[str, ...]]
    of_place: Mapping[Place, str]

    def audience(self, place: Place) -> str | None:
        """Who is told of a place; None if nobody is."""
        return self.of_place.get(place)


def audiences(bridge: Bridge, conn: sa.Connection) -> Audiences:
    """Who is told of each site and issuer now."""
    addresses: dict[str, tuple[str, ...]] = {}
    of_place: dict[Place, str] = {}
    if bridge.settings.operator:
        addresses[OPERATOR] = bridge.settings.operator
        of_place[OPERATOR, ""] = OPERATOR
    for kind, rows in (("site", accounts.sites(conn)), ("issuer", accounts.issuers(conn))):
        for row in rows:
            own = f"{kind} {row.name}"
            if found := _owners(bridge, row, kind):
                addresses[own] = found
                of_place[kind, row.name] = own
            elif bridge.settings.operator:
                of_place[kind, row.name] = OPERATOR
    return Audiences(addresses=addresses, of_place=of_place)


def _owners(bridge: Bridge, row: sa.Row[Any], kind: str) -> tuple[str, ...]:
    try:
        return owners.of(row, kind=kind, keys=bridge.keys)
    except KeyProblem as exc:  # the operator is told instead, if there is one
        log.warning("owners_unreadable", kind=kind, name=row.name, reason=str(exc))
        return ()
