"""What is to be told: at once, once a day, when it is gone, every Monday; never the same twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bridge.pipeline.telling.concern import OPERATOR, Concern, Standing
from bridge.pipeline.telling.decide import CALM, DIGEST, Rhythm, Tell, decide, monday_before
from bridge.store.notices import Told
from tests.bridge.world import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RHYTHM = Rhythm(again=DAY, patience=HOUR)
SITE, OTHER = "site moodle-main", "site moodle-second"
#: A Tuesday.
START = NOON + DAY


def concern(
    cause: str, *, audience: str = SITE, place: str = "moodle-main", **also: object
) -> Concern:
    values = {"kind": "site", "size": 1, "since": START, "at_once": True, **also}
    said = {"means": f"{cause}.", "move": "Mend it.", "command": f"mend {cause}"}
    return Concern(place=place, audience=audience, cause=cause, **said, **values)  # type: ignore[arg-type]


@dataclass
class Teller:
    """Whoever decides again and again, and remembers as the tables do."""

    told: dict[tuple[str, str, str], Told] = field(default_factory=dict)
    now: datetime = START

    def __post_init__(self) -> None:
        self.tell()  # the first digest's week begins

    def tell(self, *concerns: Concern, **later: float) -> Sequence[Tell]:
        """What is told of these, after some time has passed; and nothing if it is asked again."""
        self.now += timedelta(**later)
        stands = Standing(
            concerns=concerns,
            audience_of={
                ("site", "moodle-main"): SITE,
                ("site", "moodle-second"): OTHER,
                (OPERATOR, ""): OPERATOR,
            },
            audiences=(SITE, OTHER, OPERATOR),
        )
        decision = decide(stands, list(self.told.values()), now=self.now, rhythm=RHYTHM)
        self.told |= {one.key: one for one in decision.remember}
        for one in decision.forget:
            del self.told[one.key]
        again = decide(stands, list(self.told.values()), now=self.now, rhythm=RHYTHM)
        assert not again.is_anything, "what was told once is not told again"
        return decision.tell


def said(tells: Sequence[Tell]) -> list[tuple[str, list[str], list[str], list[str]]]:
    """Who is told of which causes: new, still, gone."""
    return [
        (
            one.audience,
            *([each.cause for each in part] for part in (one.fresh, one.still, one.gone)),
        )
        for one in tells
    ]


def test_the_first_of_each_cause_is_told_at_once_and_alone() -> None:
    teller = Teller()

    assert [(SITE, ["a"], [], [])] == said(teller.tell(concern("a")))
    assert [(SITE, ["b"], [], [])] == said(teller.tell(concern("a"), concern("b"), minutes=1))
    assert [] == teller.tell(concern("a", size=400), concern("b"), minutes=1)


def test_what_comes_together_is_told_together() -> None:
    assert [(SITE, ["a", "b"], [], [])] == said(Teller().tell(concern("a"), concern("b")))


def test_what_stands_is_told_once_a_day_all_of_it_in_one_message() -> None:
    teller = Teller()
    teller.tell(concern("a"))
    teller.tell(concern("a"), concern("b"), hours=10)

    assert [] == teller.tell(concern("a"), concern("b"), hours=13)
    assert [(SITE, [], ["a", "b"], [])] == said(teller.tell(concern("a"), concern("b"), hours=1))
    assert [] == teller.tell(concern("a"), concern("b"), hours=23)
    assert [(SITE, [], ["a", "b"], [])] == said(teller.tell(concern("a"), concern("b"), hours=1))


def test_what_is_not_told_daily_is_told_with_the_others_and_in_the_digest() -> None:
    teller = Teller()
    silent = concern("silent", daily=False)
    teller.tell(silent)

    assert [] == teller.tell(silent, days=2)
    teller.tell(silent, concern("a"))
    assert [(SITE, [], ["silent", "a"], [])] == said(teller.tell(silent, concern("a"), days=1))
    digests = teller.tell(silent, concern("a"), days=3)
    assert (SITE, [], ["silent", "a"], []) == said(digests)[0]


def test_the_all_clear_is_given_once_it_has_been_gone_for_a_while() -> None:
    teller = Teller()
    teller.tell(concern("a"), concern("b"))

    assert [] == teller.tell(concern("b"), minutes=5)
    (cleared,) = teller.tell(concern("b"), minutes=CALM.seconds / 60)
    assert [(SITE, [], [], ["a"])] == said([cleared])
    assert START + timedelta(minutes=5) == cleared.gone[0].gone_since
    assert [] == teller.tell(concern("b"), minutes=1)
    assert [(SITE, ["a"], [], [])] == said(teller.tell(concern("a"), concern("b"), minutes=1))


def test_what_comes_and_goes_is_neither_cleared_nor_new_each_time() -> None:
    teller = Teller()
    teller.tell(concern("a"))
    for _ in range(20):
        assert [] == teller.tell(minutes=4)
        assert [] == teller.tell(concern("a"), minutes=4)


def test_what_may_mend_itself_is_told_once_it_has_lasted() -> None:
    teller = Teller()
    down = concern("site.unreachable", at_once=False)

    assert [] == teller.tell(down, minutes=59)
    assert [(SITE, ["site.unreachable"], [], [])] == said(teller.tell(down, minutes=1))
    assert [] == Teller().tell(replace(down, since=START + HOUR), minutes=90)


def test_each_audience_is_told_of_its_own() -> None:
    theirs = concern("a", audience=OTHER, place="moodle-second")
    ours = concern("c", audience=OPERATOR, kind=OPERATOR, place="")

    assert [
        (SITE, ["a"], [], []),
        (OTHER, ["a"], [], []),
        (OPERATOR, ["c"], [], []),
    ] == said(Teller().tell(concern("a"), theirs, ours))


def test_a_place_that_nobody_is_told_of_any_more_is_not_called_mended() -> None:
    gone = Told(kind="site", place="removed", cause="a", since=START, told_at=START)
    teller = Teller(told={gone.key: gone})

    assert [] == teller.tell(days=1)


def test_a_digest_is_due_every_monday_with_what_stands_and_not_before_a_whole_week() -> None:
    teller = Teller()
    assert [] == teller.tell(days=3), "it is Friday"

    teller.tell(concern("a"))
    digests = teller.tell(concern("a"), days=3)
    assert [SITE, OTHER, OPERATOR] == [one.audience for one in digests]
    assert (SITE, [], ["a"], []) == said(digests)[0]
    assert {datetime(2026, 11, 30, 6, tzinfo=NOON.tzinfo)} == {one.digest for one in digests}
    assert [] == [one for one in teller.tell(concern("a"), days=6) if one.digest]
    assert 3 == len([one for one in teller.tell(concern("a"), days=1) if one.digest])
    assert 3 == sum(1 for one in teller.told.values() if one.cause == DIGEST)


def test_a_clock_that_was_away_for_weeks_tells_one_digest() -> None:
    teller = Teller()

    assert 3 == len(teller.tell(days=30))
    assert [] == teller.tell(hours=1)


@pytest.mark.parametrize(
    ("day", "hour", "expected"),
    [(30, 6, 30), (30, 5, 23), (29, 23, 23), (24, 0, 23), (23, 12, 23)],
)
def test_digests_are_due_on_mondays_at_six(day: int, hour: int, expected: int) -> None:
    now = datetime(2026, 11, day, hour, tzinfo=NOON.tzinfo)

    assert datetime(2026, 11, expected, 6, tzinfo=NOON.tzinfo) == monday_before(now)
