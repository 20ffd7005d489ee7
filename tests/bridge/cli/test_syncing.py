"""``vaultbridge mappings pull|push``: a folder and the database, neither written over unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.cli.folder import KEPT, Standing, standing
from bridge.store import mapping_versions, tables
from bridge.store.states import MappingState
from tests.bridge.cli.conftest import Run, Said
from tests.bridge.cli.test_publishing import settle
from tests.bridge.world import MAPPING, World

NAME = "course-completion"
MINE = MAPPING.replace("Completion: ", "Completing ")
THEIRS = MAPPING.replace("Completion: ", "Having completed ")
OTHER = (
    MAPPING.replace(NAME, "chemistry")
    .replace('course: "*"', 'course: "CHEM-*"')
    .replace('site: "*"', 'site: "*"\npriority: 5')
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for documents."""
    path = tmp_path / "mappings"
    path.mkdir()
    return path


@pytest.fixture
def file(folder: Path) -> Path:
    """Where the mapping's document belongs."""
    return folder / f"{NAME}.yaml"


def pulled(run: Run, folder: Path) -> None:
    assert 0 == run("mappings", "pull", str(folder)).code


def pushed(run: Run, folder: Path, *options: str) -> Said:
    return run("mappings", "push", str(folder), "--reason", "new term", "--as", "alice", *options)


def theirs(world: World, document: str = THEIRS, name: str = NAME) -> None:
    """Somebody else makes another version active."""
    with world.bridge.database.write() as conn:
        mapping_versions.add(conn, name, document, now=world.clock.now())


def active(world: World) -> dict[str, tuple[int, str]]:
    with world.bridge.database.read() as conn:
        return {row.name: (row.version, row.document) for row in mapping_versions.active(conn)}


@pytest.mark.parametrize(
    ("here", "base", "there", "expected"),
    [
        ("a", "a", "a", Standing.SAME),
        ("b", "a", "b", Standing.SAME),
        (None, "a", None, Standing.SAME),
        ("b", "a", "a", Standing.HERE),
        ("b", None, None, Standing.HERE),
        (None, "a", "a", Standing.HERE),
        ("a", "a", "b", Standing.THERE),
        (None, None, "b", Standing.THERE),
        ("a", "a", None, Standing.THERE),
        ("b", "a", "c", Standing.BOTH),
        ("b", None, "c", Standing.BOTH),
        (None, "a", "c", Standing.BOTH),
        ("b", "a", None, Standing.BOTH),
    ],
)
def test_what_has_changed_is_told_by_what_both_said_last(
    here: str | None, base: str | None, there: str | None, expected: Standing
) -> None:
    assert expected == standing(here, base, there)


