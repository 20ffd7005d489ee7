"""``vaultbridge reconcile`` and what lists, explains and dismisses what it found."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.pipeline import reconcile
from bridge.pipeline.reconcile.causes import CAUSES
from bridge.store import tables
from connectors.base import Completion, Course, Learner
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World
from tests.scripted_vault import answers

DAY = timedelta(days=1)


@pytest.fixture
def present(world: World) -> World:
    """A world some minutes ago by the machine's clock, which is what commands go by."""
    world.clock.moment = datetime.now(UTC) - timedelta(minutes=30)
    return world


@pytest.fixture
def lost(present: World) -> World:
    """Two completions that nobody told us, and a delivery that cannot be read."""
    yesterday = present.clock.now() - DAY
    for who in ("ada", "bob"):
        present.lms.true_times[who] = yesterday
        found = Completion(course=Course(id="42"), learner=Learner(id=who), noticed_at=yesterday)
        present.lms.listed.append(found)
    present.post({"type": "course.completed", "data": 1})
    present.run("normalise")
    return present


def reconciled(run: Run, *arguments: str) -> Any:
    return run("reconcile", "--site", SITE, "--since", "30d", *arguments)


def test_it_tells_totals_first_and_then_each_difference_with_its_command(
    run: Run, lost: World
) -> None:
    said = reconciled(run)

    assert 1 == said.code, "somebody is needed"
    lines = said.out.splitlines()
    assert re.match(rf"{SITE} since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC, rr_\w+, [\d.]+ s\.$", lines[0])
    assert "       2  completions in the LMS" in lines
    totals = [
        line.split()[:3] for line in lines if line.split()[1:3] in (["2", "open"], ["1", "open"])
    ]
    assert [["never_told", "2", "open"], ["delivery_dead", "1", "open"]] == totals
    assert f"vaultbridge reconcile --site {SITE} --fix" in said.out
    assert f"vaultbridge replay {lost.one(tables.delivery).id}" in said.out
    assert said.out.index("Completed in the LMS, and no delivery told us.") < said.out.index("df_")


def test_as_json_it_says_the_same(run: Run, lost: World) -> None:
    told = reconciled(run, "--json").json

    assert {"never_told": 2, "delivery_dead": 1} == told["open"]
    assert {} == told["mended"]
    assert (2, 1) == (told["looked_at"]["lms"], told["looked_at"]["deliveries"])
    assert [] == told["not_compared"]
    assert ["delivery_dead", "never_told", "never_told"] == sorted(
        row["cause"] for row in told["differences"]
    )
    assert all(row["remedy"] and row["command"] for row in told["differences"])


def test_fix_mends_and_says_what(run: Run, lost: World) -> None:
    said = reconciled(run, "--fix", "--as", "alice")

    assert 1 == said.code, "the dead letter still needs somebody"
    assert ["never_told", "2", "mended"] in [line.split()[:3] for line in said.out.splitlines()]
    assert ["found", "found"] == lost.states(tables.completion)
    assert {"alice"} == {row.settled_by for row in lost.rows(tables.difference) if row.settled_by}


def test_where_nothing_is_wrong_it_says_so(run: Run, present: World) -> None:
    said = reconciled(run)

    assert (0, "No difference.") == (said.code, said.out.splitlines()[-1])


def test_what_needs_nobody_is_no_failure(run: Run, present: World) -> None:
    present.issue()
    present.vault.put(
        title="x",
        name="y",
        email="z@z.example",
        issue_date="2026-11-23",
        created_at=present.clock.now() - DAY,
    )

    said = reconciled(run)

    assert (0, "foreign") == (said.code, reconciled(run, "--json").json["differences"][0]["cause"])


def test_only_the_causes_asked_for_are_told_and_mended(run: Run, lost: World) -> None:
    told = reconciled(run, "--fix", "--cause", "delivery_dead", "--json").json

    assert ({"delivery_dead": 1}, {}) == (told["open"], told["mended"])
    assert [] == lost.states(tables.completion)


def test_what_could_not_be_compared_is_told_with_its_remedy(run: Run, present: World) -> None:
    present.issue()
    present.lms.lists = False
    present.vault.then("list", answers(503, "<html>"))

    said = reconciled(run)

    assert 0 == said.code
    assert "Not compared, lms: The connector scripted cannot list completions" in said.out
    assert (
        f"    → See the connector's README: a setting is missing (`vaultbridge site set {SITE}"
        in (said.out)
    )
    assert "Not compared, vault: The vault answered 503." in said.out


def test_a_run_that_was_interrupted_is_ended_first(run: Run, lost: World) -> None:
    asked = {"since": lost.clock.now() - 30 * DAY, "who": "alice", "fix": True}
    run_id = reconcile.begin(lost.bridge, lost.site_id, **asked)
    reconcile.step(lost.bridge, lost.site_id)

    said = reconciled(run)

    assert "Another run of this site is under way" in said.err
    runs = run("reconciliations", "--site", SITE, "--json").json
    assert [("alice", True), run_id] == [(runs[1]["who"], runs[1]["fix"]), runs[1]["id"]]
    assert {"never_told": 2} == runs[1]["mended"]
    assert {"delivery_dead": 1} == runs[0]["open"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--site", "nobody"], 1, "There is no site called 'nobody'"),
        (["--site", SITE, "--since", "yesterday"], 2, "30d, 12h, 2w"),
        (["--site", SITE, "--cause", "magic"], 2, "never_told"),
        ([], 2, "--site"),
    ],
)
def test_a_mistake_is_told(
    run: Run, present: World, arguments: list[str], code: int, told: str
) -> None:
    said = run("reconcile", *arguments)

    assert code == said.code
    assert told in said.err


def test_runs_are_listed(run: Run, lost: World) -> None:
    assert "No run." in run("reconciliations").out
    reconciled(run)

    assert "2 never_told, 1 delivery_dead" in run("reconciliations").out


def test_differences_are_listed_by_site_cause_and_state(run: Run, lost: World) -> None:
    reconciled(run)

    assert 3 == len(run("differences", "--json").json)
    [dead] = run("differences", "--cause", "delivery_dead", "--json").json
    assert "delivery_dead" == dead["cause"]
    assert [] == run("differences", "--site", "signed-main", "--json").json
    assert "No difference." in run("differences", "--state", "gone").out
    assert dead["id"] in run("differences").out
    assert "delivery_dead" in run("show", dead["id"]).out


def test_every_cause_is_explained(run: Run) -> None:
    told = run("differences", "--causes", "--json").json

    assert list(CAUSES) == [row["cause"] for row in told]
    assert {"--fix", "--fix, if named", "a person", "nobody"} == {r["mended by"] for r in told}


def test_a_dismissed_difference_is_not_told_again(run: Run, lost: World) -> None:
    reconciled(run)
    ids = [row["id"] for row in run("differences", "--cause", "never_told", "--json").json]

    said = run("dismiss", *ids, "--reason", "test learners", "--as", "bea")
    assert (0, 2) == (said.code, said.out.count("Dismissed."))
    assert "dismissed" in lost.history(ids[0])
    assert {"delivery_dead": 1} == reconciled(run, "--fix", "--json").json["open"]
    assert [] == lost.states(tables.completion)
    assert "bea" == run("differences", "--state", "dismissed", "--json").json[0]["settled_by"]

    again = run("dismiss", ids[0], "df_none")
    expected = f"{ids[0]}: Dismissed.\ndf_none: This is no open difference.\n"
    assert (1, expected) == (again.code, again.out)
    assert 1 == lost.history(ids[0]).count("dismissed")
