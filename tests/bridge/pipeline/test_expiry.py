"""How long a certificate is valid: printed, and kept as it was printed."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.store import issuances
from tests.bridge.certificates import reading
from tests.bridge.world import World

VALID = ("issuer: main\n", "issuer: main\nvalid_for: 2 years\n")


def by_template(period: str) -> tuple[str, str]:
    return (
        "issuer: main\n",
        f'issuer: main\ncertificate: {{parameters: {{validity: "{period}"}}}}\n',
    )


def printed(world: World) -> str:
    with world.bridge.database.read() as conn:
        return reading.text(issuances.file_content(conn, world.issuance.file_sha256))


@pytest.mark.parametrize(
    ("change", "expected", "said"),
    [
        (VALID, date(2028, 11, 23), "Valid until November 23, 2028"),
        (by_template("1 year"), date(2027, 11, 23), "Valid until November 23, 2027"),
    ],
)
def test_what_is_printed_is_kept_whoever_said_it(
    world: World, change: tuple[str, str], expected: date, said: str
) -> None:
    world.add_mapping(change)

    world.issue()

    assert expected == world.issuance.expires_on
    assert said in " ".join(printed(world).split())


def test_without_a_period_it_is_valid_for_ever(world: World) -> None:
    world.issue()

    assert None is world.issuance.expires_on
    assert "Valid until" not in printed(world)


def test_a_leap_day_leads_to_the_last_day_of_february(world: World) -> None:
    world.add_mapping(VALID)

    world.issue(completed_at="2024-02-29T12:00:00+00:00")

    assert date(2026, 2, 28) == world.issuance.expires_on


def test_the_day_is_known_before_anything_is_printed(world: World) -> None:
    world.add_mapping(VALID)

    world.complete()
    world.run("normalise")

    assert (None, date(2028, 11, 23)) == (world.issuance.file_sha256, world.issuance.expires_on)
