"""Exports that take two certificates at a time, to die between them.

``python -m tests.vault.export.dying CONFIG``, by `tests.faults.lives`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from runtime.database import Database
from tests.faults.lives import Tell, arm, serve
from tests.vault.world import PUBLIC_URL
from vault.addresses import Addresses
from vault.export import exporter
from vault.export.asked import Asked
from vault.export.folder import taken
from vault.files import Files


def live(order: Mapping[str, Any], tell: Tell) -> None:
    """Export everything."""
    arm(order, tell)
    with closing(Database(order["database_url"])) as database, taken(Path(order["to"])) as folder:
        export = exporter.Exporter(
            database=database,
            files=Files(Path(order["files"])),
            addresses=Addresses(PUBLIC_URL),
            asked=Asked(),
        )
        begun = export.begin(folder)
        for _ in export.run(folder, begun):
            pass
        export.close(folder, begun)


if __name__ == "__main__":
    exporter.STRETCH = 2
    serve(live)
