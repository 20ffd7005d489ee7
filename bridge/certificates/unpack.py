"""How files are put where Typst reads them: in folders named by what they hold."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def unpacked(folder: Path, files: Mapping[str, bytes], *, named: str | None = None) -> Path:
    """Write the files below ``folder/<digest of all>`` and return that folder.

    ``named`` is their digest, where it is known. Files that are there with their size are left
    alone. Safe to repeat, and while other processes do the same: a file appears whole or not at
    all.
    """
    into = folder / (named or digest(files))[:32]
    for name, content in files.items():
        write(into / name, content)
    return into


def write(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all; one there with the same size is kept."""
    if path.exists() and path.stat().st_size == len(content):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as new:
        new.write(content)
    os.replace(new.name, path)  # noqa: PTH105 - by name: the file object has no Path


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256, in hex, of the files' names and contents, whatever their order."""
    whole = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()
