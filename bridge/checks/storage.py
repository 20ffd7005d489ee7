"""Where the bridge writes: room, and rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bridge.checks.installation import Installation
from runtime import checkup
from runtime.checkup import Finding


def disk(of: Installation) -> Iterator[Finding]:
    """Whether there is room for fonts, copies and, on SQLite, rows."""
    folders = [of.settings.cache_dir]
    if of.settings.backup_dir is not None:
        folders.append(of.settings.backup_dir)
    if of.database.is_sqlite:
        folders.append(Path(of.database.engine.url.database or ".").parent)
    yield from checkup.disk(folders)


def cache(of: Installation) -> Iterator[Finding]:
    """Whether fonts can be unpacked; the folder is made when it is first needed."""
    path = of.settings.cache_dir
    if path.exists() and not os.access(path, os.W_OK | os.X_OK):
        yield Finding(
            text=f"{path} cannot be written by this user. Give it to the user who runs the "
            "workers (chown -R), or delete it: it is made anew."
        )
