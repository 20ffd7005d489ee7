"""``vaultbridge correct`` and ``corrections``."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import TITLE, World
from tests.scripted_vault import answers

WHY = ("--reason", "The name was misspelt.", "--as", "alice")
NAME = "Augusta Ada King"
WRONG = "Certificate of Completion: Marine Bilology"


@pytest.fixture
def able(world: World) -> World:
    """A vault that can revoke, and a clock just behind the machine's, by which commands go."""
    world.vault.revokes = True
    world.clock.moment = datetime.now(UTC) - timedelta(hours=1)
    return world


def wrong_titles(world: World) -> list[str]:
    """Three certificates of version 2, whose title was misspelt; in use is version 3."""
    title = "Certificate of Completion: {{ course.title }}"
    world.add_mapping((title, WRONG))
    for who in ("ada", "bob", "eve"):
        world.generate(who)
    world.add_mapping()
    return [row.id for row in world.rows(tables.issuance)]


def listed_in(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def settled(world: World) -> list[str]:
    world.clock.moment = datetime.now(UTC)
    world.settle()
    return [kept.status for kept in world.vault.kept.values()]


def test_one_is_shown_field_by_field_then_asked_about_then_done(run: Run, able: World) -> None:
    able.generate()
    old = able.issuance.id

    said = run("correct", old, "--full-name", NAME, *WHY, stdin="y\n")
    new = able.rows(tables.issuance)[1].id

    assert 0 == said.code, said.err
    assert "    full_name: Ada Lovelace -> Augusta Ada King" in said.out.splitlines()
    assert "Correct 1? [y/N]" in said.out
    assert f"{old} is replaced by {new}.\n" in said.out
    assert ["revoked", "generated"] == settled(able)
    again = run("correct", old, "--full-name", NAME, *WHY)
    assert (0, f"{old} is corrected so already, by {new}. Nothing was changed.\n") == (
        again.code,
        again.out,
    )


def test_a_name_in_a_second_script_is_corrected_and_stays_so(run: Run, able: World) -> None:
    second = "{second_name: '{{ learner.full_name | upcase }}', second_title: x}"
    certificate = f"certificate: {{template: bilingual, parameters: {second}}}"
    able.add_mapping(("entry:\n", f"{certificate}\nentry:\n"))
    able.generate()
    old = able.issuance.id
    given = ("--full-name", NAME, "--set", "second_name= أغسطا  كينغ")

    mistyped = run("correct", old, "--set", "secnd_name=x", *WHY, "--yes")
    said = run("correct", old, *given, *WHY, "--yes")
    assert "The template bilingual has no parameter 'secnd_name'." in mistyped.out
    new = able.rows(tables.issuance)[1]

    assert 0 == said.code, said.err
    assert {"second_name": "أغسطا كينغ", "second_title": "x"} == new.certificate["parameters"]
    assert NAME == new.full_name
    assert ["revoked", "generated"] == settled(able)
    able.add_mapping(("entry:\n", f"{certificate.replace(': x', ': y')}\nentry:\n"))
    version = ("--mapping", "course-completion", "--version", str(new.mapping_version))
    run("correct", *version, *WHY, "--yes")
    assert {"second_name": "أغسطا كينغ", "second_title": "y"} == (
        able.rows(tables.issuance)[2].certificate["parameters"]
    )


def test_without_a_yes_nothing_is_done(run: Run, able: World) -> None:
    able.generate()

    said = run("correct", able.issuance.id, "--full-name", NAME, *WHY, stdin="n\n")

    assert 1 == said.code
    assert ["generated"] == able.states()
    assert [] == able.rows(tables.correction)


def test_a_dry_run_tells_totals_then_examples_and_changes_nothing(run: Run, able: World) -> None:
    ids = wrong_titles(able)

    meant = ("correct", "--mapping", "course-completion", "--version", "2", "--dry-run")
    text = run(*meant, "--examples", "1")
    told = run(*meant, "--json").json

    assert [
        "0 same",
        "3 changed",
        "",
        "Changed:",
        f"  {ids[0]}  {WRONG} (course-completion)",
        f"    certificate_title: {WRONG} -> {TITLE}",
        "  … and 2 more: --examples 3, or --json",
        "Nothing was changed.",
    ] == text.out.splitlines()
    assert 3 == told["totals"]["changed"]
    assert ids == [row["issuance"] for row in told["rows"]]
    assert {"certificate_title": {"before": WRONG, "after": TITLE}} == told["rows"][0]["fields"]
    assert ["generated"] * 3 == able.states()


def test_all_of_a_version_are_done_and_listed(run: Run, able: World) -> None:
    ids = wrong_titles(able)

    meant = ("--mapping", "course-completion", "--version", "2")
    told = run("correct", *meant, *WHY, "--yes", "--json").json

    assert (3, 0, "done", []) == (told["replaced"], told["unchanged"], told["state"], told["kept"])
    assert ids == [row["issuance"] for row in told["rows"]]
    assert ["revoked"] * 3 + ["generated"] * 3 == settled(able)
    (listed,) = run("corrections", "--json").json
    assert (told["correction"], "alice", 3, 3, 0) == (
        listed["id"],
        listed["who"],
        listed["replaced"],
        listed["revoked"],
        listed["kept"],
    )
    table = run("corrections").out
    assert "course-completion version 2" in table
    assert "The name was misspelt." in table
    nothing = run("correct", *meant, *WHY, "--yes")
    assert ["No certificate is meant.", "Nothing was changed."] == nothing.out.splitlines()


def test_what_is_mended_in_the_template_or_the_issuer_is_printed_anew(
    run: Run, able: World
) -> None:
    able.generate("ada")
    able.generate("bob")
    able.change(tables.issuer, able.issuer_id, institution_name="Institute of the Seas")
    ada = able.rows(tables.issuance)[0].id

    said = run("correct", ada, "--reprint", *WHY, "--yes")
    meant = ("--mapping", "course-completion", "--version", "1", "--reprint")
    told = run("correct", *meant, *WHY, "--yes", "--json").json

    changed = "    made_of.issuer.institution_name: Institute of the Sea -> Institute of the Seas"
    assert changed in said.out.splitlines()
    assert (1, 0) == (told["replaced"], told["unchanged"])
    assert ["revoked", "revoked", "generated", "generated"] == settled(able)
    table = run("corrections").out
    assert f"{ada}: reprint" in table
    assert "course-completion version 1 reprint" in table


def test_of_a_version_only_those_made_since_a_day_are_done_if_asked_for(
    run: Run, able: World
) -> None:
    able.clock.moment -= timedelta(days=3)
    able.add_mapping(("Certificate of Completion: {{ course.title }}", WRONG))
    able.generate("ada")
    able.clock.moment += timedelta(days=3)
    able.generate("bob")
    able.add_mapping()
    _, late = (row.id for row in able.rows(tables.issuance))

    meant = ("--mapping", "course-completion", "--version", "2", "--since", "2d")
    told = run("correct", *meant, *WHY, "--yes", "--json").json

    assert [late] == [row["issuance"] for row in told["rows"]]
    assert ["generated", "revoked", "generated"] == settled(able)
    assert "course-completion version 2 since 20" in run("corrections").out


def test_more_than_a_settings_number_must_be_said(
    run: Run, able: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_titles(able)
    monkeypatch.setenv("BRIDGE_CORRECTIONS_AT_MOST", "2")

    meant = ("correct", "--mapping", "course-completion", "--version", "2", *WHY, "--yes")
    refused = run(*meant)
    assert 1 == refused.code
    assert "at most 2 are corrected at once. If they are meant, say so: --at-most 3." in refused.err
    assert ["generated"] * 3 == able.states()
    assert 0 == run(*meant, "--at-most", "3").code


def test_so_it_is_for_whoever_approves(
    run: Run, able: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_titles(able)
    monkeypatch.setenv("BRIDGE_CORRECTIONS_APPROVED_BY_TWO", "true")
    meant = ("--mapping", "course-completion", "--version", "2")
    asked = run("correct", *meant, *WHY, "--json").json["correction"]
    monkeypatch.setenv("BRIDGE_CORRECTIONS_AT_MOST", "2")

    approve = ("correct", "--approve", asked, "--as", "bea", "--yes")
    refused = run(*approve)

    assert 1 == refused.code
    assert "If they are meant, say so: --at-most 3." in refused.err
    assert (["generated"] * 3, "asked") == (able.states(), able.one(tables.correction).state)
    assert 0 == run(*approve, "--at-most", "3").code


def test_what_the_brake_would_hold_now_is_told_and_corrected_all_the_same(
    run: Run, able: World
) -> None:
    ids = wrong_titles(able)
    for whole, role in zip(able.rows(tables.completion), ("student", "teacher", None), strict=True):
        learner = whole.data["learner"] | ({} if role else {"email": "test@learners.example"})
        able.change(
            tables.completion, whole.id, data={**whole.data, "role": role, "learner": learner}
        )
    meant = ("correct", "--mapping", "course-completion", "--version", "2", *WHY)

    said, told = run(*meant, "--dry-run"), run(*meant, "--dry-run", "--json").json

    warning = "1 would be held if they came now: These learners are staff in the course."
    assert warning in said.out.splitlines()
    assert {"staff": 1, "test_account": 1} == told["would_be_held"]
    held = {row["issuance"]: row["would_be_held"] for row in told["rows"]}
    assert dict(zip(ids, (None, "staff", "test_account"), strict=True)) == held
    assert 3 == run(*meant, "--yes", "--json").json["replaced"]


def test_what_stays_valid_is_told_before_and_listed_for_the_vaults_operator(
    run: Run, able: World, tmp_path: Path
) -> None:
    able.vault.revokes = False
    able.generate(learner={"full_name": "=Ada Lovelace"})
    old = able.issuance
    file = tmp_path / "kept.csv"

    change = ("correct", old.id, "--email", "king@learners.example", *WHY, "--yes")
    said = run(*change, "--csv", str(file))

    warning = "The vault of the issuer main cannot revoke: 1 wrong certificates stay valid there."
    assert warning in said.out.splitlines()
    assert f"1 stay valid at a vault that cannot revoke: listed in {file}." in said.out.splitlines()
    (listed,) = listed_in(file)
    assert old.reference_id == listed["reference_id"]
    assert "'=Ada Lovelace" == listed["full_name"], "no cell calculates"
    assert able.rows(tables.issuance)[1].id == listed["replaced_by"]
    assert ["generated", "generated"] == settled(able)
    assert (0, 1) == tuple(run("corrections", "--json").json[0][n] for n in ("revoked", "kept"))


def test_the_list_of_what_stays_valid_is_there_afterwards_too(
    run: Run, able: World, tmp_path: Path
) -> None:
    able.vault.revokes = False
    able.generate()
    old = able.issuance
    change = ("correct", old.id, "--email", "king@learners.example", *WHY, "--yes", "--json")
    begun = run(*change).json["correction"]
    settled(able)
    file = tmp_path / "kept.csv"

    said = run("corrections", begun, "--csv", str(file))

    (row,) = listed_in(file)
    assert (old.reference_id, able.rows(tables.issuance)[1].reference_id) == (
        row["reference_id"],
        row["replaced_by"],
    )
    assert "The name was misspelt." in said.out
    assert f"1 stay valid at a vault that cannot revoke: listed in {file}." in said.out.splitlines()
    assert old.reference_id in run("corrections", begun).out.split("reference_id,")[1]
    told = run("corrections", begun, "--json").json
    assert (1, [row]) == (told["kept"], told["stay_valid"])
    assert "There is no correction co_0." in run("corrections", "co_0").err
    assert 2 == run("corrections", "--csv", str(file)).code


def test_without_a_file_they_are_printed_and_what_is_held_says_why(run: Run, able: World) -> None:
    able.vault.revokes = False
    able.generate()

    said = run("correct", able.issuance.id, "--full-name", NAME, *WHY, "--yes")

    assert "the vault does not take them, and they are held." in said.out
    assert f"{able.rows(tables.issuance)[1].id} is held: Its vault cannot revoke" in said.out
    assert able.rows(tables.issuance)[0].reference_id in said.out.split("reference_id,")[1]


def test_a_second_person_approves_where_that_is_asked_for(
    run: Run, able: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    able.generate()
    monkeypatch.setenv("BRIDGE_CORRECTIONS_APPROVED_BY_TWO", "true")

    asked = run("correct", able.issuance.id, "--full-name", NAME, *WHY)
    (waiting,) = able.rows(tables.correction)
    approve = f"vaultbridge correct --approve {waiting.id} --as NAME"
    assert f"{waiting.id} waits for a second person: {approve}" in asked.out.splitlines()
    assert ["generated"] == able.states()

    same = run("correct", "--approve", waiting.id, "--as", "alice", "--yes")
    assert 1 == same.code
    assert "another person has to approve it" in same.err
    other = run("correct", "--approve", waiting.id, "--as", "bea", "--yes")
    assert 0 == other.code
    assert "alice asks for it: The name was misspelt." in other.out.splitlines()
    assert "    full_name: Ada Lovelace -> Augusta Ada King" in other.out.splitlines()
    assert ["revoked", "generated"] == settled(able)
    assert "bea" == able.one(tables.correction).approved_by
    assert 1 == run("correct", "--approve", waiting.id, "--as", "carl").code


def test_whoever_approves_is_told_what_stays_valid_and_gets_the_list(
    run: Run, able: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able.vault.revokes = False
    able.generate()
    old = able.issuance
    monkeypatch.setenv("BRIDGE_CORRECTIONS_APPROVED_BY_TWO", "true")
    change = ("correct", old.id, "--email", "king@learners.example", *WHY, "--json")
    asked = run(*change).json["correction"]
    file = tmp_path / "kept.csv"

    approve = ("correct", "--approve", asked, "--as", "bea", "--csv", str(file))
    said = run(*approve, stdin="y\n")

    assert 0 == said.code, said.err
    before, after = said.out.split("Approve it, and correct 1? [y/N]")
    warning = "The vault of the issuer main cannot revoke: 1 wrong certificates stay valid there."
    assert warning in before.splitlines()
    assert f"1 stay valid at a vault that cannot revoke: listed in {file}." in after.splitlines()
    assert [(old.reference_id, able.rows(tables.issuance)[1].id)] == [
        (one["reference_id"], one["replaced_by"]) for one in listed_in(file)
    ]
    assert ["generated", "generated"] == settled(able)


def test_with_json_whoever_is_asked_is_told_what_stays_valid_too(run: Run, able: World) -> None:
    able.vault.revokes = False
    able.generate()
    change = ("correct", able.issuance.id, "--full-name", NAME, *WHY, "--json")

    dry = run(*change, "--dry-run").json
    asked = run(*change, stdin="n\n")

    assert [{"issuer": "main", "stay_valid": 1, "held": 1}] == dry["cannot_revoke"]
    warning = "The vault of the issuer main cannot revoke: 1 wrong certificates stay valid there."
    before, _ = asked.err.split("Correct 1? [y/N]")
    assert warning in before.splitlines()
    assert "the vault does not take them, and they are held." in before
    assert ["generated"] == able.states()
    able.vault.revokes = True
    assert [] == run(*change, "--dry-run").json["cannot_revoke"]


def test_what_is_declined_is_listed_as_such(
    run: Run, able: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    able.generate()
    monkeypatch.setenv("BRIDGE_CORRECTIONS_APPROVED_BY_TWO", "true")
    change = ("correct", able.issuance.id, "--full-name", NAME, *WHY, "--json")
    asked = run(*change).json

    assert "asked" == asked["state"]
    said = run("correct", "--decline", asked["correction"], "--as", "alice")
    assert f"{asked['correction']} is declined. Nothing was changed.\n" == said.out
    assert ["declined"] == [row["state"] for row in run("corrections", "--json").json]
    assert ["generated"] == able.states()


def test_nothing_to_correct_is_json_too(run: Run, able: World) -> None:
    able.generate()

    told = run("correct", able.issuance.id, "--full-name", "Ada Lovelace", *WHY, "--json").json

    assert (1, 0) == (told["totals"]["same"], told["totals"]["changed"])


def test_an_interrupted_one_is_continued(run: Run, able: World) -> None:
    able.generate()
    run("correct", able.issuance.id, "--full-name", NAME, *WHY, "--yes")
    whole = able.one(tables.correction)
    able.change(tables.correction, whole.id, state="running", ended_at=None)

    said = run("correct", "--continue", whole.id)

    assert f"1 replaced, 0 unchanged ({whole.id}).\n" == said.out
    assert 1 == run("correct", "--continue", whole.id).code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say what to correct"),
        (("is_1", "--mapping", "m", "--version", "1"), "Say what to correct"),
        (("is_1",), "Say what is wrong"),
        (("--mapping", "m"), "Give --mapping and --version together."),
        (("--mapping", "m", "--version", "1", "--title", "t"), "are for one ISSUANCE"),
        (("is_1", "--full-name", "A"), "Say why: --reason."),
    ],
)
def test_what_is_unclear_is_refused(
    run: Run, environment: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    refused = run("correct", *arguments)

    assert 2 == refused.code
    assert said in refused.err


def test_a_vault_that_does_not_answer_changes_nothing(run: Run, able: World) -> None:
    able.generate()
    able.vault.then("revoke", answers(503))

    said = run("correct", able.issuance.id, "--full-name", NAME, *WHY, "--yes")

    assert (1, "vaultbridge: The vault answered 503.\n") == (said.code, said.err)
    assert ["generated"] == able.states()
