"""``vaultbridge mappings …``"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.store import tables
from bridge.store.mapping_versions import active
from scripts import mapping_schema
from tests.bridge.cli import conftest
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, SITE, World

WHY = ("--reason", "it is meant")
CHEMISTRY = MAPPING.replace('course: "*"', 'course: "CHEM-*"')


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING)
    return path


def test_check_needs_no_installation_and_tells_every_mistake_with_its_line(
    run: Run, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_DATABASE_URL")
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        MAPPING.replace("issuer: main", "isuer: main").replace("mapping: 1", "mapping: 9")
    )

    assert (0, "1 good.\n") == ((said := run("mappings", "check", str(document))).code, said.out)
    said = run("mappings", "check", str(bad), str(tmp_path / "missing.yaml"))

    assert (1, "") == (said.code, said.out)
    assert f"{bad}:1:" in said.err
    assert f"{bad}:3:" in said.err
    assert "cannot be read" in said.err


def test_templates_and_their_parameters_are_checked_without_an_installation_too(
    run: Run, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_DATABASE_URL")
    other = tmp_path / "other.yaml"
    other.write_text(MAPPING + "certificate: {template: clasic}\n")
    document.write_text(MAPPING + "certificate: {parameters: {bordr: false}}\n")
    own = tmp_path / "templates"
    assert 0 == run("templates", "new", "clasic", "--folder", str(own)).code

    said = run("mappings", "check", str(document), str(other))
    assert (1, "") == (said.code, said.out)
    unknown = 'certificate.template: there is no "clasic"; did you mean "classic"?; there are: '
    assert f"{other}:11:25: {unknown}bilingual, classic" in said.err
    fault = "certificate.parameters.bordr: The template classic has no parameter 'bordr'."
    assert f"{document}:11:35: {fault}" in said.err
    assert 0 == run("mappings", "check", str(other), "--templates", str(own)).code
    monkeypatch.setenv("BRIDGE_TEMPLATES_DIR", str(own))
    assert 0 == run("mappings", "check", str(other)).code
    described = own / "clasic" / "template.yaml"
    described.write_text(described.read_text().replace("[a4, us-letter]", "[us-letter]"))
    paper = "certificate.paper: The template clasic is not made for the paper 'a4'."
    assert f"{other}:11:1: {paper}" in run("mappings", "check", str(other)).err


def test_where_there_is_an_installation_its_names_and_mappings_are_known(
    run: Run, world: World, document: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(CHEMISTRY.replace("course-completion", "chem").replace("main", "mian"))

    said = run("mappings", "check", str(document), str(other))

    assert (1, True) == (said.code, 'issuer: there is no "mian"; did you mean "main"?' in said.err)
    assert "priority: 0 is that of course-completion, too" in said.err
    document.write_text(CHEMISTRY)
    assert 0 == run("mappings", "check", str(document)).code


def test_two_documents_of_one_name_are_not_taken_together(
    run: Run, world: World, document: Path, tmp_path: Path
) -> None:
    for said in ("course: none", 'course: "*", whan: role'):  # one is good, the other is not
        other = tmp_path / "other.yaml"
        other.write_text(MAPPING.replace('course: "*"', said))

        refused = run("mappings", "add", str(other), str(document), *WHY)
        (told,) = [line for line in refused.err.splitlines() if ": name: " in line]
        place = document if "none" in said else other
        expected = f"{place}:2:7: name: is that of another of these documents, too: "
        assert (1, True) == (refused.code, told.startswith(expected))
    assert 1 == len(world.rows(tables.mapping_version))


def test_where_a_file_is_no_text_is_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("mapping: 1\nname: caf\u00e9\n".encode("latin-1"))

    said = run("mappings", "check", str(path))

    assert (1, True) == (said.code, f"{path}:2:10: document: cannot be read as UTF-8" in said.err)


def test_documents_of_one_priority_that_may_want_the_same_are_told_together(
    run: Run, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_DATABASE_URL")
    other = tmp_path / "other.yaml"
    other.write_text(CHEMISTRY.replace("course-completion", "chemistry"))

    said = run("mappings", "check", str(document), str(other))

    assert (1, "") == (said.code, said.out)
    assert f"{other}:1:1: priority: 0 is that of course-completion, too" in said.err
    other.write_text(other.read_text() + "priority: 1\n")
    assert 0 == run("mappings", "check", str(document), str(other)).code


def test_a_tie_with_an_active_mapping_is_refused_but_not_with_one_that_is_replaced(
    run: Run, world: World, tmp_path: Path, document: Path
) -> None:
    chemistry = tmp_path / "chemistry.yaml"
    chemistry.write_text(CHEMISTRY.replace("course-completion", "chemistry") + "priority: 0\n")
    document.write_text(MAPPING.replace('course: "*"', 'course: "BIO-*"'))

    alone = run("mappings", "add", str(chemistry))
    together = run("mappings", "add", str(chemistry), str(document), *WHY)

    place = f"{chemistry}:{chemistry.read_text().count(chr(10))}:11"
    assert (1, True) == (alone.code, f"{place}: priority: 0 is that of course" in alone.err)
    assert (0, 2) == (together.code, together.out.count("is active now"))


BY_CODE = ('course: "*"', 'course: "BIO-?"')
BY_TITLE = MAPPING.replace('course: "*"', 'course: "Marine *"').replace(
    "name: course-completion", "name: marine"
)


def test_a_tie_by_a_courses_code_and_title_is_told_once_the_course_was_completed(
    run: Run, world: World, document: Path
) -> None:
    world.add_mapping(BY_CODE)
    document.write_text(BY_TITLE)
    assert 0 == run("mappings", "check", str(document)).code
    world.complete()
    world.run("normalise")

    for command in ("check", "add", "rehearse", "draft"):
        said = run("mappings", command, str(document))
        assert (1, "") == (said.code, said.out)
        assert (
            f"{document}:1:1: priority: 0 is that of course-completion, too, and the course "
            f"Marine Biology (42) of {SITE} fits both; give the one that is to have it a higher "
            "priority, or another kind if both are to issue\n"
        ) == said.err
    document.write_text(BY_TITLE + "priority: 1\n")
    assert 0 == run("mappings", "add", str(document)).code


def test_another_mapping_that_comes_into_use_while_one_is_published_is_told(
    run: Run, world: World, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(conftest.Terminal):
        """Somebody else is quicker."""

        def readline(self, size: int | None = -1, /) -> str:
            world.add_mapping(("course-completion", "marine"), ("match", "priority: 3\nmatch"))
            return super().readline(-1 if size is None else size)

    monkeypatch.setattr(conftest, "Terminal", Slow)
    document.write_text(MAPPING + "priority: 3\n")

    said = run("mappings", "add", str(document), stdin="the senate\n", terminal=True)

    assert (1, True) == (said.code, "course-completion has the priority of marine" in said.err)
    assert "Nothing was changed." in said.err
    kept = {(row.name, row.version) for row in world.rows(tables.mapping_version)}
    assert {("course-completion", 1), ("marine", 1)} == kept


def test_the_schema_is_printed_as_the_file_has_it(run: Run) -> None:
    assert mapping_schema.PAPER.read_text(encoding="utf-8") == run("mappings", "schema").out


def test_names_are_listed_with_what_the_last_completions_told(run: Run, world: World) -> None:
    before = run("mappings", "fields", "--site", SITE)
    world.complete("ada", learner={"custom": {"ward": "7 East"}}, extra={"score": 61.5})
    world.complete("bob", course={"title": "Botany"})
    world.run("normalise")

    found = {
        row["name"]: row["example"]
        for row in run("mappings", "fields", "--site", SITE, "--json").json
    }
    shown = run("mappings", "fields", "--site", SITE).out

    assert (0, True) == (before.code, "No completion of scripted-main" in before.out)
    expected = {
        "course.title": "Botany",
        "learner.full_name": "Bob Lovelace",
        "learner.custom.ward": "7 East",
        "extra.score": "61.5",
        "grade.percent": None,
    }
    assert expected == {name: found[name] for name in expected}
    assert "the name as the LMS shows it" in shown
    assert "7 East" in shown


def test_the_names_of_a_site_that_is_not_there_are_not_listed(run: Run, world: World) -> None:
    said = run("mappings", "fields", "--site", "nowhere")

    assert (1, True) == (said.code, SITE in said.err)


def test_a_document_becomes_a_version_once_and_says_who_added_it(
    run: Run, world: World, document: Path
) -> None:
    document.write_text(CHEMISTRY)

    first = run("mappings", "add", str(document), "--as", "alice", *WHY)
    again = run("mappings", "add", str(document))

    assert "course-completion: version 2 is active now.\n" == first.out
    assert "course-completion: version 2 is active already; nothing changed.\n" == again.out
    (row,) = run("mappings", "list", "--json").json
    assert ("course-completion", 2) == (row["name"], row["version"])
    shown = run("show", row["id"], "--json").json
    assert CHEMISTRY == shown["row"]["document"]
    assert [("added", "alice")] == [(e["what"], e["who"]) for e in shown["history"]]


def test_a_document_that_names_what_is_not_there_is_refused_and_nothing_is_stored(
    run: Run, world: World, document: Path
) -> None:
    document.write_text(MAPPING.replace("issuer: main", "issuer: mian"))

    said = run("mappings", "add", str(document))

    assert (1, True) == (said.code, f"{document}:3:" in said.err)
    assert "main" in said.err
    assert 1 == len(world.rows(tables.mapping_version))


def test_parameters_are_held_against_the_template_that_gets_them(
    run: Run, world: World, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "{template: modern, parameters: {acent: red, border: 3, validity: 2 years}}"
    document.write_text(f"{MAPPING}certificate: {wrong}\n")

    said = run("mappings", "add", str(document))

    assert 1 == said.code
    acent, border = said.err.splitlines()
    assert "certificate.parameters.acent: The template modern has no parameter 'acent'." in acent
    assert "Its parameters are: accent, background" in acent
    assert "as its parameter border. Give true or false." in border
    assert 1 == len(world.rows(tables.mapping_version))


def test_a_template_of_ones_own_may_be_named(
    run: Run, world: World, document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document.write_text(f"{MAPPING}certificate: {{template: sharjah}}\n")
    assert 'there is no "sharjah"' in run("mappings", "add", str(document)).err

    monkeypatch.setenv("BRIDGE_TEMPLATES_DIR", str(tmp_path / "own"))
    assert 0 == run("templates", "new", "sharjah").code

    assert 0 == run("mappings", "add", str(document), *WHY).code


def test_a_mapping_taken_out_of_use_matches_nothing_more(run: Run, world: World) -> None:
    assert 0 == run("mappings", "deactivate", "course-completion", *WHY).code
    said = run("mappings", "deactivate", "course-completion")
    assert (1, True) == (said.code, "There is: none yet." in said.err)

    world.complete()
    world.run("normalise")

    assert ["unmatched"] == world.states(tables.completion)
    with world.bridge.database.read() as conn:
        assert [] == active(conn)


def test_what_was_unmatched_is_taken_up(run: Run, world: World, document: Path) -> None:
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.add_mapping(('course: "*"', 'course: "CHEM-*"'))
    world.complete()
    world.run("normalise")
    assert 0 == run("mappings", "add", str(document), *WHY).code

    told = "1 completion that no mapping wanted is wanted now.\n"
    assert told == run("mappings", "take-up", "--dry-run").out
    assert ["unmatched"] == world.states(tables.completion)
    assert f"{told}1 taken up.\n" == run("mappings", "take-up").out

    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.settle()
    assert ["generated"] == world.states()


def work(world: World) -> None:
    """The commands go by the clock on the wall."""
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.run("normalise")


def unwanted(world: World, *codes: str) -> None:
    """Courses are completed that no mapping wants."""
    for number, code in enumerate(codes):
        world.complete(course={"id": str(number), "code": code, "title": code})
    work(world)
    assert ["unmatched"] * len(codes) == world.states(tables.completion)


def test_only_what_the_named_mapping_wants_is_taken_up(run: Run, world: World) -> None:
    world.add_mapping(('course: "*"', "course: none"))
    unwanted(world, "BIO-1", "BIO-2", "CHEM-1", "ART-1")
    world.add_mapping(("course-completion", "biology"), ('course: "*"', 'course: "BIO-*"'))
    world.add_mapping(("course-completion", "chemistry"), ('course: "*"', 'course: "CHEM-*"'))

    strange = run("mappings", "take-up", "physics")
    assert (1, True) == (strange.code, "no active mapping called 'physics'" in strange.err)
    assert "1 taken up.\n" in run("mappings", "take-up", "chemistry", "--as", "alice").out
    work(world)
    assert ["unmatched", "unmatched", "mapped", "unmatched"] == world.states(tables.completion)
    assert "2 taken up.\n" in run("mappings", "take-up").out


def test_what_another_mapping_wants_as_well_is_taken_up_if_both_are_named(
    run: Run, world: World
) -> None:
    world.add_mapping(('course: "*"', "course: none"))
    unwanted(world, "BIO-1", "BIO-2", "CHEM-1")
    world.add_mapping(("course-completion", "biology"), ('course: "*"', 'course: "BIO-*"'))
    world.add_mapping(("course-completion", "all"), ("issuer: main", "issuer: main\nkind: other"))

    alone = run("mappings", "take-up", "all")
    assert (
        "1 completion that no mapping wanted is wanted now.\n"
        "2 more are left alone: biology wants them, too.\n"
        "1 taken up.\n"
    ) == alone.out
    work(world)
    assert ["unmatched", "unmatched", "mapped"] == world.states(tables.completion)
    assert "2 taken up.\n" in run("mappings", "take-up", "all", "biology").out
