"""Certificate files that the LMS makes: fetched once, frozen, and sent as they came."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.pipeline import correcting, preview, release
from bridge.pipeline.correcting import Asked
from bridge.pipeline.fetch import LARGEST
from bridge.pipeline.release import Word
from bridge.store import tables
from bridge.store.states import HoldOutcome, MappingState
from connectors.base import Malformed, Problem, Temporary
from tests.bridge.world import MAPPING, World, key
from tests.scripted_vault import cut

PDF = b"%PDF-1.7\n%%EOF\n"
LAST = MAPPING.splitlines()[-1]
FROM_LMS = (LAST, f"{LAST}\ncertificate: {{from: lms}}")
TOO_LARGE = PDF + bytes(LARGEST)


@pytest.fixture
def made(world: World) -> World:
    """An LMS that makes files, none of them yet, and a mapping that takes them."""
    world.lms.files = {}
    world.add_mapping(FROM_LMS)
    return world


def failing(world: World) -> tuple[str, str | None]:
    row = world.issuance
    return row.state, row.cause


def test_the_vault_gets_the_file_that_the_lms_made(made: World) -> None:
    made.lms.files = {"ada": PDF}
    made.issue()

    assert PDF == made.vault.only.content
    assert ["ada"] == made.lms.fetched
    assert "file fetched" in made.history(made.issuance.id)
    assert {"name": "from-lms.pdf"} == made.issuance.certificate["made_of"]


def test_what_was_fetched_is_not_fetched_again_while_the_vault_is_down(made: World) -> None:
    made.lms.files = {"ada": PDF}
    made.vault.then("upload", cut, cut)
    made.issue()
    made.lms.files = {"ada": PDF + b"made anew"}
    made.settle()

    assert (PDF, ["ada"]) == (made.vault.only.content, made.lms.fetched)


def test_a_file_that_is_not_there_yet_is_asked_for_until_it_is(made: World) -> None:
    made.issue()
    assert ("fetching", "fetch.none_yet") == failing(made)
    assert "asked for again" in made.issuance.remedy
    assert {} == made.vault.created

    made.settle(hours=24)
    made.lms.files = {"ada": PDF}
    made.settle(hours=24)

    assert ("generated", None) == failing(made)
    assert {key(): 1} == made.vault.created


def test_a_file_that_never_comes_is_told_to_a_person_and_fetched_on_replay(made: World) -> None:
    made.issue()
    made.settle(hours=24 * 8)
    assert ("held", "fetch.none_yet") == failing(made)
    assert "replay" in made.issuance.remedy

    made.lms.files = {"ada": PDF}
    made.replay(made.issuance.id)
    made.settle()

    assert {key(): 1} == made.vault.created


def test_one_that_cannot_be_had_holds_up_nobody_else(made: World) -> None:
    made.lms.files = {"bob": PDF, "eve": PDF}
    no_activity = Problem(problem="No activity.", remedy="Add it.", code="no_activity")
    made.lms.fetching.append(lambda _: no_activity)
    for who in ("ada", "bob", "eve"):
        made.complete(who)
    made.settle()

    held = [row for row in made.rows(tables.issuance) if row.state == "held"]
    assert [("ada", "fetch.no_activity", "Add it.")] == [
        (row.learner_id, row.cause, row.remedy) for row in held
    ]
    assert 2 == sum(made.vault.created.values())


@pytest.mark.parametrize(
    ("content", "cause", "said"),
    [(b"<html>", "fetch.no_pdf", "no PDF"), (TOO_LARGE, "fetch.too_large", "20,971,520")],
    ids=["no PDF", "too large"],
)
def test_what_no_vault_takes_is_held(made: World, content: bytes, cause: str, said: str) -> None:
    made.lms.files = {"ada": content}
    made.issue()

    assert ("held", cause) == failing(made)
    assert said in made.issuance.problem
    assert {} == made.vault.created


def test_a_site_that_gives_no_files_holds_the_certificate_and_says_what_to_set(
    made: World,
) -> None:
    made.lms.files = None
    made.issue()

    assert ("held", "fetch.no_files") == failing(made)
    assert "customcert_name" in made.issuance.remedy
    assert made.site().problem is None, "nothing else of the site is held up"


def test_an_lms_that_is_down_is_asked_again_and_not_before_it_says(made: World) -> None:
    made.lms.files = {"ada": PDF}
    made.lms.fetching.append(Temporary("down", retry_after=timedelta(hours=1)))
    made.issue()

    row = made.issuance
    assert ("fetching", "down", timedelta(hours=1)) == (
        row.state,
        row.problem,
        made.in_wait(row.next_run_at),
    )
    made.settle()
    assert {key(): 1} == made.vault.created


def test_an_answer_that_cannot_be_read_holds_its_own_alone(made: World) -> None:
    made.lms.files = {"ada": PDF, "bob": PDF}
    made.lms.fetching.append(Malformed("$.pdf", "is missing"))
    made.complete("ada")
    made.run("normalise")
    made.complete("bob")
    made.settle()

    assert ["fetch.malformed.pdf", None] == [row.cause for row in made.rows(tables.issuance)]
    assert {key("bob"): 1} == made.vault.created


def test_replaying_looks_ahead_without_asking_for_the_file(made: World) -> None:
    made.lms.files = None
    made.issue()
    made.lms.files = {}
    [foreseen] = preview.foresee(made.bridge, [made.issuance.id], mapping="current")

    assert "the file that the LMS makes" in foreseen.said
    assert [] == made.lms.fetched


@pytest.mark.parametrize("not_made_yet", [False, True], ids=["with its file", "without"])
def test_what_is_rehearsed_is_fetched_and_sent_once_released(
    made: World, not_made_yet: bool
) -> None:
    again = ("mapping: 1", "# rehearsed\nmapping: 1")
    made.add_mapping(FROM_LMS, again, state=MappingState.REHEARSAL)
    made.lms.files = {} if not_made_yet else {"ada": PDF}
    made.issue()
    assert ("held", {}) == (made.issuance.state, made.vault.created)
    assert not_made_yet == (made.issuance.file_sha256 is None)
    made.settle(hours=1)

    word = Word(outcome=HoldOutcome.RELEASED, who="alice")
    list(release.decide(made.bridge, made.issuance.hold_id, word))
    made.lms.files = {"ada": PDF}
    made.settle()

    assert (PDF, {key(): 1}) == (made.vault.only.content, made.vault.created)


@pytest.mark.parametrize(
    "change", [{"full_name": "Augusta King"}, {"applicant_email": "augusta@learners.example"}]
)
def test_a_correction_takes_the_file_that_the_lms_makes_now(
    made: World, change: dict[str, str]
) -> None:
    made.vault.revokes = True
    made.lms.files = {"ada": PDF}
    made.generate()
    made.settle()
    old = made.issuance.id
    made.lms.files = {"ada": PDF + b"corrected"}

    asked = Asked(issuance=old, changes=change)
    begun = correcting.begin(
        made.bridge, asked, who="alice", reason="Misspelt.", selected=1, approved=True
    )
    list(correcting.proceed(made.bridge, begun))
    made.settle()

    sent = {kept.content: kept.status for kept in made.vault.kept.values()}
    assert {PDF: "revoked", PDF + b"corrected": "generated"} == sent
