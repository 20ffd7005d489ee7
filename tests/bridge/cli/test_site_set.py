"""``vaultbridge site set``: settings, from when a site issues, and who mends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import NOON, SITE, World


@pytest.fixture
def moodle(run: Run, world: World, secret_files: dict[str, str]) -> str:
    """A Moodle's site, beside the others."""
    words = secret_files["token"].removeprefix("token=")
    added = run(
        *("site", "add", "m", "--connector", "moodle", "--set", "base_url=https://m.example.edu"),
        *("--secret", f"token={words}", "--secret", f"webhook_tokens={words}"),
    )
    assert 0 == added.code, added.err
    return "m"


def settings(world: World, name: str) -> dict[str, str]:
    found: dict[str, str] = world.site(name).settings
    return found


def test_a_setting_is_changed_and_taken_away(run: Run, world: World, moodle: str) -> None:
    base = {"base_url": "https://m.example.edu"}
    said = run("site", "set", moodle, "--set", "completions_report_id=4", "--as", "alice")

    assert (0, "Changed m: completions_report_id=4.\n") == (said.code, said.out)
    assert {**base, "completions_report_id": "4"} == settings(world, moodle)
    assert "changed" == world.history(world.site(moodle).id)[-1]
    run("site", "set", moodle, "--set", "completions_report_id=")
    assert base == settings(world, moodle)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "--issue-from"),
        (["--set", "completions_report_id=four"], 1, "Give the number"),
        (["--set", "colour=red"], 1, "Known are"),
        (["--set", "token=x"], 2, "vaultbridge site rotate m --secret token=@FILE"),
        (["--set", "base_url="], 1, "base_url"),
        (["--issue-from", "last week"], 2, "2026-11-01"),
        (["--timezone", "Asia/Dubay"], 2, 'did you mean "Asia/Dubai"?'),
    ],
)
def test_a_mistake_changes_nothing(
    run: Run, world: World, moodle: str, arguments: list[str], code: int, told: str
) -> None:
    before = settings(world, moodle)
    said = run("site", "set", moodle, *arguments)

    assert (code, before) == (said.code, settings(world, moodle))
    assert told in said.err


def test_an_earlier_start_says_how_many_are_taken_up(run: Run, world: World) -> None:
    world.change(tables.site, world.site_id, issue_from=NOON)
    world.complete(completed_at=(NOON - timedelta(days=1)).isoformat())
    world.run("normalise")
    assert ["early"] == world.states(tables.completion)

    said = run("site", "set", SITE, "--issue-from", "2026-11-01")

    assert "issues what is completed from 2026-11-01 00:00 UTC on" in said.out
    assert "1 known completion from before is looked at again." in said.out
    assert datetime(2026, 11, 1, tzinfo=UTC) == world.site().issue_from
    assert "2026-11-01" in run("site", "show", SITE).out


def test_a_later_start_takes_nothing_up(run: Run, world: World) -> None:
    said = run("site", "set", SITE, "--issue-from", "2026-12-01T08:00+04:00")

    assert "looked at again" not in said.out
    assert datetime(2026, 12, 1, 4, tzinfo=UTC) == world.site().issue_from


def test_the_clock_mends_if_it_is_told_to(run: Run, world: World) -> None:
    assert not run("site", "show", SITE, "--json").json["auto_mend"]

    assert "mends what it finds" in run("site", "set", SITE, "--auto-mend").out
    assert run("site", "show", SITE, "--json").json["auto_mend"]
    assert "only reports" in run("site", "set", SITE, "--no-auto-mend").out


def test_a_site_is_added_with_its_start(run: Run, world: World, moodle: str) -> None:
    shown = run("site", "show", moodle, "--json").json
    added = world.site(moodle).created_at.replace(second=0, microsecond=0)

    assert added == datetime.fromisoformat(shown["issue_from"])


def test_a_site_has_a_time_zone_of_its_own_until_it_is_taken_away(run: Run, world: World) -> None:
    said = run("site", "set", SITE, "--timezone", "Asia/Dubai")

    assert (0, f"Changed {SITE}: days are counted in Asia/Dubai.\n") == (said.code, said.out)
    assert "Asia/Dubai" == run("site", "show", SITE, "--json").json["timezone"]
    run("site", "set", SITE, "--timezone", "")
    assert None is world.site().timezone
