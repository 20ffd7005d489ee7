"""What `vaultbridge doctor` looks at: a check a name, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bridge.checks import documents, ground, outside, partners, printing, running, secrets, storage
from bridge.checks.installation import Installation
from runtime.checkup import Finding

#: All else stands on it.
GROUND = "database"

CHECKS: Mapping[str, Callable[[Installation], Iterator[Finding]]] = {
    GROUND: ground.database,
    "database server": ground.server,
    "clock": ground.clock,
    "redis": running.redis,
    "processes": running.processes,
    "waiting work": running.waiting,
    "keys": secrets.keys,
    "issuers": partners.issuers,
    "sites": partners.sites,
    "public address": outside.public_address,
    "mails": outside.mails,
    "notices": outside.notices,
    "sign-in": outside.sign_in,
    "mappings": documents.mappings,
    "fonts": printing.fonts,
    "templates": printing.templates,
    "disk": storage.disk,
    "cache": storage.cache,
}
#: What asks vaults and LMSs, and so may take long.
ASKING = frozenset({"issuers", "sites"})
