"""What fails holds no more than its own: an expression one completion, a document its courses."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.store import tables
from tests.bridge.world import MAPPING, World

NAME = '"{{ learner.full_name }}"'
LOOPS = "{% for a in cohorts %}{% for b in cohorts %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("change", "bob", "cause", "said"),
    [
        (
            (NAME, '"{{ learner.full_name | given_first }}"'),
            {"learner": {"full_name": "B" * 256}},
            "complete.expression.full_name",
            "no name is 256 characters long",
        ),
        (
            ('match: {course: "*"}', 'match: {course: "*", when: "extra.score < 5"}'),
            {"extra": {"score": "five"}},
            "complete.expression.match.when",
            "not supported between 'str' and 'int'",
        ),
        (
            (
                NAME,
                f'"{LOOPS}{{{{ learner.full_name }}}}"',
            ),
            {"cohorts": [f"cohort-{number}" for number in range(1000)]},
            "complete.expression.full_name",
            "takes too long",
        ),
        (
            (NAME, '"{{ learner.full_name }}{% if extra.lines %}{{ extra.lines }}{% endif %}"'),
            {"extra": {"score": 1, "lines": ["a", "b"]}},
            "complete.expression.full_name",
            "extra.lines is a list",
        ),
    ],
    ids=["filter", "condition", "runaway", "list"],
)
def test_only_the_completion_that_an_expression_fails_on_is_held(
    world: World, change: tuple[str, str], bob: dict[str, Any], cause: str, said: str
) -> None:
    world.add_mapping(change)
    for who, told in (("ada", {}), ("bob", bob), ("eve", {})):
        world.complete(who, **({"extra": {"score": 1}} | told))
    world.settle(hours=1)

    rows = {row.learner_id: row for row in world.rows(tables.issuance)}
    assert {"ada": "generated", "bob": "held", "eve": "generated"} == {
        who: row.state for who, row in rows.items()
    }
    assert (cause, True) == (rows["bob"].cause, said in rows["bob"].problem), rows["bob"].problem


def test_it_goes_on_once_the_mapping_is_mended(world: World) -> None:
    world.add_mapping((NAME, '"{{ learner.full_name | given_first }}"'))
    world.complete("bob", learner={"full_name": "Bob " * 64})
    world.settle(hours=1)
    assert "held" == world.issuance.state

    mended = '"{{ learner.full_name | truncate: 30 }}"'
    assert NAME in MAPPING
    world.add_mapping((NAME, mended))
    world.replay(world.issuance.id)
    world.settle(hours=1)

    assert ("generated", "Bob Bob Bob Bob Bob Bob Bob B…") == (
        world.issuance.state,
        world.issuance.full_name,
    )


def test_a_stored_document_that_no_longer_loads_holds_what_it_may_want_and_nothing_else(
    world: World,
) -> None:
    """As after an upgrade that has taken a filter away."""
    chemistry = (
        ("name: course-completion", "name: chemistry\npriority: 5"),
        ('course: "*"', 'course: "CHEM-*"'),
    )
    world.add_mapping(*chemistry, (NAME, '"{{ learner.full_name | polish }}"'))
    world.complete("ada")
    world.complete("bob", course={"id": "7", "code": "CHEM-1", "title": "Chemistry"})
    world.settle(hours=1)

    rows = {row.learner_id: row for row in world.rows(tables.issuance)}
    assert {"ada": "generated", "bob": "held"} == {who: row.state for who, row in rows.items()}
    assert "complete.document.chemistry" == rows["bob"].cause
    assert 'unknown filter "polish"' in rows["bob"].problem

    world.add_mapping(*chemistry)
    assert world.replay(rows["bob"].id).going
    world.settle(hours=1)
    assert ["generated", "generated"] == world.states()
