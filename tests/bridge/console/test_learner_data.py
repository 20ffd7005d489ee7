"""The page by which an admin finds, exports and erases what is kept of a learner."""

from __future__ import annotations

import io
import zipfile

from bridge.people.roles import Role
from bridge.store import tables
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SITE, World

ADA = {"email": "ada@learners.example"}
BY_ID = {"site": SITE, "learner": "ada"}


def test_a_learner_is_found_by_address_and_by_id(world: World, signed_in: SignedIn) -> None:
    world.generate()
    admin = signed_in(Role.ADMIN)

    for whose in (ADA, BY_ID):
        answer = admin.post("/learner-data", **whose)

        assert 200 == answer.status_code
        assert "Ada Lovelace" in answer.text
        assert "ada@learners.example" not in answer.request.url


def test_who_is_not_named_rightly_is_asked_for_again(world: World, signed_in: SignedIn) -> None:
    admin = signed_in(Role.ADMIN)

    answers = [
        admin.post("/learner-data"),
        admin.post("/learner-data", **ADA, **BY_ID),
        admin.post("/learner-data", email="nobody@learners.example"),
        admin.post("/learner-data", site="no-site", learner="7"),
    ]

    assert [422] * 4 == [answer.status_code for answer in answers]
    assert "Nothing is kept of anybody with the address nobody@" in answers[2].text


def test_an_export_is_taken_away_as_a_file(world: World, signed_in: SignedIn) -> None:
    world.generate()

    answer = signed_in(Role.ADMIN).post("/learner-data/export", **BY_ID)

    assert 'attachment; filename="learner.zip"' == answer.headers["Content-Disposition"]
    assert "data.json" in zipfile.ZipFile(io.BytesIO(answer.data)).namelist()


def test_erasing_takes_a_reason_and_the_typed_id(world: World, signed_in: SignedIn) -> None:
    world.generate()
    world.run("write_back")
    admin = signed_in(Role.ADMIN)

    wrong = admin.post("/learner-data/erase", **BY_ID, typed="eve", reason="")

    assert 422 == wrong.status_code
    assert "This is not the learner’s id" in wrong.text.replace("&#39;", "’").replace("'", "’")
    assert ["generated"] == world.states()

    done = admin.post("/learner-data/erase", **BY_ID, typed="ada", reason="asked for it")
    page = admin.text(done.headers["Location"].removeprefix("/console"))

    assert (303, ["erased"]) == (done.status_code, world.states())
    assert "Empty the learner" in page
    assert "asked for it" in page
    assert "Ada" not in page
    for path in (f"/issuances/{world.issuance.id}", f"/issuances/{world.issuance.id}/dossier"):
        assert "Ada" not in admin.text(path)


def test_what_is_under_way_cannot_be_erased(world: World, signed_in: SignedIn) -> None:
    world.issue()
    admin = signed_in(Role.ADMIN)

    answer = admin.post("/learner-data/erase", **BY_ID, typed="ada", reason="asked")

    assert 422 == answer.status_code
    assert world.issuance.id in answer.text
    assert [] == world.rows(tables.erasure)
