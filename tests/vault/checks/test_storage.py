"""The doctor on the folder of files, and on the strip."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import httpx

from tests.vault.checks.finding import WELL, found, noted, trouble
from tests.vault.export.exported import export
from tests.vault.world import World, upload
from vault.files import Files


def test_a_name_that_the_strip_cannot_print(world: World) -> None:
    world.institution("北京大学")

    assert noted(world, "strip").startswith("The strip's font cannot print the name 北京大学, so ")


def test_a_folder_of_files_that_is_not_mounted_is_not_made(world: World) -> None:
    folder = world.vault.settings.files
    folder.rename(folder.with_name("elsewhere"))

    assert trouble(world, "folder of files").startswith(f"There is no folder {folder}. Mount it,")
    assert WELL == found(world, "leftovers") == found(world, "content of files")
    assert not folder.exists()


def test_leftovers(world: World, client: httpx.Client) -> None:
    upload(client)
    world.process()
    files = Files(world.vault.settings.files)
    passing = files.folder / "incoming" / "of-a-process-that-died"
    passing.write_bytes(b"passing")
    orphan = files.keep(b"nobody's")
    assert WELL == found(world, "leftovers")

    then = time.time() - 4 * 3600
    for path in files.folder.rglob("*"):
        os.utime(path, (then, then))
    told = trouble(world, "leftovers")
    assert told.startswith(f"Files in {files.folder} that no record names: 2 ({orphan.sha256}, ")
    assert passing.name in told
    assert noted(world, "leftovers", read_only=True).endswith(
        " no record names: 2. They do no harm."
    )


def test_files_that_are_missing_or_changed(
    world: World, client: httpx.Client, tmp_path: Path
) -> None:
    for number in range(5):
        upload(client, certificate_title=f"{number}")
    world.process()
    kept = sorted(world.vault.settings.files.glob("[0-9a-f][0-9a-f]/*"))
    assert WELL == found(world, "content of files")

    kept[0].unlink()
    kept[1].write_bytes(b"x")
    restore = "Restore it from a backup, then retry."
    assert [
        f"The stored file {kept[0].name} is missing. {restore}",
        f"The stored file {kept[1].name} has been changed. {restore}",
    ] == found(world, "content of files")[0]
    for path in kept[2:]:
        path.unlink()
    # One content was uploaded five times, and became five verified PDFs.
    more = (
        "Further files like these: 1. `certvault export FOLDER --uploaded` names all of "
        "certificates."
    )
    assert (6, more) == (len(kept), found(world, "content of files")[0][5])
    assert 1 == export(world, tmp_path / "export", "--uploaded").exit_code
    with (tmp_path / "export" / "missing.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {path.name for path in kept} == {row["sha256"] for row in csv.DictReader(file)}
