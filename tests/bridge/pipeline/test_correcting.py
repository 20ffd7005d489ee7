"""Corrections: a newer certificate in the older one's place, never two for long, never none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.certificates.render import Renderer
from bridge.certificates.templates import folders
from bridge.pipeline import correcting
from bridge.pipeline.correcting import Already, Asked, Done, Refused
from bridge.store import corrections, tables
from bridge.store.accounts import NotThere
from mappings.comparing import Change
from tests.bridge.certificates.pages import HAND, PLAIN, SEAL, a_template
from tests.bridge.world import TITLE, World, key
from tests.mail_server import MailServer, mail_server
from tests.scripted_lms import ScriptedConnector
from tests.scripted_vault import PERMISSIONS, TOKEN, answers, cut, lost_reply

REASON = "The name was misspelt."
NAME = "Augusta Ada King"
WRONG = "Certificate of Completion: Marine Bilology"


@pytest.fixture
def able(world: World) -> World:
    """A world whose vault can revoke."""
    world.vault.revokes = True
    return world


def begin(world: World, asked: Asked, *, approved: bool = True) -> str:
    foreseen = list(correcting.foresee(world.bridge, asked))
    return correcting.begin(
        world.bridge, asked, who="alice", reason=REASON, selected=len(foreseen), approved=approved
    )


def carry_out(world: World, asked: Asked) -> list[Done]:
    begun = begin(world, asked)
    return [each for some in correcting.proceed(world.bridge, begun) for each in some]


def one(issuance_id: str, **changes: str) -> Asked:
    return Asked(issuance=issuance_id, changes=changes)


def differing(world: World, asked: Asked) -> list[Mapping[str, tuple[str | None, str | None]]]:
    return [each.tested.difference.fields for each in correcting.foresee(world.bridge, asked)]


def correct(world: World, issuance_id: str, **changes: str) -> str:
    """Correct one; the id of what takes its place."""
    (done,) = carry_out(world, one(issuance_id, **changes))
    return done.new


def row(world: World, row_id: str) -> sa.Row[Any]:
    return next(each for each in world.rows(tables.issuance) if each.id == row_id)


def told(world: World, issuance_id: str) -> list[tuple[str, str | None]]:
    """What the vault was told when it was to revoke a certificate."""
    return world.vault.revoked[row(world, issuance_id).vault_uuid]


def at_vault(world: World) -> list[tuple[str, str, str]]:
    """What the vault keeps, oldest first: e-mail, name, status."""
    kept = sorted(world.vault.kept.values(), key=lambda each: each.created_at)
    return [(each.email, each.name, each.status) for each in kept]


def test_a_name_is_corrected_the_older_one_first_revoked_as_both_have_one_key(able: World) -> None:
    able.generate()
    able.settle()
    old = able.issuance.id
    new = correct(able, old, full_name=NAME)

    assert ("waiting", None) == (row(able, new).state, row(able, new).next_run_at)
    able.settle()

    assert [
        ("ada@learners.example", "Ada Lovelace", "revoked"),
        ("ada@learners.example", NAME, "generated"),
    ] == at_vault(able)
    assert [(REASON, None), (REASON, row(able, new).vault_uuid)] == told(able, old)
    assert ["done"] == able.states(tables.revocation)
    was, now = row(able, old), row(able, new)
    assert ("generated", "revoked", None) == (was.state, was.vault_status, was.natural_key)
    assert ("generated", old, 1) == (now.state, now.replaces, now.revision)
    assert was.issue_date == now.issue_date
    assert was.ref != now.ref
    assert was.certificate["made_of"] == now.certificate["made_of"]
    assert f"Ref {now.ref}" == now.details


@pytest.mark.parametrize(
    "validity", ["valid_for: 2 years", 'certificate: {parameters: {validity: "2 years"}}']
)
def test_a_corrected_certificate_is_valid_as_long_as_the_older_one(
    able: World, validity: str
) -> None:
    able.add_mapping(("issuer: main\n", f"issuer: main\n{validity}\n"))
    able.generate()
    old = able.issuance

    new = row(able, correct(able, old.id, full_name=NAME))

    assert (date(2028, 11, 23), date(2028, 11, 23)) == (old.expires_on, new.expires_on)


def test_a_validity_that_is_added_is_foreseen_where_it_is_mapped_anew(able: World) -> None:
    able.generate()
    able.add_mapping(("issuer: main\n", "issuer: main\nvalid_for: 2 years\n"))
    asked = Asked(mapping="course-completion", version=1)

    (foreseen,) = correcting.foresee(able.bridge, asked)

    assert {"expires_on": (None, "2028-11-23")} == foreseen.tested.difference.fields


def test_an_address_is_corrected_the_newer_one_first(able: World) -> None:
    able.generate()
    old = able.issuance.id
    new = correct(able, old, applicant_email="countess@learners.example")
    able.run("issue")

    assert [] == told(able, old), "never without a valid one"
    able.vault.finish()
    able.later()
    able.run("follow")
    assert "generated" == row(able, new).state
    able.run("issue")

    assert [(REASON, row(able, new).vault_uuid)] == told(able, old)
    assert ["revoked", "generated"] == [status for *_, status in at_vault(able)]
    assert ["done"] == able.states(tables.revocation)


def test_the_gradebook_shows_both_the_newer_first_and_is_written_once(able: World) -> None:
    able.complete()
    able.settle()
    writes = len(able.lms.writes)
    new = correct(able, able.issuance.id, full_name=NAME)
    able.settle(hours=72)

    old, now = able.rows(tables.issuance)
    assert new == now.id
    cell = able.lms.gradebook["42", "ada"]
    assert cell.index("Issued") < cell.index(now.reference_id)
    assert cell.index(now.reference_id) < cell.index("Replaced") < cell.index(old.reference_id)
    assert writes + 1 == len(able.lms.writes)


@pytest.fixture
def mailing(able: World) -> Iterator[MailServer]:
    """The server that the bridge sends its mails by."""
    with mail_server() as server:
        sending = {"mail_server": server.url, "mail_from": "certificates@example.edu"}
        able.bridge = replace(able.bridge, settings=replace(able.bridge.settings, **sending))
        yield server


@pytest.mark.parametrize("lms_mails", [True, False])
def test_the_learner_gets_one_mail_the_lmss_where_it_mails_what_is_written(
    able: World, mailing: MailServer, monkeypatch: pytest.MonkeyPatch, *, lms_mails: bool
) -> None:
    monkeypatch.setattr(ScriptedConnector, "write_back_mails", lms_mails)
    able.generate()
    able.settle()
    correct(able, able.issuance.id, full_name=NAME)
    able.settle(hours=72)

    assert (["read_back"], 2) == (able.states(tables.write_back), len(able.lms.writes))
    assert (0 if lms_mails else 1) == len(mailing.mails)


@pytest.mark.parametrize("why", ["no place", "a teacher's"])
def test_where_nothing_is_written_the_mail_is_ours_whatever_the_lms_does(
    able: World, mailing: MailServer, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(ScriptedConnector, "write_back_mails", True)
    if why == "no place":
        able.lms.without_place.add("42")
    able.generate()
    able.settle(hours=0)
    if why != "no place":
        able.lms.graded.add(("42", "ada"))
        able.settle(hours=72)
    correct(able, able.issuance.id, full_name=NAME)
    able.settle(hours=72)

    assert 1 == len(mailing.mails)


def test_a_chain_of_two_corrections_keeps_what_was_given_by_hand(able: World) -> None:
    able.generate()
    able.settle()
    first = able.issuance.id
    second = correct(able, first, full_name=NAME)
    able.settle()
    third = correct(able, second, certificate_title="Marine Biology")
    able.settle()

    chain = [(each.id, each.replaces, each.revision) for each in able.rows(tables.issuance)]
    assert [(first, None, 0), (second, first, 1), (third, second, 2)] == chain
    assert ["revoked", "revoked", "generated"] == [status for *_, status in at_vault(able)]
    assert {"full_name": NAME, "certificate_title": "Marine Biology"} == row(able, third).corrected
    assert NAME == row(able, third).full_name
    cell = able.lms.gradebook["42", "ada"]
    assert 2 == cell.count("Replaced")
    with pytest.raises(Refused, match=f"It is replaced by {third} already"):
        correct(able, first, full_name="Somebody Else")


def test_back_to_what_it_was_is_a_correction_too(able: World) -> None:
    able.generate()
    second = correct(able, able.issuance.id, certificate_title=WRONG)
    able.settle()
    third = correct(able, second, certificate_title=TITLE)
    able.settle()

    assert "generated" == row(able, third).state
    assert 2 == able.vault.created[key()]
    assert ["revoked", "revoked", "generated"] == [status for *_, status in at_vault(able)]


def test_a_vault_that_cannot_revoke_keeps_the_older_one_valid(world: World) -> None:
    world.generate()
    old = world.issuance.id
    new = correct(world, old, applicant_email="countess@learners.example")
    world.settle()

    assert ["generated", "generated"] == [status for *_, status in at_vault(world)]
    assert ["kept"] == world.states(tables.revocation)
    assert world.issuer.revokes is False
    assert "generated" == row(world, new).state
    assert "Replaced" in world.lms.gradebook["42", "ada"]
    assert 1 == world.vault.calls["revoke"], "asked whether it can, once"


def test_of_one_key_at_such_a_vault_the_newer_is_held_and_nothing_is_sent(world: World) -> None:
    world.generate()
    old = world.issuance
    new = correct(world, old.id, full_name=NAME)
    world.settle()

    held = row(world, new)
    assert ("held", "correct.key_kept", None) == (held.state, held.cause, held.natural_key)
    assert "cannot revoke" in held.problem
    assert old.natural_key == row(world, old.id).natural_key
    assert {key(): 1} == world.vault.created
    assert held.issue_date == old.issue_date, "a date is never changed to get past this"


def test_once_such_a_vaults_operator_has_revoked_it_the_held_one_is_replayed(world: World) -> None:
    world.generate()
    old = world.issuance.id
    new = correct(world, old, full_name=NAME)
    world.vault.only.status = "revoked"
    world.vault.finds_duplicates = False  # of what is revoked
    assert world.replay(new).going
    assert "waiting" == row(world, new).state
    world.settle()

    assert ["revoked", "generated"] == [status for *_, status in at_vault(world)]
    assert ("generated", None) == (row(world, new).state, row(world, new).cause)
    assert "revoked" == row(world, old).vault_status


def test_replayed_too_early_it_is_held_again(world: World) -> None:
    world.generate()
    new = correct(world, world.issuance.id, full_name=NAME)
    world.replay(new)
    world.settle()

    assert ("held", "correct.key_kept") == (row(world, new).state, row(world, new).cause)
    assert ["kept"] == world.states(tables.revocation)
    assert {key(): 1} == world.vault.created


def test_a_vault_that_did_not_say_is_found_out_by_the_step(world: World) -> None:
    world.generate()
    world.vault.then("revoke", answers(503))
    new = correct(world, world.issuance.id, full_name=NAME)
    assert "waiting" == row(world, new).state
    world.settle()

    assert "held" == row(world, new).state
    assert world.issuer.revokes is False


def test_a_vault_that_does_not_say_now_is_believed_what_it_said_last(world: World) -> None:
    world.generate()
    world.change(tables.issuer, world.issuer_id, revokes=False)
    world.vault.then("revoke", answers(503))
    new = correct(world, world.issuance.id, full_name=NAME)

    assert ("held", "correct.key_kept") == (row(world, new).state, row(world, new).cause)


def test_a_token_that_may_not_revoke_stops_this_alone(able: World) -> None:
    able.vault.tokens[TOKEN] = PERMISSIONS - {"certificate-vault:revoke"}
    able.generate()
    new = correct(able, able.issuance.id, full_name=NAME)
    able.run("issue")

    (revocation,) = able.rows(tables.revocation)
    assert ("due", "revoke.vault_permission") == (revocation.state, revocation.cause)
    assert "certificate-vault:revoke" in revocation.remedy
    assert able.issuer.paused_at is None
    able.generate("bob")
    able.vault.tokens[TOKEN] = PERMISSIONS
    able.settle()
    assert "generated" == row(able, new).state
    assert ["done"] == able.states(tables.revocation)


@pytest.mark.parametrize("lost", [lost_reply, cut, answers(502), answers(429)])
def test_a_revocation_without_an_answer_is_asked_for_again(able: World, lost: Any) -> None:
    able.generate()
    new = correct(able, able.issuance.id, full_name=NAME)
    able.vault.then("revoke", lost)
    able.settle()

    assert "generated" == row(able, new).state
    assert ["done"] == able.states(tables.revocation)
    assert 2 == able.vault.created[key()]
    outcomes = [outcome for operation, outcome in able.attempts() if operation == "revoke"]
    assert ["done", "done"] == outcomes[1:]


def test_what_the_vault_no_longer_knows_needs_no_revoking(able: World) -> None:
    able.generate()
    new = correct(able, able.issuance.id, full_name=NAME)
    able.vault.kept.clear()
    able.settle()

    assert "generated" == row(able, new).state
    assert ["done"] == able.states(tables.revocation)


def test_a_vault_that_refuses_to_revoke_is_a_persons_to_ask(able: World) -> None:
    able.generate()
    correct(able, able.issuance.id, full_name=NAME)
    able.vault.then("revoke", answers(422, {"message": "No.", "errors": {"reason": ["Rude."]}}))
    able.settle()

    (revocation,) = able.rows(tables.revocation)
    assert ("due", None) == (revocation.state, revocation.next_run_at)
    assert "revoke.vault_refused.reason" == revocation.cause
    assert able.replay(revocation.id).going
    able.settle()
    assert ["done"] == able.states(tables.revocation)


def test_an_upload_whose_answer_was_lost_never_takes_the_revoked_one_for_its_own(
    able: World,
) -> None:
    able.vault.shows_details = False
    able.generate()
    old = able.issuance.id
    new = correct(able, old, details="With distinction.")
    able.vault.then("upload", cut)
    able.settle()

    assert row(able, new).vault_uuid not in (None, row(able, old).vault_uuid)
    assert 2 == able.vault.created[key()]
    assert ["revoked", "generated"] == [status for *_, status in at_vault(able)]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("normalise",), "on its way (ready)"),
        (("normalise", "issue"), "on its way (processing)"),
    ],
)
def test_what_is_on_its_way_is_corrected_once_it_is_issued(
    able: World, steps: tuple[str, ...], said: str
) -> None:
    able.complete()
    able.run(*steps)

    with pytest.raises(Refused) as refused:
        correct(able, able.issuance.id, full_name=NAME)
    assert said in str(refused.value)
    assert f"`vaultbridge show {able.issuance.id}`" in str(refused.value)


def test_what_was_never_issued_cannot_be_corrected(able: World) -> None:
    able.complete(learner={"email": None})
    able.run("normalise")

    with pytest.raises(Refused, match=f"not issued: `vaultbridge show {able.issuance.id}`"):
        correct(able, able.issuance.id, full_name=NAME)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"full_name": " \u202e "}, "full_name is empty"),
        ({"applicant_email": "nobody"}, "applicant_email"),
        ({"certificate_title": "x" * 256}, "256 characters"),
    ],
)
def test_what_is_given_by_hand_is_held_against_the_rules(
    able: World, changes: Mapping[str, str], said: str
) -> None:
    able.generate()

    with pytest.raises(Refused, match=said):
        correct(able, able.issuance.id, **changes)


def test_what_cannot_be_printed_is_told_before_anything_is_changed(able: World) -> None:
    able.generate()
    asked = one(able.issuance.id, full_name="\ue000")  # of private use
    (foreseen,) = correcting.foresee(able.bridge, asked)

    assert (Change.FAILING, None) == (foreseen.tested.difference.change, foreseen.columns)
    assert "font" in str(foreseen.tested.difference.problem)
    assert [] == carry_out(able, asked)
    assert ["generated"] == able.states()


def test_nothing_is_issued_for_what_it_says_already(able: World) -> None:
    able.generate()

    assert [] == carry_out(able, one(able.issuance.id, full_name=" Ada  Lovelace "))
    with pytest.raises(NotThere):
        list(correcting.foresee(able.bridge, one("is_nothing", full_name=NAME)))


def test_said_twice_it_is_done_once(able: World) -> None:
    able.generate()
    old = able.issuance.id
    new = correct(able, old, full_name=NAME)

    with pytest.raises(Already, match=new):
        correct(able, old, full_name=NAME)


def test_two_at_the_same_time_replace_it_once(able: World) -> None:
    able.generate()
    asked = one(able.issuance.id, full_name=NAME)
    first, second = begin(able, asked), begin(able, asked)
    steps = correcting.proceed(able.bridge, first)
    done = [each for some in correcting.proceed(able.bridge, second) for each in some]
    for some in steps:
        done += some
    able.settle()

    assert 1 == len(done)
    assert 2 == len(able.rows(tables.issuance))


def test_another_certificate_of_that_key_is_in_the_way(able: World) -> None:
    able.generate("ada")
    able.generate("bob")
    ada, bob = able.rows(tables.issuance)
    asked = one(ada.id, applicant_email="BOB@learners.example")
    (foreseen,) = correcting.foresee(able.bridge, asked)

    assert bob.id == foreseen.tested.collides_with
    assert [] == carry_out(able, asked)


def test_a_correction_that_was_not_sent_yet_is_itself_corrected(world: World) -> None:
    world.generate()
    old = world.issuance
    held = correct(world, old.id, full_name=NAME)
    new = correct(world, held, applicant_email="countess@learners.example")
    world.settle()

    assert ["generated", "cancelled", "generated"] == world.states()
    now = row(world, new)
    assert (old.id, NAME, 2) == (now.replaces, now.full_name, now.revision)
    assert old.natural_key == row(world, old.id).natural_key
    (revocation,) = world.rows(tables.revocation)
    assert ("kept", new) == (revocation.state, revocation.replaced_by)


def test_what_is_not_revoked_yet_owns_its_key_again_once_nothing_takes_it(able: World) -> None:
    able.generate()
    old = able.issuance
    waiting = correct(able, old.id, full_name=NAME)
    assert row(able, old.id).natural_key is None
    new = correct(able, waiting, applicant_email="countess@learners.example")

    assert old.natural_key == row(able, old.id).natural_key
    able.settle()
    assert ["generated", "cancelled", "generated"] == able.states()
    assert [(REASON, row(able, new).vault_uuid)] == told(able, old.id)
    assert row(able, old.id).natural_key is None


def test_a_held_correction_is_never_mapped_anew(world: World) -> None:
    kind = ("name: course-completion", "name: programme\nkind: programme")
    world.add_mapping(kind, ("issuer: main", "issuer: second"))
    world.generate()
    assert ["held"] == world.states(tables.completion), "for want of the second issuer"
    held = correct(world, world.issuance.id, full_name=NAME)
    world.replay(world.completion.id)
    world.run("normalise")

    assert ("held", NAME) == (row(world, held).state, row(world, held).full_name)


def test_the_vault_refuses_the_newer_one_the_older_stays(able: World) -> None:
    able.generate()
    old = able.issuance.id
    refusal = {"message": "No.", "errors": {"applicant_email": ["Nobody lives there."]}}
    able.vault.then("upload", answers(422, refusal))
    new = correct(able, old, applicant_email="countess@learners.example")
    able.settle()

    assert ("failed", "issue.vault_refused.applicant_email") == (
        row(able, new).state,
        row(able, new).cause,
    )
    assert [] == told(able, old)
    assert able.replay(new).going
    able.settle()
    assert "generated" == row(able, new).state
    assert ["done"] == able.states(tables.revocation)


def test_where_the_older_is_revoked_and_the_newer_refused_the_gradebook_says_so(
    able: World,
) -> None:
    able.complete()
    able.settle()
    refusal = {"message": "No.", "errors": {"full_name": ["Too royal."]}}
    able.vault.then("upload", answers(422, refusal))
    correct(able, able.issuance.id, full_name=NAME)
    able.settle()

    assert "Withdrawn" in able.lms.gradebook["42", "ada"]


def test_an_event_fired_again_does_not_undo_it(able: World) -> None:
    able.generate()
    new = correct(able, able.issuance.id, full_name=NAME)
    able.settle()
    able.complete()
    able.settle()
    able.replay(able.rows(tables.completion)[0].id)
    able.settle()

    assert 2 == len(able.rows(tables.issuance))
    assert NAME == row(able, new).full_name


def test_reconciliation_finds_nothing_amiss(able: World) -> None:
    able.complete()
    able.settle()
    correct(able, able.issuance.id, full_name=NAME)
    able.settle()
    able.later(hours=2)
    able.reconcile()

    assert [] == able.differences()


def test_who_and_why_stand_in_the_history(able: World) -> None:
    able.generate()
    old = able.issuance.id
    new = correct(able, old, full_name=NAME)
    able.settle()

    assert f"corrected by {new}" in able.history(old)
    assert "revoked at the vault" in able.history(old)
    (whole,) = able.rows(tables.correction)
    assert ("alice", REASON, "done", 1, 1, 0) == (
        whole.who,
        whole.reason,
        whole.state,
        whole.selected,
        whole.replaced,
        whole.unchanged,
    )
    assert ["correction begun", "correction ended"] == able.history(whole.id)


def mended(world: World) -> tuple[Asked, list[sa.Row[Any]]]:
    """Three certificates with a title that was written wrong in version 2; version 3 is right."""
    wrong = ("Certificate of Completion: {{ course.title }}", WRONG)
    world.add_mapping(wrong)
    for who in ("ada", "bob", "eve"):
        world.generate(who)
    world.add_mapping()
    return Asked(mapping="course-completion", version=2), world.rows(tables.issuance)


def test_all_that_a_version_made_is_mapped_by_the_one_in_use(able: World) -> None:
    asked, old = mended(able)
    done = carry_out(able, asked)
    able.settle()

    assert [each.id for each in old] == [each.old for each in done]
    new = able.rows(tables.issuance)[3:]
    assert [(TITLE, 3)] * 3 == [(each.certificate_title, each.mapping_version) for each in new]
    assert [each.issue_date for each in old] == [each.issue_date for each in new]
    assert ["done"] * 3 == able.states(tables.revocation)
    statuses = [status for *_, status in at_vault(able)]
    assert {"revoked": 3, "generated": 3} == {s: statuses.count(s) for s in statuses}
    assert [] == carry_out(able, asked), "what was corrected is not meant any more"


def test_a_correction_by_mapping_never_moves_the_day_though_the_sites_zone_is_another(
    able: World,
) -> None:
    unstated = ("  issue_date: \"{{ completed_at | local_date: 'UTC' }}\"\n", "")
    able.add_mapping(unstated, ("Certificate of Completion: {{ course.title }}", WRONG))
    able.change(tables.site, able.site_id, timezone="Asia/Dubai")
    able.generate(completed_at="2026-11-22T21:30:00+00:00")
    able.change(tables.site, able.site_id, timezone="America/New_York")
    able.add_mapping(unstated)

    asked = Asked(mapping="course-completion", version=2)
    assert [{"certificate_title": (WRONG, TITLE)}] == differing(able, asked)
    (done,) = carry_out(able, asked)

    old, new = row(able, done.old), row(able, done.new)
    assert (date(2026, 11, 23), date(2026, 11, 23)) == (old.issue_date, new.issue_date)
    assert "Asia/Dubai" == new.dated["zone"]
    assert old.dated == new.dated


@pytest.mark.parametrize("shows_details", [True, False])
def test_many_of_one_key_each_go_in_bulk_once_the_older_ones_are_revoked(
    able: World, shows_details: bool
) -> None:
    able.vault.shows_details = shows_details
    for who in ("ada", "bob", "eve"):
        able.generate(who)
    old = able.rows(tables.issuance)
    date = """  issue_date: "{{ completed_at | local_date: 'UTC' }}"\n"""
    able.add_mapping((date, f"{date}  details: With distinction.\n"))
    carry_out(able, Asked(mapping="course-completion", version=1))
    assert ["waiting"] * 3 == able.states()[3:]
    able.settle()

    new = able.rows(tables.issuance)[3:]
    assert ["generated"] * 3 == [each.state for each in new]
    assert 1 == able.vault.calls["bulk"]
    assert {2} == set(able.vault.created.values())
    kept = able.vault.kept
    assert {"revoked"} == {kept[each.vault_uuid].status for each in old}
    assert {"generated"} == {kept[each.vault_uuid].status for each in new}
    assert ["done"] * 3 == able.states(tables.revocation)


def test_what_would_come_out_the_same_or_is_no_longer_wanted_stays(able: World) -> None:
    asked, (ada, bob, eve) = mended(able)
    correct(able, ada.id, certificate_title=TITLE)  # by hand, which stays
    able.settle()
    (whole,) = [each for each in able.rows(tables.completion) if each.learner_id == "bob"]
    able.change(tables.completion, whole.id, data={**whole.data, "role": "teacher"})
    able.add_mapping(('match: {course: "*"}', 'match: {course: "*", when: "role != \'teacher\'"}'))
    seen = {
        each.old.id: each.tested.difference.change
        for each in correcting.foresee(able.bridge, asked)
    }

    corrected = able.rows(tables.issuance)[3]
    assert {
        corrected.id: Change.SAME,
        bob.id: Change.UNMATCHED,
        eve.id: Change.CHANGED,
    } == seen
    carry_out(able, asked)
    (_, whole) = able.rows(tables.correction)
    assert (3, 1, 2) == (whole.selected, whole.replaced, whole.unchanged)


def test_an_interrupted_one_goes_on_where_it_stopped(
    able: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correcting, "TOGETHER", 1)
    asked, _ = mended(able)
    begun = begin(able, asked)
    next(correcting.proceed(able.bridge, begun))
    assert 4 == len(able.rows(tables.issuance))
    for _ in correcting.proceed(able.bridge, begun):
        pass

    assert 6 == len(able.rows(tables.issuance))
    (whole,) = able.rows(tables.correction)
    assert ("done", 3, 3, 0) == (whole.state, whole.selected, whole.replaced, whole.unchanged)
    with pytest.raises(Refused, match="is done"):
        next(correcting.proceed(able.bridge, begun))


def test_the_version_in_use_is_not_the_one_to_correct(able: World) -> None:
    able.generate()

    with pytest.raises(Refused, match="publish one that is right first"):
        list(correcting.foresee(able.bridge, Asked(mapping="course-completion", version=1)))
    with pytest.raises(NotThere):
        list(correcting.foresee(able.bridge, Asked(mapping="course-completion", version=7)))


def test_what_a_page_shows_is_printed_anew_only_where_that_is_asked_for(able: World) -> None:
    able.generate("ada")
    able.generate("bob")
    able.change(tables.issuer, able.issuer_id, institution_name="Institute of the Seas", logo=SEAL)
    meant = Asked(mapping="course-completion", version=1)

    with pytest.raises(Refused, match="say --reprint"):
        list(correcting.foresee(able.bridge, meant))
    asked = replace(meant, reprint=True)
    expected = {
        "made_of.pictures.logo": (None, sha256(SEAL).hexdigest()),
        "made_of.issuer.institution_name": ("Institute of the Sea", "Institute of the Seas"),
    }
    assert [expected] * 2 == differing(able, asked)
    assert 2 == len(carry_out(able, asked))
    able.settle()

    assert ["revoked", "revoked", "generated", "generated"] == [s for *_, s in at_vault(able)]
    old, new = (able.vault.kept[row.vault_uuid] for row in able.rows(tables.issuance)[::2])
    assert old.content != new.content
    assert [{}] * 2 == differing(able, asked), "they come out the same now"


def test_a_picture_of_the_template_that_was_wrong_is_mended_and_printed(
    able: World, tmp_path: Path
) -> None:
    about = (
        "description: A test's.\npapers: [a4]\nparameters: {seal: {type: image, default: s.svg}}\n"
    )

    def printing(seal: bytes, cache: str) -> Renderer:
        folder = tmp_path / cache
        a_template(folder, PLAIN, about=about)
        (folder / "own" / "s.svg").write_bytes(seal)
        return Renderer(font_cache=tmp_path / "cache", folders=folders(folder))

    able.add_mapping(("issuer: main\n", "issuer: main\ncertificate: {template: own}\n"))
    with printing(HAND, "wrong") as wrong, printing(SEAL, "right") as right:
        able.bridge = replace(able.bridge, renderer=wrong)
        able.generate()
        able.bridge = replace(able.bridge, renderer=right)
        asked = replace(one(able.issuance.id), reprint=True)
        (fields,) = differing(able, asked)
        carry_out(able, asked)
        with pytest.raises(Already):
            carry_out(able, asked)

    assert {"made_of.template", "made_of.pictures.seal"} == set(fields)
    assert ["generated", "waiting"] == able.states()


def test_an_upgrade_of_typst_or_of_fonts_issues_nobodys_anew(able: World) -> None:
    able.generate()
    printed = able.issuance.certificate
    before = printed["made_of"] | {"typst": "0.1", "fonts": {"Old.ttf": "0" * 64}}
    able.change(tables.issuance, able.issuance.id, certificate=printed | {"made_of": before})

    assert [] == carry_out(able, Asked(mapping="course-completion", version=1, reprint=True))


def test_a_version_that_is_rehearsed_issues_no_correction(able: World) -> None:
    asked, _ = mended(able)
    (row,) = [each for each in able.rows(tables.mapping_version) if each.version == 3]
    able.change(tables.mapping_version, row.id, state="rehearsal")

    with pytest.raises(Refused, match="is being rehearsed"):
        list(correcting.foresee(able.bridge, asked))


def test_another_issuers_are_left_to_it(able: World) -> None:
    asked, _ = mended(able)
    able.add_issuer("second")
    able.add_mapping(("issuer: main", "issuer: second"))
    seen = [each.tested.difference for each in correcting.foresee(able.bridge, asked)]

    assert [Change.FAILING] * 3 == [each.change for each in seen]
    assert "another issuer's" in str(seen[0].problem)
    assert [] == carry_out(able, asked)


def test_what_is_declined_is_not_done(able: World) -> None:
    able.generate()
    begun = begin(able, one(able.issuance.id, full_name=NAME), approved=False)
    with able.bridge.database.read() as conn:
        waiting = corrections.by_id(conn, begun)
    correcting.decline(able.bridge, waiting, who="bea", reason="It is right.")

    with pytest.raises(Refused, match="is declined"):
        correcting.approve(able.bridge, waiting, who="bea", selected=1)
    with pytest.raises(Refused, match="is declined"):
        next(correcting.proceed(able.bridge, begun))
    assert ["correction asked for", "correction declined"] == able.history(begun)
    assert ["generated"] == able.states()


def test_a_second_person_approves_and_not_the_same(able: World) -> None:
    able.generate()
    asked = one(able.issuance.id, full_name=NAME)
    begun = begin(able, asked, approved=False)
    with pytest.raises(Refused, match="is asked"):
        next(correcting.proceed(able.bridge, begun))
    with able.bridge.database.read() as conn:
        waiting = corrections.by_id(conn, begun)
    with pytest.raises(Refused, match="another person"):
        correcting.approve(able.bridge, waiting, who="alice", selected=1)
    correcting.approve(able.bridge, waiting, who="bea", selected=1)
    with pytest.raises(Refused, match="decided before"):
        correcting.approve(able.bridge, waiting, who="carl", selected=1)
    for _ in correcting.proceed(able.bridge, begun):
        pass
    able.settle()

    (whole,) = able.rows(tables.correction)
    assert ("alice", "bea", "done") == (whole.who, whole.approved_by, whole.state)
    assert 2 == len(able.rows(tables.issuance))