def test_a_folder_is_filled_changed_pushed_and_follows_what_others_change(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    said = run("mappings", "pull", str(folder))
    assert (0, f"{file}: version 1.\n", MAPPING) == (said.code, said.out, file.read_text())

    file.write_text(MINE)
    (folder / "chemistry.yml").write_text(OTHER)
    said = pushed(run, folder)

    assert 0 == said.code
    assert f"{NAME}: version 2 is active now.\n" in said.out
    assert {NAME: (2, MINE), "chemistry": (1, OTHER)} == active(world)
    told = run("mappings", "history", NAME, "--json").json[0]
    assert ("alice", "pushed", "new term") == (told["who"], told["what"], told["reason"])
    assert (0, "") == ((again := pushed(run, folder)).code, again.out)

    theirs(world)
    said = run("mappings", "pull", str(folder))
    assert (f"{file}: version 3.\n", THEIRS) == (said.out, file.read_text())
    kept = json.loads((folder / KEPT).read_text())["mappings"]
    assert ("course-completion.yaml", 3) == (kept[NAME]["file"], kept[NAME]["version"])
    assert ("chemistry.yml", 1) == (kept["chemistry"]["file"], kept["chemistry"]["version"])


def test_documents_that_tie_with_each_other_or_with_what_is_in_use_are_not_pushed(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    chemistry = folder / "chemistry.yaml"
    chemistry.write_text(OTHER.replace("priority: 5", "priority: 0"))
    alone = pushed(run, folder)
    pulled(run, folder)
    file.write_text(MINE)
    together = pushed(run, folder)

    for said, rival in ((alone, NAME), (together, "chemistry")):
        assert (1, True) == (said.code, f"priority: 0 is that of {rival}, too" in said.err)
    assert {NAME: (1, MAPPING)} == active(world)


def test_where_both_have_changed_neither_is_written_over_and_both_are_told(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    file.write_text(MINE)
    (folder / "chemistry.yaml").write_text(OTHER)
    run("mappings", "restore", NAME, "1", "--reason", "x")  # it says the same: no change
    (folder / "theirs").mkdir()
    (folder / "theirs" / "x.yaml").write_text(THEIRS)
    run("mappings", "add", str(folder / "theirs" / "x.yaml"), "--reason", "the dean", "--as", "bob")

    for command in (pushed(run, folder), run("mappings", "pull", str(folder))):
        assert (3, "") == (command.code, command.out)
        assert f"{file}: changed here since version 1, and version 2 is active" in command.err
        assert "by bob: the dean." in command.err
        assert f"vaultbridge mappings diff {NAME} 1 2" in command.err
        assert "--force" in command.err
    assert {NAME: (2, THEIRS)} == active(world)  # not even the one without a conflict
    assert MINE == file.read_text()


def test_who_means_it_writes_over_and_nothing_is_lost(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    file.write_text(MINE)
    theirs(world)

    assert 0 == pushed(run, folder, "--force").code

    assert {NAME: (3, MINE)} == active(world)
    file.write_text(MINE + "# more\n")
    theirs(world)
    assert 0 == run("mappings", "pull", str(folder), "--force").code
    assert THEIRS == file.read_text()
    assert MINE + "# more\n" == file.with_name(file.name + ".mine").read_text()
    assert (0, "") == ((again := pushed(run, folder)).code, again.out)


def test_a_document_of_unknown_origin_that_differs_is_a_conflict(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    file.write_text(MINE)

    said = pushed(run, folder)

    assert (3, True) == (said.code, f"{file}: never pulled or pushed here, and" in said.err)
    file.write_text(MAPPING)  # as the database has it
    assert (0, "") == ((same := pushed(run, folder)).code, same.out)


@pytest.mark.parametrize("there", [": not yet [", OTHER, "mapping: 1\n"])
def test_a_file_that_is_no_document_of_the_mapping_is_not_written_over(
    run: Run, world: World, folder: Path, file: Path, there: str
) -> None:
    file.write_text(there)

    said = run("mappings", "pull", str(folder))
    assert (3, "") == (said.code, said.out)
    assert f"{file}: is no document of {NAME}, and version 1 is active" in said.err
    assert [(file, there)] == [(path, path.read_text()) for path in folder.iterdir()]

    dry = run("mappings", "pull", str(folder), "--force", "--dry-run")
    assert f"{file}: would be kept as {file}.mine.\n" in dry.out
    assert f"{file}: would be version 1.\n" in dry.out
    assert there == file.read_text()
    said = run("mappings", "pull", str(folder), "--force")
    assert f"{file}: kept as {file}.mine.\n{file}: version 1.\n" == said.out
    assert (MAPPING, there) == (file.read_text(), (folder / f"{file.name}.mine").read_text())


def test_a_document_that_was_given_another_name_is_kept_whatever_is_pulled(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    theirs(world, OTHER, "chemistry")
    pulled(run, folder)
    file.write_text(MINE.replace(NAME, "chemistry-too"))
    theirs(world)

    said = run("mappings", "pull", str(folder))
    assert (3, True) == (said.code, f"{file}: is no document of {NAME}, and version 2" in said.err)
    for number, kept in ((2, f"{file.name}.mine"), (3, f"{file.name}.mine.2")):
        assert 0 == run("mappings", "pull", str(folder), "--force").code
        assert MINE.replace(NAME, "chemistry-too") == (folder / kept).read_text()
        assert active(world)[NAME] == (number, file.read_text())
        file.write_text(MINE.replace(NAME, "chemistry-too"))
        theirs(world, THEIRS + "# more\n")


def test_a_mapping_whose_file_another_one_had_is_pulled_again(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    file.write_text(OTHER)  # of another mapping that is in use, too
    theirs(world, OTHER, "chemistry")

    assert 3 == run("mappings", "pull", str(folder)).code
    pulled_by_force = run("mappings", "pull", str(folder), "--force")
    assert 0 == pulled_by_force.code

    assert {file.name: MAPPING, "chemistry.yaml": OTHER, f"{file.name}.mine": OTHER} == {
        path.name: path.read_text() for path in folder.iterdir() if path.name != KEPT
    }
    assert (0, "") == ((again := run("mappings", "pull", str(folder))).code, again.out)


def test_of_broken_documents_every_mistake_is_told_and_nothing_is_pushed(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    file.write_text(MINE)
    broken = folder / "broken.yaml"
    broken.write_text(OTHER.replace("learner.email", "learner.emial").replace("mapping: 1\n", ""))
    (folder / "nameless.yaml").write_text("mapping: 1\n")

    said = pushed(run, folder)

    assert (1, "") == (said.code, said.out)
    for place in (f"{broken}:1:", f"{broken}:9:", f"{folder / 'nameless.yaml'}:1:"):
        assert place in said.err
    assert {NAME: (1, MAPPING)} == active(world)


def test_a_dry_run_tells_and_changes_nothing(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    assert f"{file}: would be version 1.\n" == run("mappings", "pull", str(folder), "--dry-run").out
    assert [] == list(folder.iterdir())
    pulled(run, folder)
    file.write_text(MINE)
    (folder / "chemistry.yaml").write_text(OTHER)
    before = (folder / KEPT).read_text()

    said = run("mappings", "push", str(folder), "--dry-run")

    assert 0 == said.code
    assert f"{file}: would be active instead of version 1.\n" in said.out
    assert "chemistry.yaml: would be active as a new mapping.\n" in said.out
    assert {NAME: (1, MAPPING)} == active(world)
    assert before == (folder / KEPT).read_text()
    assert 2 == run("mappings", "push", str(folder)).code  # not without a reason


def test_a_mapping_goes_out_of_use_on_both_sides(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    file.unlink()

    kept = pushed(run, folder)
    assert f"{NAME} stays active. With --remove it is taken out of use.\n" in kept.out
    assert {NAME} == set(active(world))
    gone = pushed(run, folder, "--remove")
    assert f"{file}: gone; {NAME} is taken out of use.\n" == gone.out
    assert {} == active(world)
    told = run("mappings", "history", NAME, "--json").json[0]
    assert ("alice", "deactivated", "new term") == (told["who"], told["what"], told["reason"])

    theirs(world)
    pulled(run, folder)
    run("mappings", "deactivate", NAME, "--reason", "it is over")
    said = run("mappings", "pull", str(folder))
    assert f"{file}: deleted: it is not in use any more.\n" == said.out
    assert not file.exists()


def test_what_is_newer_in_the_database_is_not_pushed_back(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    theirs(world)

    said = pushed(run, folder)

    assert (0, f"{file}: the database's is newer; pull it.\n") == (said.code, said.out)
    assert THEIRS == active(world)[NAME][1]


def test_a_push_that_died_before_it_was_noted_is_no_conflict(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    pulled(run, folder)
    before = (folder / KEPT).read_text()
    file.write_text(MINE)
    pushed(run, folder)
    (folder / KEPT).write_text(before)

    assert 0 == pushed(run, folder).code
    assert 2 == json.loads((folder / KEPT).read_text())["mappings"][NAME]["version"]


def test_a_folder_that_cannot_be_understood_is_told(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    file.write_text(MAPPING)
    (folder / "copy.yaml").write_text(MAPPING)
    twice = run("mappings", "pull", str(folder))
    (folder / "copy.yaml").unlink()
    (folder / KEPT).write_text("{}")
    strange = run("mappings", "pull", str(folder))

    assert (1, True) == (twice.code, f"are both called {NAME}" in twice.err)
    assert (1, True) == (strange.code, f"{folder / KEPT} cannot be read" in strange.err)
    assert len(world.rows(tables.mapping_version)) == 1


def test_who_pushes_over_a_rehearsal_is_told_that_it_ends_and_what_waits(
    run: Run, world: World, folder: Path, file: Path
) -> None:
    world.add_mapping(("Completion: ", "Completing "), state=MappingState.REHEARSAL)
    world.complete()
    settle(world)
    hold = world.one(tables.hold).id
    pulled(run, folder)
    file.write_text(MINE + "# mended\n")

    dry = run("mappings", "push", str(folder), "--dry-run")
    said = pushed(run, folder)

    meant = f"{file}: would be active instead of version 2, which is being rehearsed.\n"
    assert meant == dry.out
    assert (
        f"{NAME}: version 3 is active now.\n"
        "The rehearsal of version 2 has ended.\n"
        f"Still waiting: 1. `vaultbridge release {hold}` or `vaultbridge discard {hold}` decides.\n"
    ) == said.out


@pytest.mark.parametrize(("earlier", "state"), [("leave", "unmatched"), ("take-up", "found")])
def test_of_a_new_mapping_that_is_pushed_it_is_told_what_came_before(
    run: Run, world: World, folder: Path, earlier: str, state: str
) -> None:
    world.add_mapping(('course: "*"', "course: none"))
    world.complete(course={"code": "CHEM-1"})
    world.run("normalise")
    pulled(run, folder)
    (folder / "chemistry.yaml").write_text(OTHER)

    dry = run("mappings", "push", str(folder), "--dry-run")
    told = pushed(run, folder, "--earlier", earlier)
    again = pushed(run, folder, "--earlier", earlier)

    assert "came before" not in dry.out + again.out
    assert "1 completion came before that no mapping wanted and this would.\n" in told.out
    assert [state] == world.states(tables.completion)
