"""What a process is built from: settings in, a bridge out, or a sentence saying why not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bridge.settings import Settings
from bridge.wiring import build, migrate_database
from runtime.keys import KeyProblem
from runtime.schema import SchemaError
from tests.bridge.institution import KEY, settings


def place(folder: Path, url: str) -> Settings:
    """The settings of an installation in a folder."""
    (folder / "secret.key").write_text(f"# newest first\n{KEY}\n")
    return settings(
        database_url=url,
        key_file=str(folder / "secret.key"),
        cache_dir=str(folder / "cache"),
        backup_dir=str(folder / "backups"),
        vault_deadline="20",
        lms_deadline="30",
    )


def test_a_bridge_is_built_from_settings(tmp_path: Path, migrated_url: str) -> None:
    here = place(tmp_path, migrated_url)

    assert None is migrate_database(here), "there is nothing to do"
    first, second = (build(here, ring=lambda _step: None) for _ in range(2))

    assert first.owner != second.owner, "two processes never share a lease"
    assert len(first.owner) <= 64
    deadlines = [timedelta(seconds=20), timedelta(seconds=30)]
    assert deadlines == [client.deadline for client in (first.vault_http, first.lms_http)]
    for bridge in (first, second):
        bridge.database.close()
        bridge.vault_http.close()
        bridge.lms_http.close()


def test_without_its_tables_no_process_starts(tmp_path: Path, sqlite_url: str) -> None:
    here = place(tmp_path, sqlite_url)

    with pytest.raises(SchemaError, match="Run `vaultbridge migrate`"):
        build(here, ring=lambda _step: None)
    migrate_database(here)
    bridge = build(here, ring=lambda _step: None)
    bridge.database.close()
    bridge.vault_http.close()
    bridge.lms_http.close()


def test_without_its_keys_no_process_starts(tmp_path: Path, migrated_url: str) -> None:
    here = place(tmp_path, migrated_url)
    here.key_file.unlink()

    with pytest.raises(KeyProblem, match="Cannot read the keys"):
        build(here, ring=lambda _step: None)
