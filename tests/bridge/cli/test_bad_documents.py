"""A broken document never reaches the running set: the last good version goes on issuing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.store import mapping_versions, tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, TITLE, World

BROKEN = {
    "yaml": MAPPING.replace("match: {", "match: {{"),
    "key": MAPPING.replace("issuer:", "isuer:"),
    "name": MAPPING.replace("learner.email", "learner.emial"),
    "filter": MAPPING.replace("course.title }}", "course.title | upcaes }}"),
    "issuer": MAPPING.replace("issuer: main", "issuer: mian"),
    "template": MAPPING + "certificate: {template: classical}\n",
    "parameter": MAPPING + "certificate: {parameters: {bordr: false}}\n",
    "empty": "",
    "not text": "\x00",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_the_last_good_version_stays_active_and_the_mistake_is_told(
    run: Run, world: World, tmp_path: Path, broken: str
) -> None:
    folder = tmp_path / "mappings"
    folder.mkdir()
    file = folder / "course-completion.yaml"
    file.write_text(broken)

    for command in (
        ("add", str(file)),
        ("draft", str(file)),
        ("rehearse", str(file)),
        ("push", str(folder), "--reason", "new"),
    ):
        said = run("mappings", *command)

        assert (1, "", True) == (said.code, said.out, f"{file}:" in said.err), said

    (row,) = world.rows(tables.mapping_version)
    assert MAPPING == row.document
    world.issue()
    assert (TITLE, 1) == (world.issuance.certificate_title, world.issuance.mapping_version)


def test_a_version_that_is_broken_by_now_is_not_restored_nor_published(
    run: Run, world: World, tmp_path: Path
) -> None:
    """The issuer that it names is gone."""
    other = world.add_issuer("other")
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING.replace("issuer: main", "issuer: other"))
    assert 0 == run("mappings", "draft", str(file)).code
    world.change(tables.issuer, other, removed_at=world.clock.now())

    published = run("mappings", "publish", "course-completion")
    restored = run("mappings", "restore", "course-completion", "2")

    assert [(1, ""), (1, "")] == [(each.code, each.out) for each in (published, restored)]
    assert 'there is no "other"' in published.err
    with world.bridge.database.read() as conn:
        assert [1] == [row.version for row in mapping_versions.active(conn)]


@pytest.mark.parametrize("name", ["course-completion", "other"])
def test_one_in_use_that_no_longer_loads_keeps_none_from_being_added(
    run: Run, world: World, tmp_path: Path, name: str
) -> None:
    """As after an upgrade; the remedy that doctor names is to add a version that loads."""
    world.add_mapping(("course.title }}", "course.title | polish }}"))
    file = tmp_path / "mapping.yaml"
    file.write_text(MAPPING.replace("name: course-completion", f"name: {name}"))

    shown = run("mappings", "preview", "course-completion", "--completion", "cp_none")
    assert (1, "") == (shown.code, shown.out)
    assert shown.err.startswith("vaultbridge: ")
    added = run("mappings", "add", str(file), "--reason", "as it was")

    assert (0, "") == (added.code, added.err)
    assert f"{name}: version" in added.out
