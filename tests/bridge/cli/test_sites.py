"""``vaultbridge site …``"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.store import tables
from connectors.base import Finding, Permanent
from runtime.keys import new_key
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SECRET, SITE, World

MOODLE = ["--connector", "moodle", "--set", "base_url=https://moodle.example.edu"]


def test_a_site_is_added_listed_and_shown_with_the_address_of_its_hook(
    run: Run, secret_files: dict[str, str]
) -> None:
    said = run("site", "add", "any", "--connector", "signed", "--secret", secret_files["secrets"])

    hook = "https://certs.example.edu/hooks/signed/any"
    assert (0, True) == (said.code, hook in said.out)
    assert [
        {"name": "any", "connector": "signed", "hook": hook, "problem": None, "remedy": None}
    ] == run("site", "list", "--json").json
    shown = run("site", "show", "any")
    assert hook in shown.out
    assert SECRET not in shown.out
    assert {"secrets": "••••••"} == run("site", "show", "any", "--json").json["secrets"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["add", "a b", "--connector", "signed"], 2, "letters, digits"),
        (["add", "x", "--connector", "canva"], 1, "No connector is called 'canva'"),
        (["add", "x", "--connector", "signed"], 1, "secrets: "),
        (["add", "x", "--connector", "signed", "--set", "secrets=plain"], 2, "is a secret"),
        (["add", "x", "--connector", "signed", "--set", "colour"], 2, "key=value"),
        (["add", "x", *MOODLE, "--set", "colour=red"], 1, "colour: "),
        (["show", "nobody"], 1, "There is no site called 'nobody'"),
        (["check", "nobody"], 1, "There is no site called 'nobody'"),
        (["courses", "nobody"], 1, "There is no site called 'nobody'"),
        (["rotate", "nobody"], 2, "--secret KEY=@FILE"),
        (["remove", "nobody"], 1, "There is no site called 'nobody'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    run: Run, arguments: list[str], code: int, told: str
) -> None:
    said = run("site", *arguments)

    assert (code, "") == (said.code, said.out)
    assert told in said.err


def test_a_missing_setting_is_told_with_what_it_is_for_and_an_example(run: Run) -> None:
    said = run("site", "add", "x", "--connector", "moodle")

    assert 1 == said.code
    assert "base_url: " in said.err
    assert "For example: " in said.err


def test_show_counts_what_was_refused_and_what_nobody_wants(run: Run, world: World) -> None:
    world.post(b"{}", headers={})
    world.post({"type": "user.updated"})
    world.run("normalise")

    shown = run("site", "show", SITE, "--json").json

    assert {"user.updated": 1} == shown["unwanted_events"]
    assert [("unverified", 1)] == [(r["reason"], r["count"]) for r in shown["refused"]]


def test_check_says_one_by_one_what_is_missing_and_where_to_grant_it(
    run: Run, world: World
) -> None:
    world.lms.findings = [
        Finding(name="token", ok=True),
        Finding(name="roles: not asked for", ok=True, note="Staff is certified. To hold it, do."),
        Finding(name="may grade", ok=False, problem="It may not.", remedy="Grant it in Roles."),
    ]
    said = run("site", "check", SITE)
    expected = """\
✓ token
– roles: not asked for
    Staff is certified. To hold it, do.
✗ may grade
    It may not.
    → Grant it in Roles.
