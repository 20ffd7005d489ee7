"""Certificate files that mod_customcert makes, found by course, activity and learner."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Capability, CertificateFile, Malformed, Permanent, Problem
from connectors.moodle.certificates import ISSUES
from tests.connectors.moodle.fake import PDF, FakeMoodle, always, body
from tests.connectors.moodle.sites import completion, moodle

AMINA = "3"


def file_of(server: FakeMoodle, learner: str = AMINA, course: str = "2", **settings: Any) -> Any:
    return moodle(server, **settings).certificate_file(completion(learner, course))


def issues(change: Any) -> FakeMoodle:
    """A Moodle whose list of Amina's issues is changed in this way."""
    _, hers = body("mod_customcert_list_issues_with_pdf")
    change(hers)
    return FakeMoodle(**{ISSUES: lambda _: [hers]})


def test_the_learners_file_comes_as_moodle_made_it() -> None:
    server = FakeMoodle()

    assert CertificateFile(content=PDF, name="custom.pdf") == file_of(server)
    [asked] = server.called(ISSUES)
    assert ("1", AMINA, "1", "1") == tuple(
        asked[name] for name in ("customcertid", "userid", "includepdf", "limit")
    )


def test_a_learner_who_has_not_opened_it_has_none_yet() -> None:
    assert file_of(FakeMoodle(), "5") is None


def test_of_several_activities_the_one_of_that_name_counts() -> None:
    server = FakeMoodle()
    server.customcerts = {"7": "Attendance", "1": "Course certificate"}

    assert PDF == file_of(server).content


def test_a_name_is_compared_as_it_is_read_and_not_as_it_is_sent() -> None:
    server = FakeMoodle()
    server.customcerts = {"1": "Water &amp; Rescue"}

    assert PDF == file_of(server, customcert_name="Water & Rescue").content


def test_any_name_will_do_where_there_is_one() -> None:
    assert PDF == file_of(FakeMoodle(), customcert_name="*").content


@pytest.mark.parametrize(
    ("there", "asked", "code", "said"),
    [
        ({}, "*", "no_certificate_activity", "has no custom certificate."),
        ({"1": "Other"}, "Mine", "no_certificate_activity", 'called "Mine"'),
        ({"1": "A", "2": "B"}, "*", "several_certificate_activities", '"A", "B"'),
    ],
    ids=["none", "none of that name", "two"],
)
def test_a_course_without_the_one_activity_is_a_problem_of_its_own(
    there: dict[str, str], asked: str, code: str, said: str
) -> None:
    server = FakeMoodle()
    server.customcerts = there
    told = file_of(server, customcert_name=asked)

    assert isinstance(told, Problem)
    assert code == told.code
    assert said in told.problem
    assert [] == server.called(ISSUES)


def test_a_course_that_is_gone_is_a_problem_of_its_own() -> None:
    assert isinstance(file_of(FakeMoodle(), course="9"), Problem)


def test_a_missing_right_concerns_the_site_and_says_where_to_grant_it() -> None:
    with pytest.raises(Permanent) as caught:
        file_of(FakeMoodle(**{ISSUES: always("mod_customcert_list_issues_no_cap")}))

    assert "mod/customcert:viewallcertificates" in caught.value.remedy


def test_a_pdf_that_moodle_could_not_make_is_a_problem_of_its_own() -> None:
    told = file_of(issues(lambda hers: hers.update(pdf={"haspdf": False})))

    assert isinstance(told, Problem)
    assert "no_pdf" == told.code


@pytest.mark.parametrize(
    "change",
    [
        lambda hers: hers["user"].update(id=10),
        lambda hers: hers["pdf"].update(content="not base64!"),
        lambda hers: hers.pop("pdf"),
    ],
    ids=["somebody else's", "no base64", "no file's key"],
)
def test_what_is_not_hers_or_no_file_is_not_taken(change: Any) -> None:
    with pytest.raises(Malformed):
        file_of(issues(change))


def test_without_a_name_in_the_settings_no_files_are_fetched() -> None:
    site = moodle(FakeMoodle(), customcert_name=None)

    assert Capability.FETCH_FILE not in site.capabilities()
    with pytest.raises(Permanent, match="fetches no certificate files"):
        site.certificate_file(completion(AMINA))
