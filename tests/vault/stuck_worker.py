"""A worker whose PDF library never returns: run as a process of its own."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from vault import settings, wiring
from vault.processing import Processing
from vault.signing import SigningKeys
from vault.stamp import Stamper


class Stuck(Stamper):
    """Stamps for ever."""

    def stamp(self, content: bytes, **_: str) -> bytes:
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    vault = wiring.build(settings.read(os.environ))
    Processing(
        database=vault.database,
        files=vault.files,
        addresses=vault.addresses,
        stamper=Stuck(),
        signing_keys=SigningKeys(vault.database, lambda: wiring.keys(vault.settings)),
        lease=timedelta(seconds=2),
    ).run()
