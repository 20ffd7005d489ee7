"""The dossier of one certificate: what happened stands in it, once, in each of its forms."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pypdfium2
import pytest
import sqlalchemy as sa

from bridge.certificates.report import Part, Report
from bridge.people.roles import Limits, Role
from bridge.pipeline import correcting, dossier, erasing, release
from bridge.pipeline.correcting import Asked
from bridge.pipeline.publishing import withdraw
from bridge.pipeline.release import Word
from bridge.store import corrections, tables
from bridge.store.states import HoldOutcome, MappingState
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import NOON, SITE, World

NAME, TITLE = "محمد علي", "Marine <b>#strong[x]</b>"


def gathered(world: World, row_id: str) -> dict[str, Any]:
    with world.bridge.database.read() as conn:
        told: dict[str, Any] = dossier.plain(
            dossier.gather(world.bridge, conn, row_id, within=sa.true())
        )
    return told


def words(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    return text.replace("\u200b", "").replace("\r\n", "")


def test_it_tells_why_as_what_and_by_whom(world: World) -> None:
    world.generate("ada", grade={"percent": 91})
    row = world.issuance
    with world.bridge.database.write() as conn:
        withdraw(conn, row.mapping_name, who="mapper", reason="term is over", now=NOON)
    told = gathered(world, row.id)

    assert row.reference_id == told["certificate"]["reference_id"]
    assert world.one(tables.delivery).id == told["completion"]["received_as"]["id"]
    assert 64 == len(told["completion"]["received_as"]["sha256"])
    assert "91" == told["completion"]["grade"]["percent"]
    assert ("mapper", "term is over") == (
        told["mapping"]["acts"][-1]["who"],
        told["mapping"]["acts"][-1]["detail"],
    )
    made_of = row.certificate["made_of"]
    assert (made_of["template"], made_of["typst"], made_of["fonts"]) == (
        told["file"]["template_sha256"],
        told["file"]["typst"],
        told["file"]["fonts"],
    )
    content = world.one(tables.file).content
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (
        told["file"]["sha256"],
        told["file"]["bytes"],
    )
    [sent] = told["attempts"]
    assert ("upload", "done") == (sent["operation"], sent["outcome"])
    assert sent["seconds"] >= 0
    assert [world.write_back.state] == [one["state"] for one in told["gradebook"]]
    assert json.loads(json.dumps(told)) == told


def test_page_pdf_and_json_tell_the_same(world: World, signed_in: SignedIn) -> None:
    world.generate("ada", learner={"full_name": NAME}, course={"title": TITLE})
    row, visitor = world.issuance, signed_in(Role.VIEWER)
    path = f"/issuances/{row.id}/dossier"

    assert path in visitor.text(f"/issuances/{row.id}")
    page, paper, data = visitor.text(path), visitor.get(f"{path}.pdf"), visitor.get(f"{path}.json")

    printed = words(paper.data)
    for fact in (row.reference_id, row.file_sha256[:20], row.id):
        assert fact in page
        assert fact in printed
    assert "&lt;b&gt;#strong[x]&lt;/b&gt;" in page
    assert "#strong[x]" in printed
    assert NAME == json.loads(data.data)["certificate"]["full_name"]
    assert f'attachment; filename="dossier-{row.id}.pdf"' == paper.headers["Content-Disposition"]


def test_what_no_font_prints_is_told_by_its_code_point(world: World) -> None:
    part = Part(title="Facts", facts=[("Name", "\U00012000")], columns=(), rows=(), empty="")
    report = Report(heading="H", of="\U00012000 x", made="m", foot="f", by="b", parts=[part])

    text = words(world.bridge.renderer.report(report, at=NOON))

    book_has_it = "[U+12000]" not in text
    assert book_has_it or text.count("[U+12000]") >= 2


@pytest.mark.parametrize("form", ["", ".json", ".pdf"])
def test_it_is_not_there_for_whoever_does_not_see_the_certificate(
    world: World, signed_in: SignedIn, form: str
) -> None:
    world.generate("ada")
    path = f"/issuances/{world.issuance.id}/dossier{form}"

    other = signed_in(Role.ADMIN, Limits(courses=frozenset({f"{SITE}/another"})))

    assert 404 == other.get(path).status_code


def test_approvals_and_corrections_are_told_with_who_decided_and_why(world: World) -> None:
    world.vault.revokes = True
    world.add_mapping(("mapping: 1", "# as before\nmapping: 1"), state=MappingState.REHEARSAL)
    world.complete("ada")
    world.settle(hours=1)
    word = Word(outcome=HoldOutcome.RELEASED, who="rose", reason="looked through")
    list(release.decide(world.bridge, world.one(tables.hold).id, word))
    world.settle(hours=1)
    old = world.issuance
    asked = Asked(issuance=old.id, changes={"full_name": "Augusta Ada King"})
    begun = correcting.begin(
        world.bridge, asked, who="alice", reason="misspelt", selected=1, approved=False
    )
    with world.bridge.database.read() as conn:
        correction = corrections.by_id(conn, begun)
    correcting.approve(world.bridge, correction, who="bea", selected=1)
    [[done]] = list(correcting.proceed(world.bridge, begun))
    world.settle()

    told = gathered(world, done.new)

    [approved] = told["approvals"]
    assert ("alice", "misspelt", "bea") == tuple(
        approved[name] for name in ("asked_by", "why_asked", "who")
    )
    first, second = told["corrections"]
    assert (old.id, done.new, "misspelt", "alice") == tuple(
        first[name] for name in ("id", "replaced_by", "because", "who")
    )
    assert (done.new, None) == (second["id"], second["replaced_by"])
    [held, corrected] = gathered(world, old.id)["approvals"]
    assert ("hold", "released", "rose", "looked through") == tuple(
        held[name] for name in ("of", "outcome", "who", "reason")
    )
    assert approved == corrected


def test_of_an_erased_certificate_the_dossier_tells_what_is_left(
    world: World, signed_in: SignedIn
) -> None:
    world.generate("ada")
    world.settle()
    row = world.issuance
    whose = erasing.only(erasing.find(world.bridge, email=row.applicant_email))
    erasing.erase(world.bridge, whose, who="pat", reason="asked for it")

    visitor = signed_in(Role.VIEWER)
    page = visitor.text(f"/issuances/{row.id}/dossier")
    paper = visitor.get(f"/issuances/{row.id}/dossier.pdf")

    assert row.applicant_email not in page
    assert row.full_name not in page + words(paper.data)
    assert row.reference_id in page
