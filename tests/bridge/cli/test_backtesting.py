"""``vaultbridge mappings backtest``: a draft over completions really received."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.pipeline import release
from bridge.pipeline.release import Word
from bridge.store import completions, tables
from bridge.store.states import CompletionState, HoldOutcome, MappingState
from connectors.base import Completion, Course, Learner
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, NOON, SITE, World

COUNT = 1_000
EVERY = 8  #: of so many completions one is of the course that the draft changes


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return tmp_path / "draft.yaml"


def received(world: World, count: int) -> list[str]:
    """Have completions as they are kept once the LMS has told of them; their ids."""
    ids = []
    with world.bridge.database.write() as conn:
        for number in range(count):
            code = "CHEM-1" if number % EVERY == 0 else "BIO-1"
            found = Completion(
                course=Course(id=code, code=code, title="Chemistry" if "C" in code else "Biology"),
                learner=Learner(id=f"{number}", full_name="Ada L", email=f"{number}@x.example"),
                completed_at=NOON,
                noticed_at=NOON,
            )
            ids.append(
                completions.add(
                    conn, world.site_id, found, delivery_id=None, now=world.clock.tick()
                )
            )
        conn.execute(tables.completion.update().values(state=CompletionState.MAPPED))
    return [str(id) for id in ids]


def test_of_a_thousand_completions_exactly_those_that_a_title_changes_are_shown(
    run: Run, world: World, draft: Path
) -> None:
    ids = received(world, COUNT)
    draft.write_text(
        MAPPING.replace(
            "Completion: {{ course.title }}",
            "Completion: {{ course.title | replace: 'Chemistry', 'Chemistry I' }}",
        )
    )

    said = run("mappings", "backtest", str(draft), "--json").json

    assert set(ids[::EVERY]) == {one["completion"] for one in said["differing"]}
    before = "Certificate of Completion: Chemistry"
    for one in said["differing"]:
        assert {"certificate_title": {"before": before, "after": f"{before} I"}} == one["fields"]
    assert COUNT == said["completions"]
    assert (COUNT - COUNT // EVERY, COUNT // EVERY) == (
        said["totals"]["same"],
        said["totals"]["changed"],
    )


def test_totals_come_first_then_examples(run: Run, world: World, draft: Path) -> None:
    ids = received(world, 20)
    draft.write_text(MAPPING.replace('course: "*"', 'course: "BIO-*"'))

    said = run("mappings", "backtest", str(draft), "--examples", "2").out

    lines = said.splitlines()
    assert ["17 same", " 3 no longer matched"] == lines[:2]
    assert "No longer matched:" in lines
    assert f"  {ids[16]}  Chemistry (course-completion)" in lines
    assert "  … and 1 more: --examples 3, or --json" in lines
    assert ids[0] not in said


def test_the_newest_are_taken_and_one_site_alone_if_asked_for(
    run: Run, world: World, draft: Path
) -> None:
    ids = received(world, 9)
    draft.write_text(MAPPING.replace('course: "*"', 'course: "NONE"'))

    newest = run("mappings", "backtest", str(draft), "--last", "2", "--json").json
    elsewhere = run("mappings", "backtest", str(draft), "--site", "signed-main")
    unknown = run("mappings", "backtest", str(draft), "--site", "sined-main")

    assert ids[:-3:-1] == [one["completion"] for one in newest["differing"]]
    assert "no mapping wants any" in elsewhere.out
    assert (1, True) == (unknown.code, "sined-main" in unknown.err)


def test_what_would_be_another_learners_certificate_is_told(
    run: Run, world: World, draft: Path
) -> None:
    world.complete("ada")
    world.settle()
    world.complete("bob", learner={"full_name": "Bob", "email": "bob@learners.example"})
    world.settle()
    first = {row.learner_id: row.id for row in world.rows(tables.issuance)}
    draft.write_text(
        MAPPING.replace('"{{ learner.email }}"', "\"{{ learner.email | replace: 'bob', 'ada' }}\"")
    )

    said = run("mappings", "backtest", str(draft), "--json").json
    told = run("mappings", "backtest", str(draft)).out

    (one,) = said["differing"]
    assert first["ada"] == one["collides_with"]
    assert 1 == said["totals"]["would collide with another learner's certificate"]
    assert f"the same e-mail, title and issue date as {first['ada']}" in told


def test_two_that_would_become_one_certificate_collide_though_neither_is_issued(
    run: Run, world: World, draft: Path
) -> None:
    ids = received(world, 2)
    draft.write_text(
        MAPPING.replace('"{{ learner.email }}"', '"all@x.example"').replace(
            "Completion: {{ course.title }}", "Completion"
        )
    )

    said = run("mappings", "backtest", str(draft), "--json").json

    assert {ids[0]: ids[1], ids[1]: None} == {
        one["completion"]: one["collides_with"] for one in said["differing"]
    }


def test_what_would_be_held_is_told_with_the_reason(run: Run, world: World, draft: Path) -> None:
    ids = received(world, 2)
    draft.write_text(f'{MAPPING}hold: {{accounts: "1@*"}}\n')

    told = run("mappings", "backtest", str(draft)).out
    said = run("mappings", "backtest", str(draft), "--json").json

    expected = f"""\
