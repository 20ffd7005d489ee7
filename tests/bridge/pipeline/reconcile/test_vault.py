"""The certificates at an issuer's vault against ours: missing, doubled, changed or unknown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.pipeline.reconcile import certificates
from bridge.store import links, tables
from bridge.store.events import PIPELINE
from tests.bridge.world import NOON, SITE, TITLE, World, key
from tests.scripted_vault import TOKEN, Kept, ScriptedVault, answers

FAILED = {"problem": "p", "remedy": "r", "cause": "c.c", "failing_since": NOON}


@pytest.fixture
def issued(world: World) -> World:
    """Ada's certificate is issued and told."""
    world.generate()
    world.settle(hours=1)
    world.later(hours=1)
    world.vault.calls.clear()
    return world


def only(world: World) -> Any:
    """The one open difference."""
    [row] = [row for row in world.rows(tables.difference) if row.state == "open"]
    return row


def put(world: World, **changed: Any) -> Kept:
    """A certificate at the vault that is not ours, an hour old."""
    given = {"title": TITLE, "name": "Bob", "email": "bob@learners.example"}
    values = {"issue_date": "2026-11-23", "created_at": world.clock.now() - timedelta(hours=1)}
    return world.vault.put(**{**given, **values, **changed})


def test_where_all_is_well_two_calls_see_it(issued: World) -> None:
    run = issued.reconcile()

    assert {"open": {}, "mended": {}} == run.counts
    assert (1, 1, 1) == tuple(run.looked_at[part] for part in ("issuances", "vault", "gradebook"))
    assert {"list": 2} == issued.vault.calls, "the list, and the revoked ones"


def test_one_that_the_vault_has_lost_is_named_and_mended_only_by_name(issued: World) -> None:
    issued.vault.kept.clear()

    assert {"missing_at_vault": 1} == issued.reconcile(fix=True).counts["open"]
    row = only(issued)
    assert f"vaultbridge reconcile --site {SITE} --fix --cause missing_at_vault" == row.command
    assert "vaultbridge issuer check main" in row.remedy
    issued.settle()
    assert {key(): 1} == issued.vault.created, "nothing was sent again"

    named = frozenset({"missing_at_vault"})
    assert {"missing_at_vault": 1} == issued.reconcile(fix=True, causes=named).counts["mended"]
    issued.settle()
    assert {key(): 2} == issued.vault.created
    assert "generated" == issued.issuance.state
    assert issued.vault.only.reference_id == issued.issuance.reference_id
    assert issued.vault.only.reference_id in issued.lms.gradebook["42", "ada"]


def test_one_whose_holder_was_erased_at_the_vault_is_neither_missing_nor_changed(
    issued: World,
) -> None:
    erased = issued.vault.only
    erased.name, erased.email, erased.details = "", "", None

    assert {"open": {}, "mended": {}} == issued.reconcile(fix=True).counts
    issued.generate("bob")
    issued.settle()
    assert {key(): 1, key("bob"): 1} == issued.vault.created
    assert ["generated"] * 2 == issued.states()


def test_one_that_is_issued_again_and_revoked_at_once_is_told_as_withdrawn(issued: World) -> None:
    assert "Issued" in issued.lms.gradebook["42", "ada"]
    issued.vault.kept.clear()
    issued.reconcile()
    issued.reconcile(fix=True, causes=frozenset({"missing_at_vault"}))
    issued.run("issue")
    issued.vault.only.status = "revoked"
    issued.settle()

    assert ("cancelled", "revoked") == (issued.issuance.state, issued.issuance.vault_status)
    assert "Withdrawn" in issued.lms.gradebook["42", "ada"]
    assert issued.vault.only.reference_id in issued.lms.gradebook["42", "ada"]


def test_one_that_only_seemed_to_be_lost_is_adopted_again(issued: World) -> None:
    kept = issued.vault.kept.copy()
    issued.vault.kept.clear()
    issued.reconcile()
    issued.reconcile(fix=True, causes=frozenset({"missing_at_vault"}))
    issued.vault.kept = kept
    issued.settle()

    assert {key(): 1} == issued.vault.created
    assert issued.vault.only.uuid == issued.issuance.vault_uuid
    assert "generated" == issued.issuance.state


def test_what_is_not_in_the_list_is_asked_for_before_it_is_called_missing(issued: World) -> None:
    hidden = answers(200, {"data": [], "meta": {"last_page": 1}})
    issued.vault.then("list", hidden)

    assert {} == issued.reconcile().counts["open"]
    assert {"list": 2, "view": 1} == issued.vault.calls


