"""A template that fails holds its own certificates, with the reason, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.certificates.render import PRINTERS, Renderer
from bridge.certificates.templates import folders
from bridge.pipeline.patience import MOST
from bridge.store import tables
from tests.bridge.certificates import pages
from tests.bridge.certificates.pages import PLAIN, a_page, a_template
from tests.bridge.world import World

#: A letter of Vithkuqi, a script that only a font of pixels has.
RARE = "\U00010570"
ENDLESS = PLAIN + "#for i in range(100000) { for j in range(100000) {} }"


@pytest.fixture
def own(world: World, tmp_path: Path) -> Iterator[Path]:
    """The institution's own folder of templates, in use; a page may take a second."""
    folder = tmp_path / "templates"
    with Renderer(
        font_cache=tmp_path / "cache", timeout=timedelta(seconds=1), folders=folders(folder)
    ) as renderer:
        world.bridge = replace(world.bridge, renderer=renderer)
        yield folder


@pytest.mark.parametrize(
    ("source", "about", "problem"),
    [
        (ENDLESS, None, "The template did not end within 1 s."),
        (PLAIN + "#data.nothing", None, "The template own does not compile (template.typ:6:7)"),
        (PLAIN + '#read("/etc/passwd")', None, "The template own does not compile"),
        (PLAIN, "papers: [a4]", "The file template.yaml of the template own is missing or not"),
        (PLAIN + '#import "@preview/x:1.0.0"', None, "own imports a package from the network"),
    ],
    ids=["endless", "mistake", "outside", "description", "network"],
)
def test_only_the_certificates_of_a_broken_template_are_held(
    world: World, own: Path, source: str, about: str | None, problem: str
) -> None:
    a_template(own, source, about=about)
    world.add_mapping()
    world.add_mapping(
        ("name: course-completion", "name: own\npriority: 5"),
        (
            'match: {course: "*"}',
            'match: {course: "*", when: "learner.full_name contains \'Bob\'"}',
        ),
        ("UTC' }}\"\n", "UTC' }}\"\ncertificate: {template: own}\n"),
    )
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=2)

    rows = {row.learner_id: row for row in world.rows(tables.issuance)}
    states = {who: row.state for who, row in rows.items()}
    assert {"ada": "generated", "bob": "held", "eve": "generated"} == states
    assert problem in rows["bob"].problem
    assert rows["bob"].remedy


def test_an_endless_template_is_not_tried_for_a_whole_batch(world: World, own: Path) -> None:
    a_template(own, pages.ENDLESS)
    world.add_mapping(("UTC' }}\"\n", "UTC' }}\"\ncertificate: {template: own}\n"))
    world.issue("ada")
    for who in ("bob", "cyd", "dan", "eve", "fay"):
        world.complete(who, learner={"full_name": "Endless"})
    world.run("normalise", "issue")

    held = [row for row in world.rows(tables.issuance) if row.state == "held"]
    assert 5 == len(held)
    assert {"issue.too_slow"} == {row.cause for row in held}
    tried = [row for row in held if row.problem == "The template did not end within 1 s."]
    others = {row.problem for row in held if row not in tried}
    said = "The template own did not end in time for 3 certificates in a row, and was not tried for"
    assert [f"{said} this one."] == list(others)
    assert len(tried) <= MOST + PRINTERS - 1


def test_only_the_certificate_with_a_character_that_no_font_has_is_held(
    world: World, own: Path
) -> None:
    if not world.bridge.renderer.missing(a_page(full_name=RARE)):
        pytest.skip("A font here has even that.")
    world.add_mapping()
    world.complete("ada")
    world.complete("bob", learner={"full_name": f"Bob {RARE}"})
    world.settle(hours=2)

    rows = {row.learner_id: row for row in world.rows(tables.issuance)}
    assert {"ada": "generated", "bob": "held"} == {who: row.state for who, row in rows.items()}
    assert "issue.no_glyph.full_name" == rows["bob"].cause
    said = f"No font here can print: {RARE!r} (U+10570, Vithkuqi) in the full name."
    assert (said, True) == (rows["bob"].problem, "fonts-unifont" in rows["bob"].remedy)
