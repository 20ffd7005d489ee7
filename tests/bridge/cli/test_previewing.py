"""``vaultbridge mappings preview``: one completion, field by field, and its certificate."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bridge.store import tables
from bridge.store.states import MappingState
from connectors.base import Temporary
from tests.bridge.certificates import reading
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, NOON, SITE, World

MESSY = {"full_name": "  ada \u200blovelace", "email": "ada@learners.example"}
CASED = MAPPING.replace("learner.full_name }}", "learner.full_name | name_case }}")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return tmp_path / "draft.yaml"


def received(world: World, who: str = "ada", **changes: object) -> str:
    """Have a completion that was taken up; its id."""
    world.complete(who, **changes)
    world.run("normalise")
    row_id: str = world.rows(tables.completion)[-1].id
    return row_id


def everything(world: World) -> list[object]:
    return [world.rows(table) for table in tables.metadata.sorted_tables]


def test_each_field_is_shown_with_what_it_read_what_was_done_to_it_and_what_it_gives(
    run: Run, world: World, draft: Path
) -> None:
    completion = received(world, learner=MESSY)
    draft.write_text(CASED)

    said = run("mappings", "preview", str(draft), "--completion", completion)

    assert (0, "") == (said.code, said.err)
    assert f"{completion}: Marine Biology (42), learner ada, {SITE}\n" in said.out
    assert "course-completion (a draft): wants it, and would issue.\n" in said.out
    expected = """\
entry.full_name
  expression {{ learner.full_name | name_case }}
  read       learner.full_name = "  ada \\u200blovelace"
  filter     name_case -> "  Ada \\u200bLovelace"
  tidied     invisible characters taken out: U+200B
  tidied     white space made single, none left at the ends
  result     Ada Lovelace
