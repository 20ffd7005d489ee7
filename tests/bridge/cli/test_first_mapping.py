"""The first mapping, step by step, as docs/mappings.md has it: typed as it stands there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from PIL import Image

from bridge.store import tables
from tests.bridge.cli.conftest import Run, Said
from tests.bridge.cli.test_publishing import settle
from tests.bridge.world import SITE, World, key
from tests.docs.papers import ROOT, Block, blocks

PAPER = ROOT / "docs" / "mappings.md"
STEPS = "## Your first one, step by step"


def steps() -> list[Block]:
    """The documents and commands of the section, in their order."""
    text = PAPER.read_text("utf-8").split(f"{STEPS}\n")[1]
    return blocks(text.split("\n## ")[0])


def named(world: World, line: str) -> str:
    """A command with what the reader would put in: ids from the lists before, their site."""
    line = line.replace("moodle-main", SITE)
    if "COMPLETION" in line:
        line = line.replace("COMPLETION", world.rows(tables.completion)[0].id)
    return line.replace("HOLD", world.one(tables.hold).id) if "HOLD" in line else line


def test_the_first_steps_lead_to_a_certificate_that_was_seen_before(
    run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert 0 == run("mappings", "deactivate", "course-completion", "--reason", "anew").code
    world.complete()
    settle(world)
    said: dict[str, Said] = {}
    for block in steps():
        if block.language == "yaml":
            Path("first.yaml").write_text(block.text.replace("moodle-main", SITE))
            continue
        for line in block.text.splitlines():
            command = named(world, line)
            said[line] = run(*shlex.split(command.removeprefix("vaultbridge ")))
            assert (0, "") == (said[line].code, said[line].err), command
            if "release" not in line and "publish" not in line:
                settle(world)
                assert {} == world.vault.created, "nothing leaves before it is released"
    settle(world)

    assert {key(): 1} == world.vault.created
    assert 1 == len(list(Path("look").glob("*.pdf")))
    with Image.open("first.png") as shown:
        assert shown.width > 500
    (fields,) = (one for line, one in said.items() if "mappings fields" in line)
    assert "learner.full_name" in fields.out
    assert "Ada Lovelace" in fields.out
    world.complete("bob")
    settle(world)
    assert [1, 1] == list(world.vault.created.values())
