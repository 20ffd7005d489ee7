"""``vaultbridge status``: one screen, what needs a person first."""

from __future__ import annotations

from datetime import timedelta

from bridge.processes import LIVING
from bridge.store import tables
from connectors.base import Completion, Course, Learner, Temporary
from runtime.database import Database
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World
from tests.scripted_vault import answers

EMAIL = "complete.missing.applicant_email"

MOVE = "Complete it in the LMS (looked up every night), or name another source in the mapping."


def lively(world: World) -> None:
    """Every process gives signs of life."""
    with world.bridge.database.write() as conn:
        # By the clock that the command asks.
        now = Database(world.bridge.database.engine.url.render_as_string()).now(conn)
        for name in LIVING:
            row = {"id": name, "name": name, "host": "h", "pid": 1, "started_at": now}
            conn.execute(tables.process.insert().values(**row, seen_at=now))


def troubled(world: World) -> None:
    """Four certified, two without an e-mail address, one that a vault wants to wait for."""
    for name in ("ada", "bob", "eve", "kay"):
        world.generate(name)
    world.run("write_back")
    for name in ("tom", "tim"):
        world.complete(name, learner={"email": None})
    world.vault.then("upload", answers(429, {"message": "Too many."}))
    world.issue("ivy")
    world.issue("zoe")


def test_it_says_what_needs_a_person_and_how_all_stands(run: Run, world: World) -> None:
    troubled(world)
    lively(world)
    told = run("status", "--since", "2026-11-01", "--json")
    found = told.json

    assert 1 == told.code, "somebody is needed"
    (needed,) = found["needs_a_person"]
    assert {
        "cause": EMAIL,
        "kind": "site",
        "places": [SITE],
        "size": 2,
        "since": needed["since"],
        "means": "The field that the last part names came out empty.",
        "move": MOVE,
        "command": f"vaultbridge replay --cause {EMAIL}",
        "waits_for_a_person": True,
    } == needed
    assert ["issue.vault_http_429"] == [one["cause"] for one in found["waits_by_itself"]]
    completions = found["completions"]
    assert (8, 4) == (completions["completed"], completions["certified"])
    assert [(2, EMAIL), (1, "issue.vault_http_429"), (1, "on_its_way")] == [
        (one["count"], one["cause"]) for one in completions["waiting"]
    ]
    assert ("issuances", "held", 2) in [
        (one["step"], one["state"], one["count"]) for one in found["unfinished"]
    ]
    site = next(one for one in found["sites"] if one["name"] == SITE)
    assert (8, 4, 4) == (site["completed"], site["certified"], site["waiting"])
    assert None not in (site["last_delivery"], site["last_write_back"])
    assert [] == found["processes_missing"]
    assert ["main"] == [one["name"] for one in found["issuers"]]
    assert list(LIVING)[:-1] == [f"worker {bell}" for bell in found["queues"]]


def test_it_reads_well(run: Run, world: World) -> None:
    troubled(world)
    lively(world)
    lines = run("status", "--since", "2026-11-01").out.splitlines()

    assert [
        "Needs a person",
        f"     2  {EMAIL}",
        f"        {SITE} · since 2026-11-23 12:04",
        f"        The field that the last part names came out empty. {MOVE}",
        f"        vaultbridge replay --cause {EMAIL}",
        "",
    ] == lines[:6]
    assert lines[6].startswith(
        "Since 2026-11-01 00:00: 8 completed, 4 certified, 4 waiting, the oldest for "
    )
    assert [
        f"     2  waiting: The field that the last part names came out empty. ({EMAIL})",
        "     1  waiting: The vault does not answer, or not now. (issue.vault_http_429)",
        "     1  waiting: On the way. (on_its_way)",
    ] == lines[7:10]
    assert ["issuances", "2 held, 1 ready, 1 sending; the oldest for"] == [
        lines[11][:14].strip(),
        lines[11][14:56],
    ]


def test_all_is_well(run: Run, world: World) -> None:
    world.generate()
    world.run("write_back")
    # The command has a clock of its own, by which the day's look is due already.
    world.change(tables.write_back, world.write_back.id, next_run_at=None)
    lively(world)
    told = run("status")

    assert (0, "Nothing needs a person.") == (told.code, told.out.splitlines()[0])
    assert "due now       nothing" in told.out.splitlines()


def test_processes_that_nobody_runs_need_a_person(run: Run, world: World) -> None:
    told = run("status")

    assert 1 == told.code
    assert told.out.splitlines()[1].endswith(
        "`vaultbridge clock`. Start what is missing; then: vaultbridge doctor"
    )


def test_a_paused_issuer_and_a_site_left_alone_say_so(run: Run, world: World) -> None:
    world.vault.tokens.clear()
    world.issue()
    world.lms.enriching.append(Temporary("down"))
    world.complete("bob")
    world.run("normalise")
    out = run("status").out

    assert "paused for " in out
    assert "left alone until 11-23 12:00" in out
    assert "`vaultbridge issuer rotate main`" in out, "the command is whole"


def test_differences_need_a_person_with_the_command_that_mends_them(run: Run, world: World) -> None:
    lively(world)
    world.later(hours=1)
    yesterday = world.clock.now() - timedelta(days=1)
    world.lms.true_times["eve"] = yesterday
    world.lms.listed = [
        Completion(course=Course(id="42"), learner=Learner(id="eve"), noticed_at=yesterday)
    ]
    world.reconcile()
    found = run("status", "--json").json["needs_a_person"]

    assert [
        ("never_told", [SITE], 1, f"vaultbridge reconcile --site {SITE} --fix", "Have it mended.")
    ] == [
        tuple(one[name] for name in ("cause", "places", "size", "command", "move")) for one in found
    ]


def test_an_installation_without_anything_says_what_to_add(run: Run) -> None:
    out = run("status").out

    assert "No site yet: vaultbridge site add NAME …" in out
    assert "No issuer yet: vaultbridge issuer add NAME …" in out