def test_a_missing_one_is_asked_for_once_a_day(issued: World) -> None:
    issued.vault.kept.clear()
    for _ in range(3):
        issued.reconcile(who=PIPELINE)

    assert 1 == issued.vault.calls["view"]
    issued.later(days=1)
    issued.reconcile(who=PIPELINE)
    assert 2 == issued.vault.calls["view"]
    assert "missing_at_vault" == only(issued).cause


def test_a_revocation_is_noted_and_told_at_once(issued: World) -> None:
    issued.vault.only.status = "revoked"

    run = issued.reconcile()
    assert {"open": {}, "mended": {"revoked_at_vault": 1}} == run.counts
    issued.settle()

    row = issued.issuance
    assert ("generated", "revoked") == (row.state, row.vault_status)
    assert "revoked at the vault" in issued.history(row.id)
    assert "Withdrawn" in issued.lms.gradebook["42", "ada"]
    with issued.bridge.database.write() as conn:
        link = links.live_link(conn, row.id, now=issued.clock.now())
    page = issued.app.test_client().get(issued.bridge.links.url(link))
    assert "has withdrawn this certificate" in page.get_data(as_text=True)

    writes = len(issued.lms.writes)
    assert {"open": {}, "mended": {}} == issued.reconcile().counts
    issued.settle()
    assert writes == len(issued.lms.writes), "nobody is told twice"


def test_a_revocation_is_found_however_old_the_certificate_is(issued: World) -> None:
    issued.later(days=400)
    issued.vault.only.status = "revoked"

    assert {"revoked_at_vault": 1} == issued.reconcile().counts["mended"]


def test_another_reference_id_is_taken_and_told(issued: World) -> None:
    issued.vault.only.reference_id = "VEC-IC-2026FFFFFFFFFFFFF"

    assert {"reference_differs": 1} == issued.reconcile().counts["open"]
    issued.reconcile(fix=True)
    issued.settle()

    assert "VEC-IC-2026FFFFFFFFFFFFF" == issued.issuance.reference_id
    assert "VEC-IC-2026FFFFFFFFFFFFF" in issued.lms.gradebook["42", "ada"]
    assert {} == issued.reconcile().counts["open"]


@pytest.mark.parametrize(
    ("changed", "cause", "told"),
    [
        ({"name": "Bob Lovelace"}, "entry_differs", "another name than was sent"),
        ({"title": "Other", "issue_date": "2026-01-01"}, "entry_differs", "title, issue date"),
        ({"email": "x@y.example"}, "entry_differs", "another e-mail address"),
        ({"status": "failed"}, "status_differs", "says failed, and said generated"),
    ],
    ids=str,
)
def test_what_the_vault_changed_is_named(
    issued: World, changed: dict[str, str], cause: str, told: str
) -> None:
    for name, value in changed.items():
        setattr(issued.vault.only, name, value)

    assert {cause: 1} == issued.reconcile(fix=True).counts["open"]
    assert told in only(issued).problem
    assert f"vaultbridge show {issued.issuance.id}" == only(issued).command


def test_spaces_and_case_are_no_other_words(issued: World) -> None:
    issued.vault.only.name = "ADA  Lovelace"
    issued.vault.only.email = "Ada@Learners.Example"

    assert {} == issued.reconcile().counts["open"]


def test_one_of_somebody_else_is_named_once_and_needs_nothing(issued: World) -> None:
    kept = put(issued)

    assert {"foreign": 1} == issued.reconcile().counts["open"]
    assert kept.reference_id == only(issued).reference_id
    assert None is only(issued).command
    issued.reconcile()
    assert 1 == issued.vault.calls["view"], "what it is does not change"


def test_one_with_a_mark_that_nobody_knows_is_ours_and_unknown(issued: World) -> None:
    put(issued, details="With distinction.\nRef 0a1b2c3d")

    assert {"ours_unknown": 1} == issued.reconcile(fix=True).counts["open"]
    assert "Ref 0a1b2c3d" in only(issued).problem
    assert "restored" in only(issued).remedy


def test_what_learners_submitted_themselves_is_no_matter_of_ours(issued: World) -> None:
    put(issued, source="customer")

    assert {} == issued.reconcile().counts["open"]


def test_what_was_made_this_moment_is_given_its_time(issued: World) -> None:
    put(issued, created_at=issued.clock.now())

    assert {} == issued.reconcile().counts["open"]


def test_a_second_one_of_the_same_key_is_a_double(issued: World) -> None:
    kept = put(issued, name="Ada", email="ada@learners.example")

    assert {"doubled_at_vault": 1} == issued.reconcile(fix=True).counts["open"]
    row = only(issued)
    assert (issued.issuance.id, kept.reference_id) == (row.subject, row.reference_id)
    assert "certvault revoke" in row.remedy
    kept.status = "revoked"
    assert {} == issued.reconcile().counts["open"]
    assert [("doubled_at_vault", "ada")] == issued.differences("gone")


