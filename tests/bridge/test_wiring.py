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


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Settings:
    (tmp_path / "secret.key").write_text(f"# newest first\n{KEY}\n")
    return settings(
        database_url=database_url,
        key_file=str(tmp_path / "secret.key"),
        cache_dir=str(tmp_path / "cache"),
        backup_dir=str(tmp_path / "backups"),
        vault_deadline="20",
        lms_deadline="30",
    )


def test_a_bridge_is_built_on_a_migrated_database_only(place: Settings) -> None:
    with pytest.raises(SchemaError, match="Run `vaultbridge migrate`"):
        build(place, ring=lambda _step: None)

    assert None is migrate_database(place)
    assert None is migrate_database(place), "there is nothing to do the second time"
    first, second = (build(place, ring=lambda _step: None) for _ in range(2))

    assert first.owner != second.owner, "two processes never share a lease"
    assert len(first.owner) <= 64
    deadlines = [timedelta(seconds=20), timedelta(seconds=30)]
    assert deadlines == [client.deadline for client in (first.vault_http, first.lms_http)]
    for bridge in (first, second):
        bridge.database.close()
        bridge.vault_http.close()
        bridge.lms_http.close()


def test_without_its_keys_no_process_starts(place: Settings) -> None:
    migrate_database(place)
    place.key_file.unlink()

    with pytest.raises(KeyProblem, match="Cannot read the keys"):
        build(place, ring=lambda _step: None)
