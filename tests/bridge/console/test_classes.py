"""A class: who is certified, who waits for what, what helps them, and all their files at once."""

from __future__ import annotations

import io
import zipfile

import pikepdf
import pytest

from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SITE, World

BOARD = f"/class?site={SITE}&course=42"


@pytest.fixture
def a_class(world: World) -> World:
    """Two are certified, one is held for a bug; somebody completed another course."""
    for who in ("zoe", "ada"):
        world.generate(who)
    world.complete("bob")
    world.run("normalise")
    world.complete("eve", course={"id": "77", "title": "Knots"})
    world.run("normalise")
    [row] = [row for row in world.rows(tables.issuance) if row.learner_id == "bob"]
    world.hold(row.id)
    return world


def test_a_board_tells_who_is_certified_and_why_others_wait(
    a_class: World, signed_in: SignedIn
) -> None:
    text = signed_in(Role.SUPPORT).text(BOARD)

    for said in ("3</strong> completed", "2</strong> certified", "1</strong> waiting", ">Replay<"):
        assert said in text
    places = [text.index(f"{name} Lovelace</bdi></a>") for name in ("Ada", "Bob", "Zoe")]
    assert sorted(places) == places
    assert "Eve Lovelace" not in text
    assert ">Replay<" not in signed_in(Role.VIEWER).text(BOARD)


def test_the_button_sets_those_going_who_wait_and_nobody_else(
    a_class: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.SUPPORT)
    ids = [row.id for row in a_class.rows(tables.completion)]

    for _ in range(2):  # pressed twice
        answer = visitor.post("/class/act", site=SITE, course="42", id=ids)
        assert 303 == answer.status_code

    a_class.run("normalise")
    states = {row.learner_id: row.state for row in a_class.rows(tables.issuance)}
    assert {"zoe": "generated", "ada": "generated", "bob": "ready", "eve": "ready"} == states


def test_all_files_are_there_for_the_ceremony_in_order_of_names(
    a_class: World, signed_in: SignedIn
) -> None:
    visitor, query = signed_in(), f"site={SITE}&course=42"

    merged = visitor.get(f"/class/certificates.pdf?{query}")
    zipped = visitor.get(f"/class/certificates.zip?{query}")
    table = visitor.text(f"/class/class.csv?{query}")

    with pikepdf.open(io.BytesIO(merged.data)) as pdf:
        assert 2 == len(pdf.pages)
    with zipfile.ZipFile(io.BytesIO(zipped.data)) as archive:
        assert ["0001 Ada Lovelace.pdf", "0002 Zoe Lovelace.pdf"] == archive.namelist()
        assert archive.read("0001 Ada Lovelace.pdf").startswith(b"%PDF-")
    assert ["Ada", "Bob", "Zoe"] == [line.split()[0] for line in table.splitlines()[1:]]
    assert 404 == visitor.get(f"/class/certificates.pdf?site={SITE}&course=77").status_code


def test_a_teacher_comes_home_to_their_class_and_sees_no_other(
    a_class: World, signed_in: SignedIn
) -> None:
    teacher = signed_in(Role.VIEWER, Limits(courses=frozenset({f"{SITE}/42"})))

    home = teacher.get("/").headers["Location"]

    assert f"/console{BOARD}" == home
    assert 200 == teacher.get(BOARD).status_code
    assert "Knots" not in teacher.text("/courses")
    for path in (f"/class?site={SITE}&course=77", f"/class/certificates.zip?site={SITE}&course=77"):
        assert 404 == teacher.get(path).status_code


def test_courses_are_listed_page_by_page_with_their_counts(
    a_class: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.console.classes.SHOWN", 1)
    visitor = signed_in()

    first = visitor.text("/courses")
    second = visitor.text(f"/courses?after_site={SITE}&after_course=42")

    assert ("Marine Biology" in first, "Knots" in first) == (True, False)
    assert ("Marine Biology" in second, "Knots" in second) == (False, True)
    assert f"after_site={SITE}&amp;after_course=42" in first
    assert "after_course" not in second


def test_who_is_limited_to_an_issuer_sees_no_class(a_class: World, signed_in: SignedIn) -> None:
    visitor = signed_in(Role.VIEWER, Limits(issuers=frozenset({"main"})))

    assert "Marine Biology" not in visitor.text("/courses")
    assert 404 == visitor.get(BOARD).status_code
