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
    """Whether fonts can be unpacked."""
    yield from writable(of.settings.cache_dir, "BRIDGE_CACHE_DIR")


def writable(folder: Path, setting: str) -> Iterator[Finding]:
    """Whether this user can write to a folder, or make it where it is not there yet."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            text=f"{place} cannot be written by this user. Give it to the user whose processes "
            f"these are (chown -R), or name another folder: {setting}."
        )
