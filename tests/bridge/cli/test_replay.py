"""``vaultbridge replay`` and ``replays``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.cli import replay
from bridge.pipeline import replay as replaying
from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, TITLE, World

EMAIL = "complete.missing.applicant_email"


def two_without_email(world: World) -> list[str]:
    """The ids of two issuances that wait for an e-mail address, and one that is issued."""
    # Commands go by the machine's clock, and what a replay means has failed by then.
    world.clock.moment = datetime.now(UTC) - timedelta(hours=1)
    world.generate("eve")
    for name in ("ada", "bob"):
        world.complete(name, learner={"email": None})
    world.run("normalise")
    return [row.id for row in world.rows(tables.issuance)[1:]]


def test_a_dry_run_tells_totals_then_each_and_changes_nothing(run: Run, world: World) -> None:
    ada, bob = two_without_email(world)
    world.lms.emails["ada"] = "ada@learners.example"

    text = run("replay", "--cause", EMAIL, "--dry-run")
    told = run("replay", "--site", SITE, "--dry-run", "--json").json

    day = world.clock.now().date()
    assert [
        "2 selected: 1 would be issued, 1 still fails. Nothing was changed.",
        f"{ada}  would be issued: {TITLE} · Ada Lovelace · {day}",
        f"{bob}  still fails with {EMAIL}: entry.applicant_email: is empty",
    ] == text.out.splitlines()
    assert {
        "selected": 2,
        "totals": {"would be issued": 1, "still fails": 1},
        "issued_already": 1,
        "rows": [
            {
                "id": ada,
                "outlook": "issued",
                "cause": None,
                "said": f"{TITLE} · Ada Lovelace · {day}",
            },
            {
                "id": bob,
                "outlook": "fails",
                "cause": EMAIL,
                "said": "entry.applicant_email: is empty",
            },
        ],
    } == told
    assert [] == world.rows(tables.replay)
    assert ["generated", "held", "held"] == world.states()


def test_a_group_is_replayed_with_who_and_why(run: Run, world: World) -> None:
    two_without_email(world)
    world.lms.emails |= {"ada": "ada@learners.example", "bob": "bob@learners.example"}

    said = run("replay", "--site", SITE, "--since", "3h", "--reason", "mended", "--as", "alice")
    whole = world.one(tables.replay)
    world.clock.moment = datetime.now(UTC)
    world.settle()

    assert (
        0,
        [
            f"2 going again, 0 unchanged ({whole.id}).",
            "1 more are issued already: nothing is changed of them.",
        ],
    ) == (said.code, said.out.splitlines())
    assert ["generated"] * 3 == world.states()
    assert {1} == set(world.vault.created.values())
    (listed,) = run("replays", "--json").json
    assert ("alice", "mended", "done", 2, 0, 0) == (
        listed["who"],
        listed["reason"],
        listed["state"],
        listed["going"],
        listed["unchanged"],
        listed["left"],
    )
    assert whole.id in run("replays").out
    history = run("show", whole.id, "--json").json["history"]
    assert ["replay begun", "replay ended"] == [line["what"] for line in history]


def test_a_long_one_says_how_far_it_has_come_and_is_the_systems_users(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_without_email(world)
    monkeypatch.setattr(replaying, "BATCH", 1)
    monkeypatch.setattr(replay, "EVERY_S", 0.0)
    monkeypatch.setenv("LOGNAME", "bea")

    said = run("replay", "--cause", EMAIL)

    assert ["1 of 2 …", "2 of 2 …"] == said.err.splitlines()[:2]
    assert "bea" == world.one(tables.replay).who


def test_what_is_issued_is_not_replayed_and_each_id_is_told(run: Run, world: World) -> None:
    two_without_email(world)
    issued = world.rows(tables.issuance)[0]

    told = run("replay", issued.id, world.rows(tables.completion)[0].id, "--json")
    text = run("replay", "--state", "generated", "--kind", "issuance")

    said = f"It is issued as {issued.reference_id}; nothing is changed."
    assert 1 == told.code
    assert [{"id": issued.id, "going": False, "said": said}] == told.json["rows"]
    assert (0, f"{issued.id}: {said}") == (text.code, text.out.splitlines()[0])
    assert "0 going again, 1 unchanged" in text.out


def test_one_that_was_interrupted_is_continued(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_without_email(world)
    monkeypatch.setattr(replaying, "BATCH", 1)
    batch = replaying._batch

    def interrupt(*given: object) -> object:
        monkeypatch.setattr(replaying, "_batch", stop)
        return batch(*given)  # type: ignore[arg-type]

    def stop(*_given: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(replaying, "_batch", interrupt)
    stopped = run("replay", "--cause", EMAIL)
    whole = world.one(tables.replay)
    assert (130, "") == (stopped.code, stopped.out)
    assert f"Interrupted after 1. Go on: vaultbridge replay --continue {whole.id}\n" == stopped.err
    assert [1] == [row["left"] for row in run("replays", "--json").json]

    monkeypatch.setattr(replaying, "_batch", batch)
    done = run("replay", "--continue", whole.id)
    again = run("replay", "--continue", whole.id)

    assert (0, f"2 going again, 0 unchanged ({whole.id}).\n") == (done.code, done.out)
    assert done.out == again.out, "nothing is left to do"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["replay"], 2, "Say what to replay"),
        (["replay", "is_1", "--cause", "x"], 2, "Give IDs, or options to select by, not both."),
        (["replay", "--continue", "rp_1", "--dry-run"], 2, "--continue goes on with what was"),
        (["replay", "--continue", "rp_1", "--cause", "x"], 2, "Leave out --cause, or"),
        (["replay", "--continue", "rp_1", "--mapping", "original"], 2, "Leave out --mapping, or"),
        (["replay", "rp_2", "--continue", "rp_1", "--reason", "x"], 2, "Leave out --reason, ID"),
        (["replay", "--continue", "rp_1"], 1, "There is no replay rp_1."),
        (["replay", "--site", "nowhere"], 1, "There is no site called 'nowhere'."),
        (["replay", "--state", "gone"], 2, "'gone' is not one of"),
        (["replay", "--since", "yesterday"], 2, "neither a span such as 30d"),
    ],
)
def test_a_mistake_is_told(
    run: Run, world: World, arguments: list[str], code: int, told: str
) -> None:
    said = run(*arguments)

    assert (code, "") == (said.code, said.out)
    assert told in said.err
    assert [] == world.rows(tables.replay)