1 same
1 newly held for a person

Newly held for a person:
  {ids[1]}  Biology (course-completion)
    These accounts look as if made for testing.
"""
    assert expected == told
    assert [(ids[1], "newly held for a person", "These accounts look as if made for testing.")] == [
        (one["completion"], one["change"], one["problem"]) for one in said["differing"]
    ]


def test_what_a_rehearsal_made_and_a_person_discarded_is_tried_again(
    run: Run, world: World, draft: Path
) -> None:
    world.add_mapping(("mapping: 1", "# as before\nmapping: 1"), state=MappingState.REHEARSAL)
    world.complete("ada")
    world.settle(hours=1)
    hold = world.one(tables.hold)
    wrong = Word(outcome=HoldOutcome.DISCARDED, who="alice", reason="wrong title")
    list(release.decide(world.bridge, hold.id, wrong))
    draft.write_text(MAPPING.replace("Completion: ", "Completing "))

    said = run("mappings", "backtest", str(draft), "--json").json
    listed = run("mappings", "fields", "--site", SITE, "--json").json

    assert ["discarded"] == world.states(tables.completion)
    assert [world.completion.id] == [one["completion"] for one in said["differing"]]
    assert "Ada Lovelace" in [row["example"] for row in listed]


def test_what_shares_anothers_certificate_is_tried_and_what_was_told_twice_is_not(
    run: Run, world: World, draft: Path
) -> None:
    first, shares, again = received(world, 3)
    world.change(tables.completion, shares, state=CompletionState.SAME, same_as="is_1")
    world.change(tables.completion, again, state=CompletionState.SAME, same_as=first)
    draft.write_text(MAPPING.replace("Completion: ", "Completing "))

    said = run("mappings", "backtest", str(draft), "--json").json

    assert [shares, first] == [one["completion"] for one in said["differing"]]


def test_a_draft_with_mistakes_is_not_tried_and_a_good_one_writes_nothing(
    run: Run, world: World, draft: Path
) -> None:
    received(world, 3)
    draft.write_text(MAPPING.replace("learner.email", "learner.emial"))
    said = run("mappings", "backtest", str(draft))
    assert (1, True) == (said.code, f"{draft}:9:" in said.err)

    draft.write_text(MAPPING.replace("issuer: main", "issuer: mian"))
    assert (1, True) == (run("mappings", "backtest", str(draft)).code, True)

    before = [world.rows(table) for table in tables.metadata.sorted_tables]
    draft.write_text(MAPPING.replace("Completion: ", "Completing "))
    assert 0 == run("mappings", "backtest", str(draft)).code
    assert before == [world.rows(table) for table in tables.metadata.sorted_tables]