"""
    assert (1, expected) == (said.code, said.out)
    assert "1 missing." in said.err

    world.lms.findings = [Finding(name="token", ok=True)]
    assert (0, True) == ((said := run("site", "check", SITE)).code, "All there." in said.out)


def test_a_good_check_wakes_what_waited_for_the_site(run: Run, world: World) -> None:
    world.lms.enriching.append(Permanent("refused", remedy="mend"))
    world.complete()
    world.run("normalise")
    assert "refused" == world.site().problem

    world.clock.moment = datetime.now(UTC)
    world.change(
        tables.completion, world.completion.id, next_run_at=datetime(2100, 1, 1, tzinfo=UTC)
    )
    assert 0 == run("site", "check", SITE).code

    assert (None, True) == (
        world.site().problem,
        world.completion.next_run_at <= datetime.now(UTC),
    )


def test_a_check_wakes_deliveries_that_waited_for_a_usable_site(run: Run, world: World) -> None:
    world.complete()
    world.change(tables.site, world.site_id, connector="gone")
    world.run("normalise")
    said = run("site", "check", SITE)
    assert (1, True) == (said.code, "No connector is called 'gone'" in said.err)

    world.change(tables.site, world.site_id, connector="scripted")
    row = world.one(tables.delivery)
    world.change(tables.delivery, row.id, next_run_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert 0 == run("site", "check", SITE).code
    assert world.one(tables.delivery).next_run_at <= datetime.now(UTC)


def test_courses_without_a_place_are_listed_and_created_and_their_write_backs_woken(
    run: Run, world: World
) -> None:
    world.lms.without_place.add("42")
    world.generate()
    world.run("write_back")

    listed = run("site", "courses", SITE, "--json").json
    assert [("42", False, 1)] == [(c["course"], c["found"], c["waiting"]) for c in listed]

    created = run("site", "courses", SITE, "--create")
    assert (0, True) == (created.code, "42" in created.out)
    assert "Every course has its place" in run("site", "courses", SITE).out
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.run("write_back")
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_an_lms_that_refuses_is_told_with_its_remedy(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Permanent("The token is refused.", remedy="Make a new token.")

    monkeypatch.setattr(type(world.lms), "without_place", property(refuse), raising=False)
    world.complete()
    world.run("normalise")

    said = run("site", "courses", SITE)

    assert (1, True, True) == (
        said.code,
        "The token is refused." in said.err,
        "Make a new token." in said.err,
    )


def test_a_connector_that_needs_no_place_says_so(run: Run, world: World) -> None:
    said = run("site", "courses", "signed-main")

    assert (1, True) == (said.code, "needs no place in a course" in said.err)


def test_a_secret_is_rotated_without_an_hour_in_which_deliveries_are_lost(
    run: Run, world: World, tmp_path: Path
) -> None:
    fresh = "whsec_" + "QUJD" * 8
    (tmp_path / "fresh").write_text(fresh)

    assert 0 == run("site", "rotate", SITE, "--secret", f"secrets=@{tmp_path / 'fresh'}").code
    assert 202 == world.post(world.body()).status_code, "the old one is still good"

    assert 0 == run("site", "rotate", SITE, "--drop-old").code
    assert 401 == world.post(world.body()).status_code
    assert (fresh,) == world.bridge.connector_of(world.site()).settings.secrets

    said = run("site", "rotate", SITE, "--secret", "secrets=-", stdin="no such form")
    assert (1, True) == (said.code, "whsec_" in said.err)


def test_after_a_lost_key_the_secrets_can_be_entered_again(
    run: Run, world: World, environment: dict[str, str], secret_files: dict[str, str]
) -> None:
    Path(environment["BRIDGE_KEY_FILE"]).write_text(new_key() + "\n")

    said = run("site", "check", SITE)
    assert (1, True) == (said.code, "enter the secrets again" in said.err)
    assert 0 == run("site", "rotate", SITE, "--secret", secret_files["secrets"]).code
    assert 0 == run("site", "check", SITE).code


def test_a_removed_site_is_gone_and_its_history_stays(run: Run, world: World) -> None:
    world.generate()

    assert 0 == run("site", "remove", SITE).code
    assert 401 == world.post(world.body()).status_code
    assert [SITE] == [row["site"] for row in run("issuances", "--json").json]
    said = run("site", "add", SITE, "--connector", "signed", "--secret", "secrets=-", stdin=SECRET)
    assert (1, True) == (said.code, "history keeps its name" in said.err)
