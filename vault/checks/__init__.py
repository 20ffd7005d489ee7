"""What `certvault doctor` looks at: a check a name, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from runtime.checkup import Finding
from vault.checks import ground, outside, running, secrets, storage, strip
from vault.checks.installation import Installation

#: All else stands on it.
GROUND = "database"
#: What reads the content of every file, and so may take long.
CONTENT = "content of files"

CHECKS: Mapping[str, Callable[[Installation], Iterator[Finding]]] = {
    GROUND: ground.database,
    "clock": ground.clock,
    "redis": running.redis,
    "processes": running.processes,
    "waiting work": running.waiting,
    "failed certificates": running.failed,
    "mails": outside.mails,
    "webhooks": outside.webhooks,
    "public address": outside.public_address,
    "keys": secrets.keys,
    "signing keys": secrets.signing_keys,
    "strip": strip.fonts,
    "disk": storage.disk,
    "folder of files": storage.folder,
    "leftovers": storage.leftovers,
    CONTENT: storage.content,
}
