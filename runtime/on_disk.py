"""Waiting until the disk has it, and files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.crashpoint import crashpoint


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A private file to fill; once it is whole and on disk it bears the target's name.

    Raises OSError. What somebody else left unfinished is begun anew.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    crashpoint("on_disk.begun")
    try:
        yield unfinished
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(unfinished)
    crashpoint("on_disk.filled")
    unfinished.replace(target)
    sync(target.parent)
    crashpoint("on_disk.named")


def sync(path: Path) -> None:
    """Have a file's content on disk, or a folder's names: a name is there only once its folder is.

    Raises OSError.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
