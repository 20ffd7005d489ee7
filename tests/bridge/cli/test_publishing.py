"""``vaultbridge mappings draft|rehearse|publish|announce``, ``holds``, ``release``, ``discard``"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.pipeline import release as releasing
from bridge.pipeline.release import Word
from bridge.store import tables
from bridge.store.states import HoldOutcome
from tests.bridge.cli.conftest import Run
from tests.bridge.world import MAPPING, World, key

NAME = "course-completion"
WHY = ("--reason", "it is meant")
RENAMED = MAPPING.replace("Certificate of Completion: ", "Passed: ")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(RENAMED)
    return path


def states(run: Run) -> list[tuple[int, str, str]]:
    history = run("mappings", "history", NAME, "--json").json
    return [(row["version"], row["state"], row["what"]) for row in history]


def settle(world: World) -> None:
    """The commands go by the clock on the wall."""
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.settle()


def test_a_draft_is_looked_through_kept_and_not_in_use(
    run: Run, world: World, document: Path
) -> None:
    said = run("mappings", "draft", str(document), "--reason", "shorter")
    again = run("mappings", "draft", str(document))

    assert f"{NAME}: version 2 is kept as a draft.\n" == said.out
    assert f"{NAME}: version 2 is a draft already; nothing changed.\n" == again.out
    assert (2, "draft", "drafted") == states(run)[0]
    (row,) = run("mappings", "list", "--json").json
    assert (1, "published") == (row["version"], row["state"])
    document.write_text(RENAMED.replace("issuer: main", "issuer: mian"))
    said = run("mappings", "draft", str(document))
    assert (1, True) == (said.code, f"{document}:3:" in said.err)
    document.write_text(RENAMED.replace(NAME, "another"))
    said = run("mappings", "draft", str(document))
    assert (1, True) == (said.code, "priority: 0 is that of course" in said.err)


def test_a_version_that_ties_with_another_mapping_by_now_is_not_published(
    run: Run, world: World, document: Path
) -> None:
    document.write_text(MAPPING.replace(NAME, "another").replace('"*"}', '"CHEM-*"}'))
    world.add_mapping(('course: "*"', 'course: "BIO-*"'))
    assert 0 == run("mappings", "draft", str(document)).code
    world.add_mapping()

    for command in ("publish", "rehearse"):
        said = run("mappings", command, "another")
        assert (1, True) == (said.code, f"priority: 0 is that of {NAME}, too" in said.err)
    assert [NAME] == [row["name"] for row in run("mappings", "list", "--json").json]


def test_from_a_draft_over_a_rehearsal_to_a_published_version(
    run: Run, world: World, document: Path
) -> None:
    assert 0 == run("mappings", "draft", str(document)).code
    rehearse = run("mappings", "rehearse", NAME, "--reason", "first day", "--as", "alice")
    again = run("mappings", "rehearse", str(document))
    world.complete()
    settle(world)
    publish = run("mappings", "publish", NAME, "--as", "bob", "--reason", "all is well")
    hold = world.one(tables.hold)

    assert (
        f"{NAME}: version 2 is being rehearsed: what it makes waits, see `vaultbridge holds`.\n"
        "Version 1 is superseded: nothing is issued by it meanwhile.\n"
    ) == rehearse.out
    assert f"{NAME}: version 2 is being rehearsed already; nothing changed.\n" == again.out
    assert (
        f"{NAME}: version 2 is active now.\n"
        f"Still waiting: 1. `vaultbridge release {hold.id}` or "
        f"`vaultbridge discard {hold.id}` decides.\n"
    ) == publish.out
    told = run("mappings", "history", NAME, "--json").json
    assert [
        (2, "published", "added", "bob", "all is well"),
        (2, None, "rehearsed", "alice", "first day"),
    ] == [
        (row["version"], row["state"], row["what"], row["who"], row["reason"]) for row in told[:2]
    ]
    assert [(2, None, "drafted"), (1, "superseded")] == [states(run)[2], states(run)[3][:2]]
    table = run("mappings", "history", NAME).out
    assert all(why in table for why in ("first day", "all is well"))


def test_what_is_being_rehearsed_is_published_before_a_newer_draft(
    run: Run, world: World, document: Path
) -> None:
    assert 0 == run("mappings", "rehearse", str(document)).code
    document.write_text(RENAMED + "# not yet\n")
    assert 0 == run("mappings", "draft", str(document)).code

    assert "version 2 is active now" in run("mappings", "publish", NAME, *WHY).out
    assert "version 3 is active now" in run("mappings", "publish", NAME, *WHY).out
    said = run("mappings", "publish", NAME, *WHY)
    assert (1, True) == (said.code, "no version that is a rehearsal or draft" in said.err)
    assert "version 4 is being rehearsed" in run("mappings", "rehearse", NAME, "--version", "1").out
    assert 2 == run("mappings", "rehearse", str(document), "--version", "1").code


def test_another_version_ends_a_rehearsal_and_says_so(
    run: Run, world: World, document: Path
) -> None:
    assert 0 == run("mappings", "rehearse", str(document)).code
    world.complete()
    settle(world)
    document.write_text(RENAMED + "# mended\n")
    hold = world.one(tables.hold).id
    decides = f"Still waiting: 1. `vaultbridge release {hold}` or `vaultbridge discard {hold}`"

    said = run("mappings", "add", str(document), *WHY)
    assert (
        f"{NAME}: version 3 is active now.\n"
        "The rehearsal of version 2 has ended.\n"
        f"{decides} decides.\n"
    ) == said.out
    said = run("mappings", "deactivate", NAME, *WHY)
    assert f"{NAME} is not active any more.\n{decides} decides.\n" == said.out


@pytest.fixture
def waiting(run: Run, world: World, document: Path) -> World:
    """Three certificates of a rehearsal wait."""
    assert 0 == run("mappings", "rehearse", str(document)).code
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    settle(world)
    return world


def test_holds_are_listed_and_shown_with_what_stands_on_each_certificate(
    run: Run, waiting: World, tmp_path: Path
) -> None:
    hold = waiting.one(tables.hold)
    first, *_ = waiting.rows(tables.issuance)

    (listed,) = run("holds", "--json").json
    assert (hold.id, "rehearsal", f"{NAME} v2", 3) == (
        listed["id"],
        listed["kind"],
        listed["mapping"],
        listed["waiting"],
    )
    assert "Version 2 of the mapping course-completion" in run("holds").out
    shown = run("holds", "show", hold.id, "--json", "--limit", "2").json
    assert (3, ["Ada Lovelace", "Bob Lovelace"]) == (
        shown["waiting"],
        [row["full_name"] for row in shown["certificates"]],
    )
    assert ("Passed: Marine Biology", "2026-11-23", None) == (
        shown["certificates"][0]["certificate_title"],
        shown["certificates"][0]["issue_date"],
        shown["certificates"][0]["problem"],
    )
    page = run("holds", "show", hold.id, "--limit", "1").out
    assert f"1 of 3; the next: vaultbridge holds show {hold.id} --after {first.id}" in page
    rest = run("holds", "show", hold.id, "--after", first.id, "--json").json["certificates"]
    assert ["bob", "eve"] == [row["learner_id"] for row in rest]

    folder = tmp_path / "proofs"
    assert f"3 files in {folder}" in run("holds", "show", hold.id, "--files", str(folder)).out
    assert {f"{row.id}.pdf" for row in waiting.rows(tables.issuance)} == {
        path.name for path in folder.iterdir()
    }
    assert all(path.read_bytes().startswith(b"%PDF") for path in folder.iterdir())


def test_all_are_released_or_some_discarded_and_the_command_may_be_repeated(
    run: Run, waiting: World
) -> None:
    hold = waiting.one(tables.hold)
    ada, bob, _ = (row.id for row in waiting.rows(tables.issuance))

    said = run("discard", hold.id, ada, "--reason", "no learner", "--as", "alice")
    assert f"1 discarded, 2 still wait ({hold.id}).\n" == said.out
    assert f"2 released, 0 still wait ({hold.id}).\n" == run("release", hold.id).out
    assert f"0 released, 0 still wait ({hold.id}).\n" == run("release", hold.id, bob).out
    settle(waiting)

    title = "Passed: Marine Biology"
    assert {key(who, title=title): 1 for who in ("bob", "eve")} == waiting.vault.created
    assert "Nothing is held for a decision.\n" == run("holds").out
    (listed,) = run("holds", "--all", "--json").json
    assert ("released", 2, 1) == (listed["decided"], listed["released"], listed["discarded"])
    assert "It was released on" in run("holds", "show", hold.id).out
    history = run("show", ada, "--json").json["history"]
    assert "discarded" in [line["what"] for line in history if line["who"] == "alice"]


def test_a_decision_that_was_interrupted_says_how_it_goes_on(
    run: Run, waiting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "BATCH", 1)
    hold = waiting.one(tables.hold)
    word = Word(outcome=HoldOutcome.RELEASED, who="alice")
    steps = releasing.decide(waiting.bridge, hold.id, word)
    next(iter(steps))

    said = run("holds", "show", hold.id).out
    assert "1 released, 0 discarded. That was interrupted: " in said
    assert f"`vaultbridge release {hold.id}` goes on." in said
    assert f"2 released, 0 still wait ({hold.id}).\n" == run("release", hold.id).out


def test_what_a_decision_is_not_about_is_told(run: Run, waiting: World) -> None:
    hold = waiting.one(tables.hold)
    ada, *_ = (row.id for row in waiting.rows(tables.issuance))
    assert 0 == run("discard", hold.id, ada).code

    said = run("release", hold.id, ada, "is_of_nobody")
    assert (1, True) == (said.code, "is_of_nobody: It is no certificate of" in said.out)
    assert f"{ada}: Another decision was made before: it is cancelled." in said.out
    assert (1, True) == (
        (other := run("release", "ho_1")).code,
        "There is no hold 'ho_1'" in other.err,
    )
    assert 0 == run("discard", hold.id).code
    again = run("release", hold.id)
    assert (1, True) == (again.code, "was discarded as a whole" in again.err)


def test_what_is_discarded_stays_listed_and_is_replayed_as_one(run: Run, waiting: World) -> None:
    hold = waiting.one(tables.hold)
    assert 0 == run("discard", hold.id, "--reason", "wrong title").code

    (group,) = run("failures", "--json").json
    assert ("complete.discarded", 3) == (group["cause"], group["size"])
    assert 0 == run("mappings", "restore", NAME, "1", *WHY).code
    assert "3 going again" in run("replay", "--cause", "complete.discarded").out
    settle(waiting)
    assert {key(who): 1 for who in ("ada", "bob", "eve")} == waiting.vault.created


def test_failures_and_status_name_the_hold(run: Run, waiting: World) -> None:
    hold = waiting.one(tables.hold)

    (group,) = run("failures", "--json").json
    assert (f"complete.rehearsal.{hold.id}", 3, None) == (
        group["cause"],
        group["size"],
        group["replay"],
    )
    needed = run("status", "--json").json["needs_a_person"]
    assert [f"vaultbridge holds show {hold.id}"] == [one["command"] for one in needed]


def test_of_a_new_mapping_it_is_told_what_came_before_and_that_is_left_alone(
    run: Run, world: World, document: Path
) -> None:
    assert 0 == run("mappings", "deactivate", NAME, *WHY).code
    for who in ("ada", "bob"):
        world.complete(who)
    world.complete("eve", course={"id": "7", "code": "CHEM-7"})
    settle(world)
    biology = RENAMED.replace('course: "*"', 'course: "BIO-*"').replace(NAME, "biology")
    document.write_text(biology)

    said = run("mappings", "rehearse", str(document))
    settle(world)

    assert "2 completions came before that no mapping wanted and this would.\n" in said.out
    assert (
        "They are left alone; to have them mapped: `vaultbridge mappings take-up biology`."
        in said.out
    )
    assert ["unmatched"] * 3 == world.states(tables.completion)
    again = run("mappings", "publish", "biology", *WHY)
    assert (0, False) == (again.code, "came before" in again.out)


@pytest.mark.parametrize(
    ("typed", "issued"), [("take-up\n", 1), ("leave\n", 0), ("\n", 0), ("maybe\ntake-up\n", 1)]
)
def test_at_a_terminal_it_is_asked_what_becomes_of_what_came_before(
    run: Run, world: World, document: Path, typed: str, issued: int
) -> None:
    assert 0 == run("mappings", "deactivate", NAME, *WHY).code
    world.complete("ada")
    settle(world)
    document.write_text(RENAMED.replace(NAME, "biology"))

    said = run("mappings", "add", str(document), stdin=typed, terminal=True)
    settle(world)

    asked = "Leave them alone, or take them up? (leave, take-up) [leave]: "
    assert (0, True, bool(issued)) == (said.code, asked in said.out, "1 taken up." in said.out)
    assert issued == len(world.vault.created)


@pytest.mark.parametrize("earlier", ["take-up", "leave"])
def test_what_becomes_of_what_came_before_can_be_said_at_once(
    run: Run, world: World, document: Path, earlier: str
) -> None:
    assert 0 == run("mappings", "deactivate", NAME, *WHY).code
    settle(world)  # or it is long past, one day
    world.complete("ada")
    settle(world)
    document.write_text(RENAMED.replace(NAME, "biology"))

    said = run("mappings", "add", str(document), "--earlier", earlier)
    settle(world)

    taken_up = earlier == "take-up"
    assert (0, taken_up) == (said.code, "1 taken up." in said.out)
    assert int(taken_up) == len(world.vault.created)


def test_what_was_left_alone_for_one_mapping_another_does_not_take_up(
    run: Run, world: World, document: Path
) -> None:
    assert 0 == run("mappings", "deactivate", NAME, *WHY).code
    settle(world)  # or it is long past, one day
    world.complete("ada", course={"id": "1", "code": "BIO-1"})
    world.complete("bob", course={"id": "2", "code": "CHEM-1"})
    settle(world)
    for name, courses, earlier in (("bio", "BIO-*", "leave"), ("chem", "CHEM-*", "take-up")):
        document.write_text(MAPPING.replace(NAME, name).replace('"*"}', f'"{courses}"}}'))
        said = run("mappings", "add", str(document), "--earlier", earlier)
        assert "1 completion came before" in said.out
    settle(world)

    assert "1 taken up." in said.out
    assert ["bob@learners.example"] == [address for address, *_ in world.vault.created]


def test_a_crowd_is_announced_and_the_history_tells_it(run: Run, world: World) -> None:
    until = f"{datetime.now(UTC).year + 1}-12-01"
    said = run(
        *("mappings", "announce", NAME, "9000", "--until", until),
        *("--reason", "the annual exam", "--as", "alice"),
    )

    assert f"{NAME}: up to 9,000 a day are meant until {until} 00:00 UTC.\n" == said.out
    first, *_ = run("mappings", "history", NAME, "--json").json
    assert ("announced", f"9,000 at once until {until} 00:00", "alice", "the annual exam") == (
        first["state"],
        first["what"],
        first["who"],
        first["reason"],
    )
    assert 9000 == world.one(tables.announcement).number


def test_an_announcement_that_means_nothing_is_refused(run: Run, world: World) -> None:
    past = run("mappings", "announce", NAME, "9000", "--until", "2020-01-01")
    nobody = run("mappings", "announce", "biology", "9000", "--until", "2099-01-01")

    assert (2, True) == (past.code, "2020-01-01 00:00 UTC has passed" in past.err)
    assert (1, True) == (nobody.code, f"There is: {NAME}." in nobody.err)
    assert [] == world.rows(tables.announcement)
