"""``vaultbridge doctor``: one line a check, and what to do where it is not well."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.checks import ASKING, CHECKS
from tests.bridge.cli.conftest import Run
from tests.bridge.world import World


def lines(out: str) -> list[str]:
    return [line.partition(":")[0] for line in out.splitlines() if line[0] != " "]


def test_each_check_has_its_line_and_trouble_its_status(run: Run, world: World) -> None:
    told = run("doctor")

    assert 1 == told.code
    assert ["settings", *CHECKS] == lines(told.out)
    assert "settings: well\ndatabase: well\n" in told.out
    assert "redis: trouble\n  Redis does not answer" in told.out


def test_quick_asks_no_vault_and_no_lms(run: Run, world: World) -> None:
    told = run("doctor", "--quick")

    assert ["settings", *(name for name in CHECKS if name not in ASKING)] == lines(told.out)


def test_nothing_is_looked_at_without_settings_or_tables(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.sqlite'}")
    told = run("doctor")
    assert (1, ["settings", "database"]) == (told.code, lines(told.out))
    assert "database: trouble\n" in told.out

    monkeypatch.setenv("BRIDGE_PORT", "x")
    monkeypatch.setenv("BRIDGE_COLOUR", "red")
    told = run("doctor")
    assert (1, "settings: trouble") == (told.code, told.out.splitlines()[0])
    assert ["  BRIDGE_COLOUR: no such setting.", "  BRIDGE_PORT: Not a valid integer."] == [
        line.split(" Did")[0].split(" It is")[0] for line in told.out.splitlines()[1:]
    ]