def test_one_with_our_mark_that_was_never_adopted_is_adopted(world: World) -> None:
    world.issue()
    kept = world.vault.only
    row = world.issuance
    world.change(
        tables.issuance,
        row.id,
        state="failed",
        vault_uuid=None,
        reference_id=None,
        next_run_at=None,
        **FAILED,
    )
    world.vault.finish()
    world.later(hours=1)

    found = world.reconcile().counts["open"]
    assert {"issuance_failed": 1, "not_adopted": 1} == found
    world.reconcile(fix=True)
    world.settle()

    row = world.issuance
    assert ("generated", kept.uuid, kept.reference_id, None) == (
        row.state,
        row.vault_uuid,
        row.reference_id,
        row.problem,
    )
    assert {key(): 1} == world.vault.created


def test_somebody_elses_under_our_key_is_never_adopted(world: World) -> None:
    world.vault.put(
        title=TITLE, name="Ada Lovelace", email="ada@learners.example", issue_date="2026-11-23"
    )
    world.later(hours=1)
    world.issue()
    assert "held" == world.issuance.state

    assert {"issuance_held": 1} == world.reconcile(fix=True).counts["open"]
    assert None is world.issuance.vault_uuid


def test_what_is_on_its_way_is_no_stranger(world: World) -> None:
    world.issue()
    world.change(tables.issuance, world.issuance.id, vault_uuid=None, state="sending")
    world.later(minutes=30)

    assert {} == world.reconcile().counts["open"]
    assert 0 == world.vault.calls["view"]


def test_only_as_far_back_as_it_looks_are_pages_turned(issued: World) -> None:
    issued.vault.largest_page = 10
    for number in range(35):
        created = NOON - timedelta(days=2 * number)
        put(issued, title=str(number), created_at=created, details="")

    issued.reconcile(since=timedelta(days=3))

    pages = [query["page"] for query in issued.vault.queries if "status" not in query]
    assert ["1", "2"] == pages[-2:]


def test_strangers_are_asked_for_a_few_a_run(
    issued: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "MOST_VIEWS", 2)
    for number in range(3):
        put(issued, title=str(number))

    for expected in (2, 3, 3):
        assert {"foreign": expected} == issued.reconcile().counts["open"]
    assert 3 == issued.vault.calls["view"]


def test_a_vault_that_does_not_answer_is_told_and_forgets_nothing(issued: World) -> None:
    put(issued, details="Ref 0a1b2c3d")
    issued.reconcile()
    issued.vault.then("list", answers(503, "<html>"))

    run = issued.reconcile()

    assert [("vault", "The vault answered 503.")] == [
        (notice["what"], notice["problem"]) for notice in run.notices
    ]
    assert "ours_unknown" == only(issued).cause


def test_a_token_that_may_not_list_is_told_with_what_it_needs(issued: World) -> None:
    issued.vault.tokens[TOKEN] = frozenset()

    [notice] = issued.reconcile().notices

    assert "certificate-vault:list" in notice["remedy"]


def test_a_stopped_issuer_is_not_asked(issued: World) -> None:
    said = {"problem": "No token.", "remedy": "Make one.", "cause": "x.y", "failing_since": NOON}
    issued.change(tables.issuer, issued.issuer_id, paused_at=NOON, **said)

    [notice] = issued.reconcile().notices

    assert ("The issuer main is stopped: No token.", "Make one.") == (
        notice["problem"],
        notice["remedy"],
    )
    assert {} == issued.vault.calls


def test_each_issuance_is_looked_for_at_its_own_vault(issued: World) -> None:
    """Moving to another issuer changes nothing about those that were issued before."""
    second = ScriptedVault(now=issued.clock.now)
    issued.add_issuer("second", at=second)
    issued.add_mapping(("issuer: main", "issuer: second"))
    issued.issue("bob")
    second.finish()
    issued.settle(hours=1)
    issued.later(hours=1)

    run = issued.reconcile(fix=True)

    assert {"open": {}, "mended": {}} == run.counts
    assert 2 == run.looked_at["vault"]
    second.kept.clear()
    assert {"missing_at_vault": 1} == issued.reconcile().counts["open"]
    assert "bob" == only(issued).learner_id
    second.stop()


def test_another_sites_certificates_are_its_own_runs_matter(issued: World) -> None:
    issued.vault.kept.clear()

    assert {} == issued.reconcile(site="signed-main").counts["open"]
