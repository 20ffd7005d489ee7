"""The processes: the Procfile says what the program says, and each command is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli import COMMANDS
from bridge.processes import BRIDGE, VAULT
from bridge.queue import BELLS
from runtime.embedded import resolve

PROCFILE = Path(__file__).parents[2] / "Procfile"


def test_the_procfile_names_every_process_and_its_command() -> None:
    lines = [line.split(": ", 1) for line in PROCFILE.read_text().splitlines() if line]
    said = {name: command for name, command in lines if name != "release"}

    assert {name: " ".join(command) for name, command in {**BRIDGE, **VAULT}.items()} == said
    assert ["release", "vaultbridge migrate && certvault migrate"] in lines


def test_each_bell_has_a_worker_of_its_own() -> None:
    workers = {command[2] for command in BRIDGE.values() if command[1] == "worker"}

    assert set(BELLS) == workers


def test_each_command_is_one_of_the_program() -> None:
    assert {command[1] for command in BRIDGE.values()} <= set(COMMANDS)


def test_a_command_is_found_beside_this_python() -> None:
    program, *rest = resolve(("vaultbridge", "clock"))

    assert Path(program).is_file()
    assert ["clock"] == rest
    with pytest.raises(FileNotFoundError, match="is not installed"):
        resolve(("no-such-program",))
