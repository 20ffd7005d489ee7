"""Taking in: a record's file is on disk, whatever happens to others with the same content."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.vault import samples
from tests.vault.world import World
from vault.certificate import Entry
from vault.discarding import discard
from vault.files import Files, Kept
from vault.intake import Intake, Upload
from vault.kinds import FileKind

NOW = datetime(2026, 7, 1, tzinfo=UTC)
CONTENT = samples.pdf()
UPLOAD = Upload(content=CONTENT, kind=FileKind.PDF, name=None)
JOHN = Entry(
    certificate_title="Biology",
    full_name="John Smith",
    applicant_email="john@example.com",
    issue_date=None,
    details=None,
)


class Contested(Files):
    """Files where somebody who is refused discards the same content right after it was kept."""

    def __init__(self, world: World) -> None:
        super().__init__(world.vault.files.folder)
        self._world = world
        self._refusals = 1

    def keep(self, content: bytes) -> Kept:
        kept = super().keep(content)
        if self._refusals:
            self._refusals -= 1
            assert discard(self._world.vault.writer, self, kept.sha256)
        return kept


Take = Callable[[Intake, int], object]


def add(intake: Intake, institution_id: int) -> object:
    """Take an upload in."""
    return intake.add(institution_id=institution_id, entry=JOHN, upload=UPLOAD, now=NOW)


def add_ahead(intake: Intake, institution_id: int) -> object:
    """Take a file in whose entry is to come."""
    return intake.add_ahead(institution_id=institution_id, upload=UPLOAD, now=NOW)


@pytest.mark.parametrize("take", [add, add_ahead])
def test_content_that_was_discarded_meanwhile_is_kept_again(each_world: World, take: Take) -> None:
    intake = Intake(
        database=each_world.vault.database,
        writer=each_world.vault.writer,
        files=Contested(each_world),
        ring=lambda _bell: None,
        unused_uploads=timedelta(hours=1),
    )
    take(intake, each_world.institution("ABC University"))

    assert [CONTENT] == [path.read_bytes() for path in on_disk(each_world)]


def on_disk(world: World) -> list[Path]:
    """All files of the folder."""
    return [path for path in world.vault.files.folder.rglob("*") if path.is_file()]