"""
    assert expected in said.out
    assert "  filter     local_date: 'UTC' -> \"2026-11-23\"\n" in said.out
    because = (
        "  because    it is the day of 2026-11-23T12:00:00+00:00 in UTC, as the mapping itself says"
    )
    assert because in said.out
    assert "certificate.template\n  result     classic\n" in said.out


def test_a_draft_that_ties_with_one_in_use_would_be_held(
    run: Run, world: World, draft: Path
) -> None:
    world.add_mapping(('course: "*"', 'course: "BIO-?"'))
    completion = received(world)
    by_title = MAPPING.replace('course: "*"', 'course: "Marine *"')
    draft.write_text(by_title.replace("course-completion", "marine"))

    said = run("mappings", "preview", str(draft), "--completion", completion)
    shown = run("mappings", "preview", str(draft), "--completion", completion, "--json").json

    held = "wants it, and would hold it. The mappings course-completion and marine have the same"
    assert (1, True) == (said.code, f"marine (a draft): {held} priority" in said.out)
    assert [(None, False)] == [(each["rival"], each["would_issue"]) for each in shown]


TESTING = "These accounts look as if made for testing"
LONG_PAST = (NOON - timedelta(days=91)).isoformat()


@pytest.mark.parametrize(
    ("told", "cause", "said"),
    [
        ({"learner": {"email": "test@example.edu"}}, "test_account", TESTING),
        ({"role": "teacher"}, "staff", "These learners are staff in the course"),
        ({"completed_at": LONG_PAST}, "too_old", "These were completed over 90 days ago"),
    ],
)
def test_what_a_person_would_look_at_first_is_not_told_as_issued(
    run: Run, world: World, draft: Path, told: dict[str, Any], cause: str, said: str
) -> None:
    completion = received(world, **told)
    draft.write_text(f"{MAPPING}hold: {{accounts: none, roles: none, older_than: none}}\n")

    held = run("mappings", "preview", "--completion", completion)
    (shown,) = run("mappings", "preview", "--completion", completion, "--json").json
    let_go = run("mappings", "preview", str(draft), "--completion", completion)

    verdict = f"wants it, and would hold it. {said}."
    assert (1, True) == (held.code, f"course-completion (version 1): {verdict}\n" in held.out)
    assert (False, verdict) == (shown["would_issue"], shown["verdict"])
    assert {"cause": f"complete.{cause}", "problem": f"{said}."} == shown["obstacle"]
    assert (0, True) == (let_go.code, "wants it, and would issue.\n" in let_go.out)


def test_a_next_round_is_told_as_the_mappings_again_has_it(
    run: Run, world: World, draft: Path
) -> None:
    draft.write_text(f"{MAPPING}again: always\n")
    first = received(world)
    world.later(days=200)
    second = received(world)

    once = run("mappings", "preview", "--completion", first)
    twice = run("mappings", "preview", "--completion", second)
    always = run("mappings", "preview", str(draft), "--completion", second)

    assert (0, 1, 0) == (once.code, twice.code, always.code)
    nothing = f"would issue nothing. This learner completed the course before ({first})"
    assert nothing in twice.out
    assert "certifies a next round: never." in twice.out


def test_a_later_round_is_no_obstacle_to_the_one_before(
    run: Run, world: World, draft: Path
) -> None:
    world.add_mapping(("entry:", "again: always\nentry:"))
    first = received(world)
    world.later(days=200)
    received(world)
    draft.write_text(MAPPING)

    assert 0 == run("mappings", "preview", str(draft), "--completion", first).code


def test_a_certificate_of_another_learner_is_in_the_way_and_ones_own_is_told_again(
    run: Run, world: World, draft: Path
) -> None:
    world.add_mapping(("Certificate of Completion: {{ course.title }}", "Certificate"))
    received(world)
    mine = world.issuance.id
    shares = received(world, "bob", learner={"email": "ada@learners.example"})
    same = received(world, course={"id": "43"})

    held = run("mappings", "preview", "--completion", shares)
    again = run("mappings", "preview", "--completion", same)

    assert (1, 1) == (held.code, again.code)
    assert "would hold it. Learner ada has a certificate with the same e-mail" in held.out
    assert f"would issue nothing. The learner has the same certificate already: {mine}" in again.out


def test_what_is_rehearsed_waits_and_a_draft_of_it_would_not(
    run: Run, world: World, draft: Path
) -> None:
    world.add_mapping(("mapping: 1", "# as before\nmapping: 1"), state=MappingState.REHEARSAL)
    completion = received(world)
    draft.write_text(MAPPING)

    waits = run("mappings", "preview", "course-completion", "--completion", completion)
    earlier = run(
        *("mappings", "preview", "course-completion", "--version", "1"),
        *("--completion", completion),
    )
    alone = run("mappings", "preview", str(draft), "--completion", completion)

    rehearsed = "would hold it. Version 2 of the mapping course-completion is being rehearsed"
    assert (1, True) == (waits.code, rehearsed in waits.out)
    assert (0, 0) == (earlier.code, alone.code)


def test_what_was_completed_before_the_site_issues_is_left_alone(run: Run, world: World) -> None:
    completion = received(world)
    world.change(tables.site, world.site_id, issue_from=NOON + timedelta(days=1))

    said = run("mappings", "preview", "--completion", completion)

    assert (1, True) == (said.code, "would leave it alone. It was completed at" in said.out)


def test_a_crowd_would_be_held_unless_the_lms_has_that_many(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_BRAKE_LEAST", "2")
    completion = [received(world, who) for who in ("ada", "bob", "eve")][-1]

    crowd = run("mappings", "preview", "--completion", completion)
    world.lms.sizes["42"] = Temporary("It is down.")
    unknown = run("mappings", "preview", "--completion", completion)
    world.lms.sizes["42"] = 30
    enrolled = run("mappings", "preview", "--completion", completion)

    assert (1, 1, 0) == (crowd.code, unknown.code, enrolled.code)
    assert "would hold it. 3 have completed the course Marine Biology" in crowd.out


def test_a_payload_that_was_received_before_is_that_completion(
    run: Run, world: World, tmp_path: Path
) -> None:
    payload = tmp_path / "body.json"
    payload.write_text(json.dumps(world.body("ada")))
    completion = received(world)

    said = run("mappings", "preview", "--payload", str(payload), "--site", SITE, "--json")

    assert (0, [completion]) == (said.code, [each["completion"] for each in said.json])


def test_how_long_it_is_valid_is_shown(run: Run, world: World, draft: Path) -> None:
    completion = received(world)
    draft.write_text(MAPPING.replace("issuer: main", "issuer: main\nvalid_for: 18 months"))

    said = run("mappings", "preview", str(draft), "--completion", completion).out

    assert "\nvalid_for\n  result     18 months\n  because    the last day is 2028-05-23\n" in said


def test_the_certificate_is_a_picture_and_a_pdf_and_nothing_is_written_or_asked_anywhere(
    run: Run, world: World, draft: Path, tmp_path: Path
) -> None:
    completion = received(world)
    title = "{second_title: '{{ course.title | upcase }}'}"
    bilingual = f"certificate: {{template: bilingual, parameters: {title}}}\n"
    draft.write_text(MAPPING.replace("Completion: ", "Completing ") + bilingual)
    before, asked = everything(world), len(world.lms.enriched)
    files = {form: tmp_path / f"page.{form}" for form in ("png", "pdf")}
    wanted = [part for form, path in files.items() for part in (f"--{form}", str(path))]

    said = run("mappings", "preview", str(draft), "--completion", completion, *wanted, "--json")

    (shown,) = said.json
    assert (0, {form: str(path) for form, path in files.items()}) == (said.code, shown["files"])
    text = reading.text(files["pdf"].read_bytes())
    assert "Ada Lovelace" in text
    assert "Certificate of Completing Marine Biology" in text
    assert "MARINE BIOLOGY" in text
    assert "certificate.parameters.second_title" in [each["field"] for each in shown["fields"]]
    assert {"issuer", "certificate.template", "certificate.paper"} == set(shown["taken_as_written"])
    picture = Image.open(io.BytesIO(files["png"].read_bytes()))
    assert picture.width > picture.height > 500
    assert before == everything(world)
    assert (asked, []) == (len(world.lms.enriched), world.lms.writes)


def test_what_would_be_held_says_why_field_by_field_and_ends_with_1(
    run: Run, world: World, tmp_path: Path
) -> None:
    completion = received(world, learner={"full_name": None, "email": "noreply@example.edu"})

    said = run("mappings", "preview", "course-completion", "--completion", completion)
    out = tmp_path / "page.png"
    printed = run("mappings", "preview", "--completion", completion, "--png", str(out))

    assert 1 == said.code
    held = "wants it, and would hold it for entry.full_name, entry.applicant_email.\n"
    assert f"course-completion (version 1): {held}" in said.out
    assert "  read       learner.full_name = nil\n" in said.out
    assert "  HELD       is empty. Complete the learner's name in the LMS" in said.out
    assert '  HELD       "noreply@example.edu" is an address that nobody reads' in said.out
    assert (1, False) == (printed.code, out.exists())
    assert "There is no certificate" in printed.err


def test_a_recorded_payload_is_asked_about_unless_it_is_taken_as_told(
    run: Run, world: World, tmp_path: Path
) -> None:
    payload = tmp_path / "body.json"
    payload.write_text(json.dumps(world.body("ada")))
    world.lms.emails["ada"] = "ada@work.example"
    before = everything(world)
    whole = ("mappings", "preview", "--payload", str(payload), "--site", SITE, "--json")

    (asked,) = run(*whole).json
    (told,) = run(*whole, "--as-told").json

    emails = [
        each["result"]
        for shown in (asked, told)
        for each in shown["fields"]
        if each["field"] == "entry.applicant_email"
    ]
    assert ["ada@work.example", "ada@learners.example"] == emails
    assert before == everything(world)


def test_a_kept_completion_is_asked_about_where_that_is_wanted(run: Run, world: World) -> None:
    completion = received(world)
    world.lms.emails["ada"] = "ada@work.example"

    said = run("mappings", "preview", "--completion", completion, "--ask").out

    assert "  result     ada@work.example\n" in said


def test_it_is_said_why_a_mapping_does_not_have_the_completion(
    run: Run, world: World, draft: Path
) -> None:
    completion = received(world)
    named = ("mappings", "preview", str(draft), "--completion", completion)
    other = MAPPING.replace("course-completion", "other").replace(
        'site: "*"', 'site: "*"\npriority: -1'
    )

    draft.write_text(other)
    rival = run(*named)
    draft.write_text(other.replace('course: "*"', 'course: "CHEM-*"'))
    misfit = run(*named)
    draft.write_text(other.replace('course: "*"', 'course: "*", when: "grade.percent > 5"'))
    condition = run(*named)

    assert "other (a draft): wants it, but course-completion is asked before" in rival.out
    assert "other (a draft): does not want it: match.course does not fit." in misfit.out
    assert "other (a draft): does not want it: match.when does not fit." in condition.out
    assert "  read       grade.percent = nil\n" in condition.out
    assert [1, 1, 1] == [rival.code, misfit.code, condition.code]


def test_a_completion_that_no_mapping_wants_is_told(run: Run, world: World) -> None:
    ever = ("entry:", "hold: {older_than: none}\nentry:")
    world.add_mapping(ever)
    world.add_mapping(ever, ('course: "*"', 'course: "CHEM-*"'))
    completion = received(world)

    said = run("mappings", "preview", "--completion", completion)
    first = run(
        "mappings", "preview", "course-completion", "--version", "2", "--completion", completion
    )

    assert (1, True) == (said.code, "No active mapping wants it." in said.out)
    assert (0, True) == (first.code, "(version 2): wants it, and would issue." in first.out)


def test_several_certificates_are_shown_together_and_printed_one_by_one(
    run: Run, world: World, tmp_path: Path
) -> None:
    world.add_mapping(
        ("name: course-completion", "name: programme\nkind: programme"), ("Completion: ", "Year ")
    )
    completion = received(world)
    png = ("--png", str(tmp_path / "page.png"))

    both = run("mappings", "preview", "--completion", completion, "--json").json
    refused = run("mappings", "preview", "--completion", completion, *png)
    one = run("mappings", "preview", "programme", "--completion", completion, *png)

    assert ["course-completion", "programme"] == [each["mapping"] for each in both]
    assert (2, True) == (refused.code, "say which of course-completion, programme" in refused.err)
    assert 0 == one.code


def test_what_cannot_be_previewed_is_told(run: Run, world: World, draft: Path) -> None:
    completion = received(world)
    draft.write_text(MAPPING.replace("learner.email", "learner.emial"))

    broken = run("mappings", "preview", str(draft), "--completion", completion)
    neither = run("mappings", "preview")
    unknown = run("mappings", "preview", "--completion", "cp_none")
    nobody = run("mappings", "preview", "curse-completion", "--completion", completion)

    assert (1, True) == (broken.code, f"{draft}:9:" in broken.err)
    assert (2, True) == (neither.code, "--payload FILE --site NAME" in neither.err)
    assert (1, True) == (unknown.code, "no completion 'cp_none'" in unknown.err)
    assert (1, True) == (nobody.code, "course-completion" in nobody.err)


def test_where_the_lms_makes_the_file_there_is_no_page_to_print(
    run: Run, world: World, draft: Path, tmp_path: Path
) -> None:
    draft.write_text(f"{MAPPING}certificate: {{from: lms}}\n")
    asked = ("mappings", "preview", str(draft), "--completion", received(world))
    shown = run(*asked)
    printed = run(*asked, "--pdf", str(tmp_path / "page.pdf"))

    assert (0, "") == (shown.code, shown.err)
    assert "\ncertificate.from\n  result     lms\n" in shown.out
    assert "certificate.template" not in shown.out
    assert 1 == printed.code
    assert "The LMS makes the file; no page is printed" in printed.err
