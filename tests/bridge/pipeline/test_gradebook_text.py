"""What a gradebook row says of real issuances, and when two rows mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bridge.pipeline.gradebook_text import compose, digest
from bridge.store import issuances
from connectors.base import Certificate, GradebookRow
from tests.bridge.institution import Institution, institution

LINK = "https://certs.example.edu/c/q3PzN0aWTiyD1EMqhLUAJw.x"


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Institution]:
    made = institution(sqlite_url)
    yield made
    made.database.close()


def composed(here: Institution, **options: Any) -> GradebookRow:
    with here.database.read() as conn:
        rows = issuances.of_learner(conn, here.site_id, "42", "7")
    links = {row.id: f"{LINK}{row.id}" for row in rows}
    return compose(
        rows, **{"links": links, "course_id": "42", "learner_id": "7", "revision": 1, **options}
    )


def test_a_certificate_is_told_whole(here: Institution) -> None:
    made = here.issue()

    expected = GradebookRow(
        course_id="42",
        learner_id="7",
        certificates=(
            Certificate(
                status="Issued",
                reference_id="VEC-IC-202667DAE48425BAD",
                link=f"{LINK}{made}",
                link_text="Open your certificate",
                title="Certificate of Completion: Marine Biology",
                issue_date=date(2026, 11, 20),
            ),
        ),
        language="en",
        direction="ltr",
        revision=1,
    )

    assert expected == composed(here)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Issued · VEC-IC-2026"),
        ("fr-FR", "Délivré · VEC-IC-202"),
        ("es", "Emitido · VEC-IC-202"),
        ("ar-EG", "صدرت · VEC-IC-202667"),
    ],
)
def test_a_grid_of_twenty_letters_shows_the_status_and_the_reference(
    here: Institution, language: str, expected: str
) -> None:
    here.issue(language=language)

    assert expected == composed(here).as_text()[:20]


def test_the_row_is_in_the_language_of_the_newest_and_runs_its_way(here: Institution) -> None:
    here.issue(language="en", issue_date=date(2025, 1, 1))
    here.issue(language="ar-AE", mapping_name="again", issue_date=date(2026, 1, 1))

    row = composed(here)

    assert ("ar", "rtl") == (row.language, row.direction)
    assert ["صدرت", "صدرت"] == [each.status for each in row.certificates]
    assert ["فتح الشهادة"] * 2 == [each.link_text for each in row.certificates]


def test_a_language_we_have_no_texts_in_is_told_in_english(here: Institution) -> None:
    here.issue(language="hi")

    row = composed(here)

    assert ("en", "ltr", "Issued") == (row.language, row.direction, row.certificates[0].status)


def test_a_certificate_that_the_vault_revoked_is_never_told_as_issued(here: Institution) -> None:
    here.issue(vault_status="revoked")

    (told,) = composed(here).certificates

    assert ("Withdrawn", True) == (told.status, told.void)


def test_a_replaced_certificate_is_struck_through(here: Institution) -> None:
    here.issue(vault_status="revoked", issue_date=date(2025, 1, 1))
    here.issue(issue_date=date(2026, 1, 1))

    told = [(each.status, each.void) for each in composed(here).certificates]

    assert [("Issued", False), ("Replaced", True)] == told


def test_an_earlier_round_is_told_as_such_and_not_struck_through(here: Institution) -> None:
    here.issue(issue_date=date(2026, 1, 1))
    here.issue(issue_date=date(2025, 1, 1))
    here.issue(issue_date=date(2024, 1, 1), mapping_name="another")

    told = [(each.status, each.void) for each in composed(here).certificates]

    assert [("Issued", False), ("Earlier", False), ("Issued", False)] == told


def test_several_certificates_are_told_apart_by_title_and_date(here: Institution) -> None:
    first = composed(here, links={}) if here.issue(certificate_title="One") else None
    here.issue(certificate_title="Two & <b>", issue_date=date(2026, 12, 1))
    both = composed(here, links={}).as_text()

    assert first is not None
    assert "Issued · VEC-IC-202667DAE48425BAD" == first.as_text()
    assert (
        "Issued · VEC-IC-202667DAE48425BAD · \u2068Two & <b>\u2069 · \u20682026-12-01\u2069\n"
        "Earlier · VEC-IC-202667DAE48425BAD · \u2068One\u2069 · \u20682026-11-20\u2069"
    ) == both
    assert "Two &amp; &lt;b&gt;" in composed(here).as_html()


def test_a_certificate_without_a_link_is_told_without_one(here: Institution) -> None:
    here.issue()

    (told,) = composed(here, links={}).certificates

    assert None is told.link


def test_nothing_issued_is_an_empty_row(here: Institution) -> None:
    expected = GradebookRow(course_id="42", learner_id="7", certificates=())

    assert expected == composed(here)


def test_rows_that_differ_in_how_they_are_written_alone_mean_the_same(here: Institution) -> None:
    here.issue()

    assert digest(composed(here)) == digest(composed(here, revision=7, known=("old",)))


def test_every_other_difference_means_something_else(here: Institution) -> None:
    here.issue()
    row = composed(here)
    (told,) = row.certificates
    others = [
        replace(row, learner_id="8"),
        replace(row, language="fr"),
        replace(row, certificates=()),
        *(
            replace(row, certificates=(replace(told, **change),))
            for change in (
                {"status": "Withdrawn"},
                {"reference_id": None},
                {"link": "https://certs.example.edu/c/other"},
                {"title": "Other"},
                {"issue_date": date(2026, 11, 21)},
                {"void": True},
            )
        ),
    ]

    assert 1 + len(others) == len({digest(row), *map(digest, others)})


def test_what_was_corrected_comes_last_whatever_its_date(here: Institution) -> None:
    old = here.issue(issue_date=date(2026, 11, 20), vault_status="revoked", reference_id="OLD")
    here.change(old, generated_at=here.now())
    new = here.issue(issue_date=date(2026, 11, 2), replaces=old, revision=1, reference_id="NEW")
    here.change(new, generated_at=here.now())

    told = [(each.reference_id, each.status, each.void) for each in composed(here).certificates]
    assert [("NEW", "Issued", False), ("OLD", "Replaced", True)] == told
