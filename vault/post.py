"""Mails that are files in a folder, where there is no mail server: which of them go, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from pathlib import Path


def forget_files(folder: Path, uuids: Iterable[str]) -> None:
    """Delete the files of mails, if there are any."""
    for uuid in uuids:
        for path in folder.glob(f"{uuid}.*.eml"):
            path.unlink(missing_ok=True)


def drop_strays(
    folder: Path, *, known: Callable[[Collection[str]], Collection[str]], older_than: timedelta
) -> int:
    """Delete old files that belong to no mail, and return how many.

    A mail on its way while its certificate was erased comes too late for the erasing; a process
    that died leaves a passing file. ``known`` says which of these ids are mails'.
    """
    latest = time.time() - older_than.total_seconds()
    found = [path for path in folder.glob("*.eml") if path.stat().st_mtime < latest]
    mails = known({path.name.partition(".")[0] for path in found})
    strays = [path for path in found if path.name.partition(".")[0] not in mails]
    strays += [path for path in folder.glob(".*") if path.stat().st_mtime < latest]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)
