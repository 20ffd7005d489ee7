"""What becomes of a certificate when one mapping is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.base import Completion, Grade
from mappings.comparing import Case, Change, Difference, compare
from mappings.document import Mapping, load
from tests.mappings.samples import AMINA, DOCUMENT, document

SITE = "moodle-main"
ACTIVE = load(DOCUMENT)
#: Of no course that Amina takes.
CHEMISTRY = load(
    DOCUMENT.replace('course: "BIO-*"', 'course: "CHEM-*"').replace(
        "course-completion", "chemistry"
    )
)


def changed(*changes: tuple[str, str]) -> Mapping:
    return load(document(*changes))


def compared(
    *after: Mapping, before: tuple[Mapping, ...] = (ACTIVE,), case: Case | None = None
) -> list[Difference]:
    return list(compare(before, after, case or came()))


def came(completion: Completion = AMINA, *, after: int = 0, rounds: tuple[int, ...] = ()) -> Case:
    """A completion that came so many days after it was completed, and those so long before it."""
    return Case(
        completion=completion,
        site=SITE,
        came=completion.noticed_at + timedelta(days=after),
        earlier=[earlier(completion, days) for days in sorted(rounds, reverse=True)],
    )


def earlier(completion: Completion, days: int) -> Completion:
    assert completion.completed_at is not None
    before = timedelta(days=days)
    return replace(
        completion,
        completed_at=completion.completed_at - before,
        noticed_at=completion.noticed_at - before,
    )


def ruled(text: str) -> Mapping:
    return load(f"{DOCUMENT}{text}\n")


def test_the_same_document_changes_nothing() -> None:
    (one,) = compared(changed())
    (untouched,) = compared(ACTIVE, CHEMISTRY)

    assert (Change.SAME, None, {}) == (one.change, one.entry, one.fields)
    assert Change.SAME is untouched.change


def test_each_field_that_differs_is_told_and_no_other() -> None:
    title = ('"{{ course.title }}"', '"Certificate: {{ course.title }}"')
    (one,) = compared(changed(title, ("name: course-completion", "name: course-completion")))

    assert Change.CHANGED is one.change
    assert {
        "certificate_title": (
            "Introduction to Biology",
            "Certificate: Introduction to Biology",
        )
    } == one.fields
    assert one.entry is not None
    assert "Certificate: Introduction to Biology" == one.entry.certificate_title


def test_what_is_printed_is_told_as_well() -> None:
    draft = load(f"{DOCUMENT}certificate: {{paper: us-letter, language: ar}}\nwrite_back: none\n")
    (one,) = compared(draft)

    assert {
        "language": ("en", "ar"),
        "paper": ("a4", "us-letter"),
        "write_back": ("auto", "none"),
    } == one.fields


def test_what_a_template_is_told_of_this_completion_is_told() -> None:
    def with_title(title: str) -> Mapping:
        parameters = f"{{second_title: '{title}'}}"
        return load(f"{DOCUMENT}certificate: {{template: bilingual, parameters: {parameters}}}\n")

    was = with_title("{{ course.title }}")
    (one,) = compared(with_title("{{ course.code }}"), before=(was,))
    (other,) = compared(with_title("{{ course.title | strip }}"), before=(was,))

    told = ('{"second_title": "Introduction to Biology"}', '{"second_title": "BIO-101"}')
    assert {"parameters": told} == one.fields
    assert Change.SAME is other.change


def test_a_wider_or_narrower_draft_matches_more_or_fewer() -> None:
    (lost,) = compared(changed(("BIO-*", "CHEM-*")))
    (won,) = compared(ACTIVE, before=(changed(("BIO-*", "CHEM-*")),))

    assert (Change.UNMATCHED, "course-completion", None) == (lost.change, lost.by.name, lost.entry)
    assert Change.MATCHED is won.change
    assert won.entry is not None
    assert [] == compared(CHEMISTRY, before=(CHEMISTRY,))


def test_a_draft_that_nothing_puts_before_or_behind_another_fails_with_it() -> None:
    by_title = changed(("course-completion", "by-title"), ("BIO-*", "* to Biology"))
    one, other = compared(ACTIVE, by_title)
    (mended,) = compared(ACTIVE, before=(ACTIVE, by_title))[:1]
    still = compared(ACTIVE, by_title, before=(ACTIVE, by_title))

    assert [Change.FAILING, Change.FAILING] == [one.change, other.change]
    assert "by-title and course-completion" in str(other.problem)
    assert Change.MENDED is mended.change
    assert [Change.SAME, Change.SAME] == [each.change for each in still]


def test_a_draft_that_takes_anothers_place_is_compared_with_it() -> None:
    (one,) = compared(ACTIVE, changed(("course-completion", "better\npriority: 5")))

    assert Change.CHANGED is one.change
    assert {"mapping": ("course-completion", "better")} == one.fields


def test_a_draft_that_fails_is_told_with_its_reason_and_one_that_mends() -> None:
    broken = changed(("learner.email", "learner.custom.private_email"))
    (fails,) = compared(broken)
    (still,) = compared(broken, before=(changed(("learner.email", "learner.custom.work")),))
    (mended,) = compared(ACTIVE, before=(broken,))

    assert Change.FAILING is fails.change
    assert "entry.applicant_email" in str(fails.problem)
    assert (Change.SAME, Change.MENDED) == (still.change, mended.change)


def test_a_change_that_this_completion_does_not_show_is_none() -> None:
    draft = changed(
        ('"{{ learner.full_name }}"', "\"{{ learner.full_name | replace: 'X', 'Y' }}\"")
    )
    without_x = replace(AMINA, learner=replace(AMINA.learner, full_name="Xenia"))

    assert [Change.SAME] == [one.change for one in compared(draft)]
    assert [Change.CHANGED] == [one.change for one in compared(draft, case=came(without_x))]


@pytest.mark.parametrize(
    ("rules", "after", "said"),
    [
        ("{accounts: amina@*}", 0, "made for testing"),
        ("{roles: stud*}", 0, "staff in the course"),
        ("{older_than: 5 days}", 6, "over 5 days ago"),
    ],
)
def test_a_draft_that_changes_what_a_person_looks_at_first_tells_whom(
    rules: str, after: int, said: str
) -> None:
    draft = ruled(f"hold: {rules}")
    (held,) = compared(draft, case=came(after=after))
    (released,) = compared(ACTIVE, before=(draft,), case=came(after=after))
    (still,) = compared(draft, before=(draft,), case=came(after=after))

    assert (Change.HELD, {}) == (held.change, held.fields)
    assert said in str(held.problem)
    assert (Change.RELEASED, None, Change.SAME) == (
        released.change,
        released.problem,
        still.change,
    )


def test_what_is_held_before_and_after_shows_what_would_change_on_it() -> None:
    title = ('"{{ course.title }}"', '"Certificate: {{ course.title }}"')
    (one,) = compared(changed(title), case=came(after=100))
    (both,) = compared(load(f"{document(title)}hold: {{roles: stud*}}\n"))

    assert (Change.CHANGED, ["certificate_title"]) == (one.change, [*one.fields])
    assert (Change.HELD, ["certificate_title"]) == (both.change, [*both.fields])


def test_a_completion_that_nobody_wanted_and_that_would_be_held_is_told_as_held() -> None:
    (one,) = compared(ACTIVE, before=(), case=came(after=100))

    assert (Change.HELD, True) == (one.change, "over 90 days ago" in str(one.problem))


def test_a_draft_that_changes_again_tells_which_next_rounds_it_certifies() -> None:
    always, after = ruled("again: always"), ruled("again: {after: 300 days}")
    second = came(rounds=(200,))
    (more,) = compared(always, case=second)
    (fewer,) = compared(ACTIVE, before=(always,), case=second)
    (too_soon,) = compared(after, case=second)
    (late_enough,) = compared(after, case=came(rounds=(300,)))
    (first,) = compared(always)

    assert (Change.AGAIN, None) == (more.change, more.problem)
    assert Change.LEFT_OUT is fewer.change
    assert "course-completion certifies a next round: never." in str(fewer.problem)
    assert [Change.SAME, Change.AGAIN, Change.SAME] == [
        too_soon.change,
        late_enough.change,
        first.change,
    ]


def test_a_round_that_again_leaves_out_is_none_that_the_next_is_counted_from() -> None:
    after = ruled("again: {after: 300 days}")
    (third,) = compared(after, case=came(rounds=(200, 400)))

    assert Change.AGAIN is third.change


def test_what_again_leaves_out_either_way_is_not_changed_by_a_title() -> None:
    (one,) = compared(
        changed(('"{{ course.title }}"', '"Certificate: {{ course.title }}"')),
        case=came(rounds=(10,)),
    )

    assert (Change.SAME, None) == (one.change, one.entry)


def test_a_round_that_no_mapping_wanted_stands_in_no_ones_way() -> None:
    graded = load(DOCUMENT.replace("match:", 'match:\n  when: "grade.percent > 60"'))
    failed = replace(earlier(AMINA, 10), grade=None)
    case = replace(came(), earlier=[failed])

    assert [Change.AGAIN] == [one.change for one in compared(graded, case=case)]
    assert [Change.SAME] == [one.change for one in compared(graded, before=(graded,), case=case)]


def test_a_draft_that_takes_the_first_round_gives_the_next_one_back() -> None:
    above = DOCUMENT.replace("match:", 'priority: 5\nmatch:\n  when: "grade.percent >= 90"')
    honours = load(above.replace("course-completion", "honours"))
    best = replace(earlier(AMINA, 10), grade=Grade(percent=Decimal(95)))
    case = replace(came(), earlier=[best])

    (one,) = compared(ACTIVE, honours, case=case)

    assert (Change.AGAIN, "course-completion") == (one.change, one.by.name)
