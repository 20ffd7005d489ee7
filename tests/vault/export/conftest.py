"""Where tests of exports export to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vault.export.exported import Exported


@pytest.fixture
def folder(tmp_path: Path) -> Exported:
    """A folder that does not exist yet."""
    return Exported(path=tmp_path / "given" / "export")
