"""What becomes of a certificate when one mapping is another."""

from __future__ import annotations

from dataclasses import replace

from mappings.comparing import Change, Difference, compare
from mappings.document import Mapping, load
from tests.mappings.samples import AMINA, DOCUMENT

SITE = "moodle-main"
ACTIVE = load(DOCUMENT)
#: Of no course that Amina takes.
CHEMISTRY = load(
    DOCUMENT.replace('course: "BIO-*"', 'course: "CHEM-*"').replace(
        "course-completion", "chemistry"
    )
)


def changed(*changes: tuple[str, str]) -> Mapping:
    document = DOCUMENT
    for old, new in changes:
        assert old in document
        document = document.replace(old, new)
    return load(document)


def compared(*after: Mapping, before: tuple[Mapping, ...] = (ACTIVE,)) -> list[Difference]:
    return list(compare(before, after, AMINA, site=SITE))


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
    assert [Change.CHANGED] == [
        one.change for one in compare((ACTIVE,), (draft,), without_x, site=SITE)
    ]
