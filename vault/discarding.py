"""Deleting content of the folder of files that no record names."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from runtime.group_commit import GroupCommit
from vault.files import Files
from vault.store import uploads


def discard(writer: GroupCommit[Any], files: Files, sha256: str) -> bool:
    """Delete content that no record names any more; return whether it was deleted."""

    def write(conn: sa.Connection) -> bool:
        # Inside the transaction: outside it, a new record might come to need the content.
        if uploads.is_needed(conn, sha256):
            return False
        files.discard(sha256)
        return True

    return bool(writer.write(write))
