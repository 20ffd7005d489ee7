"""Where the vault writes: room, rights, what lies there and should not, what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from runtime import checkup
from runtime.checkup import Finding
from vault import bells, wiring
from vault.checks.installation import SHOWN, Installation
from vault.files import DamagedFile, Files
from vault.store import uploads
from vault.sweep import AGE, EVERY, orphans

#: By then the sweep has been there twice.
LEFT = AGE + 2 * EVERY
HASHES_AT_ONCE = 500


def disk(of: Installation) -> Iterator[Finding]:
    """Whether there is room for files, mails and, on SQLite, records."""
    if of.settings.read_only:
        return
    folders = [of.settings.files, wiring.mail_folder(of.settings)]
    if of.database.is_sqlite:
        folders.append(Path(of.database.engine.url.database or ".").parent)
    yield from checkup.disk(folders)


def folder(of: Installation) -> Iterator[Finding]:
    """Whether the folder of files can be used by the vault, and is nobody else's."""
    path = of.settings.files
    if not path.is_dir():
        yield Finding(
            text=f"There is no folder {path}. Mount it, or correct VAULT_FILES; what lay there "
            "must come back from a backup."
        )
        return
    yield from checkup.private(path)
    if not of.settings.read_only and not os.access(path, os.W_OK | os.X_OK):
        yield Finding(
            text=f"{path} cannot be written by this user. Give it to the vault's user: chown -R"
        )


def leftovers(of: Installation) -> Iterator[Finding]:
    """What the hourly sweep should have deleted: content nobody names, passing files."""
    files = _files(of)
    if files is None:
        return
    found = list(orphans(of.database, files, older_than=LEFT))
    found += [path.name for path in files.passing(older_than=LEFT)]
    if not found:
        return
    text = f"Files in {of.settings.files} that no record names: {len(found)}"
    if of.settings.read_only:
        yield checkup.note(f"{text}. They do no harm.")
        return
    yield Finding(
        text=f"{text} ({', '.join(found[:SHOWN])}). `certvault {bells.worker(bells.PROCESS)}` "
        "deletes such files once an hour: does it run? What it logs as `swept` names the reason."
    )


def content(of: Installation) -> Iterator[Finding]:
    """Whether every file that a record names is there and unchanged."""
    files = _files(of)
    if files is None:
        return
    damaged = _damaged(of, files)
    for exc in islice(damaged, SHOWN):
        yield Finding(text=str(exc))
    if more := sum(1 for _ in damaged):
        yield Finding(
            text=f"Further files like these: {more}. "
            "`certvault export FOLDER --uploaded` names all of certificates."
        )


def _damaged(of: Installation, files: Files) -> Iterator[DamagedFile]:
    after = ""
    while True:
        # Bit by bit: SQLite lets nobody write while somebody reads on and on.
        with of.database.read() as conn:
            some = uploads.hashes(conn, after=after, limit=HASHES_AT_ONCE)
        if not some:
            return
        after = some[-1]
        for sha256 in some:
            try:
                files.read(sha256)
            except DamagedFile as exc:
                yield exc


def _files(of: Installation) -> Files | None:
    # Files would make the folder, which may only not be mounted.
    return Files(of.settings.files) if of.settings.files.is_dir() else None
