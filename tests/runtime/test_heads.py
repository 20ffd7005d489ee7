"""The migrations of each service stand in one row: two that were added at once would not."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import bridge.wiring
import vault.store.tables


@pytest.mark.parametrize("folder", [bridge.wiring.MIGRATIONS, vault.store.tables.MIGRATIONS])
def test_there_is_one_newest_migration(folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))

    assert 1 == len(ScriptDirectory.from_config(config).get_heads())
