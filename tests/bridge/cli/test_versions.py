"""``vaultbridge mappings history|diff|restore``"""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.store import accounts, mapping_versions
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, NOON, World

NAME = "course-completion"
WHY = ("--reason", "it is meant")
CHEMISTRY = MAPPING.replace('course: "*"', 'course: "CHEM-*"')


@pytest.fixture
def narrowed(run: Run, world: World, tmp_path: Path) -> None:
    """A second version, for chemistry alone."""
    path = tmp_path / "mapping.yaml"
    path.write_text(CHEMISTRY)
    said = run("mappings", "add", str(path), "--as", "alice", "--reason", "only chemistry pays")
    assert 0 == said.code


def active(world: World) -> str:
    with world.bridge.database.read() as conn:
        document: str = mapping_versions.active_named(conn, NAME).document
    return document


@pytest.mark.usefixtures("narrowed")
def test_the_history_says_when_by_whom_and_why(run: Run, world: World) -> None:
    newest, first = run("mappings", "history", NAME, "--json").json

    assert (2, "published", "alice", "added", "only chemistry pays") == (
        newest["version"],
        newest["state"],
        newest["who"],
        newest["what"],
        newest["reason"],
    )
    assert (1, "superseded") == (first["version"], first["state"])
    assert "only chemistry pays" in run("mappings", "history", NAME).out


@pytest.mark.parametrize(
    "command", [("add", "FILE"), ("publish", NAME), ("restore", NAME, "1"), ("deactivate", NAME)]
)
def test_a_change_of_what_is_in_use_takes_a_reason(
    run: Run, world: World, tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(CHEMISTRY)
    if "restore" in command:
        world.add_mapping(('course: "*"', 'course: "CHEM-*"'))
    assert 0 == run("mappings", "draft", str(path)).code
    typed = ["mappings", *(str(path) if part == "FILE" else part for part in command)]

    before = run("mappings", "history", NAME).out
    for nothing in ((), ("--reason", " ")):
        said = run(*typed, *nothing)
        assert (2, True) == (said.code, 'Say why: --reason "…".' in said.err)
    assert before == run("mappings", "history", NAME).out

    said = run(*typed, stdin="\nthe senate\n", terminal=True)
    assert (0, True) == (said.code, "Why (for the history): " in said.out)
    history = run("mappings", "history", NAME, "--json").json
    assert 1 == [row["reason"] for row in history].count("the senate")


def test_of_the_first_version_and_of_what_is_active_no_reason_is_asked(
    run: Run, world: World, tmp_path: Path
) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(CHEMISTRY.replace(NAME, "chemistry") + "priority: 5\n")

    for said in ("is active now", "is active already; nothing changed"):
        assert f"chemistry: version 1 {said}.\n" == run("mappings", "add", str(path)).out
    assert 0 == run("mappings", "deactivate", "chemistry", *WHY).code
    assert 2 == run("mappings", "add", str(path)).code  # no first version any more


@pytest.mark.usefixtures("narrowed")
def test_two_versions_are_compared_line_by_line(run: Run, world: World) -> None:
    said = run("mappings", "diff", NAME).out

    assert f"--- {NAME} version 1\n+++ {NAME} version 2\n" in said
    assert '-match: {course: "*"}\n+match: {course: "CHEM-*"}\n' in said
    assert '-match: {course: "CHEM-*"}\n+match: {course: "*"}\n' in (
        run("mappings", "diff", NAME, "2", "1").out
    )
    assert "versions 2 and 2 say the same" in run("mappings", "diff", NAME, "2").out


@pytest.mark.usefixtures("narrowed")
def test_an_earlier_version_is_made_active_again_under_a_new_number(run: Run, world: World) -> None:
    said = run("mappings", "restore", NAME, "1", "--reason", "biology, too", "--as", "bob")
    again = run("mappings", "restore", NAME, "1")

    assert f"{NAME}: version 3 is active now.\n" == said.out
    assert f"{NAME}: version 3 is active already; nothing changed.\n" == again.out
    assert MAPPING == active(world)
    newest = run("mappings", "history", NAME, "--json").json[0]
    assert ("bob", "restored from version 1", "biology, too") == (
        newest["who"],
        newest["what"],
        newest["reason"],
    )


@pytest.mark.usefixtures("narrowed")
def test_a_version_that_names_what_is_gone_is_not_restored(run: Run, world: World) -> None:
    with world.bridge.database.write() as conn:
        accounts.change(conn, world.issuer_id, kind="issuer", removed_at=NOON)

    said = run("mappings", "restore", NAME, "1", *WHY)

    assert (1, True) == (said.code, f"{NAME}:3:" in said.err)
    assert CHEMISTRY == active(world)


@pytest.mark.usefixtures("narrowed")
def test_a_version_that_ties_with_another_mapping_by_now_is_not_restored(
    run: Run, world: World
) -> None:
    world.add_mapping((NAME, "biology"), ('course: "*"', 'course: "BIO-*"'))

    said = run("mappings", "restore", NAME, "1", *WHY)

    assert (1, True) == (said.code, "priority: 0 is that of biology, too" in said.err)
    assert CHEMISTRY == active(world)


def test_what_is_not_there_is_named_with_what_there_is(run: Run, world: World) -> None:
    for command in ("history", "diff"):
        said = run("mappings", command, "curse-completion")
        assert (1, True) == (said.code, f"There is: {NAME}." in said.err)
    said = run("mappings", "restore", NAME, "7")
    assert (1, True) == (said.code, "no version 7. It has 1 to 1." in said.err)
