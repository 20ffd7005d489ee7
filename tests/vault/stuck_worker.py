"""A worker that never comes back from a file: run as a process of its own."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from vault import settings, wiring
from vault.kinds import FileKind
from vault.processing import Processing
from vault.sandbox import Sandbox, Strip
from vault.signing import SigningKeys


class Stuck(Sandbox):
    """Stamps for ever, and is not ended as its children would be."""

    def stamped(self, content: bytes, *, kind: FileKind, strip: Strip) -> bytes | None:
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    vault = wiring.build(settings.read(os.environ))
    Processing(
        database=vault.database,
        files=vault.files,
        addresses=vault.addresses,
        sandbox=Stuck(),
        sealer=vault.sealer,
        signing_keys=SigningKeys(vault.database, lambda: wiring.keys(vault.settings)),
        lease=timedelta(seconds=2),
        monotonic=lambda: 0.0,  # it begins with the file, however busy the machine is
    ).run()
