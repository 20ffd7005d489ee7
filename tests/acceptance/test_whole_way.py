"""From a recorded delivery to the gradebook, and nothing lost or doubled when things die."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pypdfium2
import pytest
import zxingcpp

from tests.acceptance.installation import Installation
from tests.faults.proxy import Held
from tests.polling import eventually
from tests.processes import ROOT

#: Other tests make more rows than a list shows by itself.
ALL = ("--limit", "100000")
RECORDING = ROOT / "tests/connectors/moodle/recordings/completed_by_cron"
WATER_SAFETY, LIFESAVING, FIRST_AID = 2, 3, 4
EMMA, SEAN, KHAI, ALI, JOSE, ZOE = 12, 7, 6, 3, 10, 11
REFERENCE = re.compile(r"VEC-IC-20\d\d[0-9A-F]{13}")
#: A whole way takes some seconds; a loaded machine takes longer.
WITHIN = 180
#: A look that starts a command takes a second of the machine on which all of it runs.
LOOK_S = 1.0


def recorded() -> tuple[bytes, dict[str, str]]:
    headers = json.loads((RECORDING / "request.json").read_text())["headers"]
    kept = {k: v for k, v in headers.items() if k in ("Accept", "Content-Type")}
    return (RECORDING / "body.raw").read_bytes(), kept


def complete_unheard(installation: Installation, course: int, learner: int) -> None:
    """A completion whose webhook Moodle's own curl security swallows."""
    installation.control("switch", curl_security=True)
    installation.control("complete", course=course, learner=learner, by_cron=True)
    installation.control("switch", curl_security=False)


def issued(installation: Installation, course: int, learner: int) -> dict[str, Any] | None:
    """The learner's certificate, once the gradebook says it."""
    if not installation.feedback(course, learner):
        return None  # asking the campus costs nothing, a command does
    for row in installation.told("issuances", *ALL):
        if (row["course_id"], row["learner_id"]) == (str(course), str(learner)):
            return row if row["written_back"] == "read_back" else None
    return None


def pdf_of(row: dict[str, Any]) -> pypdfium2.PdfDocument:
    answer = httpx.get(row["download"], trust_env=False)
    assert 200 == answer.status_code
    return pypdfium2.PdfDocument(answer.content)


def test_a_recorded_delivery_ends_in_a_gradebook_row(installation: Installation) -> None:
    complete_unheard(installation, WATER_SAFETY, EMMA)
    first = installation.deliver(*recorded())
    again = installation.deliver(*recorded())

    assert (202, 200) == (first.status_code, again.status_code)
    assert first.json()["delivery"] == again.json()["delivery"]
    row = eventually(lambda: issued(installation, WATER_SAFETY, EMMA), within=WITHIN)
    assert "generated" == row["state"]
    assert REFERENCE.fullmatch(row["reference_id"])
    cell = installation.feedback(WATER_SAFETY, EMMA)
    assert re.search(rf">Issued · {row['reference_id']} · <a href=\"{row['link']}\"", cell)
    assert "Emma Johnson" in httpx.get(row["link"], trust_env=False).text
    assert 1 == installation.gradebook(WATER_SAFETY, EMMA)["mails"]


def test_the_file_says_the_name_and_its_code_leads_to_the_verification(
    installation: Installation,
) -> None:
    for learner in (ALI, KHAI):
        installation.control("complete", course=WATER_SAFETY, learner=learner)
    for learner, name in ((ALI, "محمد علي"), (KHAI, "Nguyễn Thị Minh Khai")):
        row = eventually(lambda who=learner: issued(installation, WATER_SAFETY, who), within=WITHIN)
        page = pdf_of(row)[0]
        text = " ".join(page.get_textpage().get_text_range().split())

        assert name in text
        assert row["reference_id"] in text
        [code] = zxingcpp.read_barcodes(page.render(scale=3).to_pil())
        told = httpx.get(code.text, trust_env=False)
        assert 200 == told.status_code
        assert row["reference_id"] in told.text


def test_a_completion_told_twice_by_moodle_is_one_certificate(installation: Installation) -> None:
    installation.control("complete", course=LIFESAVING, learner=SEAN)
    row = eventually(lambda: issued(installation, LIFESAVING, SEAN), within=WITHIN)
    deliveries = len(installation.told("deliveries", *ALL))

    # "Unlock completion" fires the event again: a new objectid, a new time, the old completion.
    installation.control("unlock", course=LIFESAVING)

    eventually(
        lambda: len(installation.told("deliveries", *ALL)) > deliveries,
        within=WITHIN,
        every=LOOK_S,
    )
    eventually(lambda: _same(installation, LIFESAVING, SEAN), within=WITHIN, every=LOOK_S)
    title = "Certificate of Completion: Lifesaving II"
    found = installation.vault(applicant_email="sean.oconnor@students.example.test")
    assert [row["reference_id"]] == [
        c["reference_id"] for c in found if c["certificate_title"] == title
    ]
    assert 1 == installation.gradebook(LIFESAVING, SEAN)["mails"]


def _same(installation: Installation, course: int, learner: int) -> bool:
    return any(
        row["state"] == "same"
        for row in installation.told("completions", *ALL)
        if (row["course_id"], row["learner_id"]) == (str(course), str(learner))
    )


def test_a_worker_killed_between_answer_and_commit_issues_once(installation: Installation) -> None:
    held = Held()
    installation.proxy.behave(held, on=b"POST /business/certificate-vault", times=1)
    installation.control("complete", course=WATER_SAFETY, learner=JOSE)

    # The vault has done it; the worker that asked has not heard, and never will.
    assert held.answered.wait(WITHIN)
    installation.kill("worker-issue")
    held.given_up.set()
    installation.start("worker-issue")

    row = eventually(lambda: issued(installation, WATER_SAFETY, JOSE), within=WITHIN)
    found = installation.vault(applicant_email="jose.nunez@students.example.test")
    assert [row["reference_id"]] == [c["reference_id"] for c in found]
    shown = installation.run("vaultbridge", "show", row["id"])
    assert "upload: nobody saw the answer" in shown
    assert "adopted from the vault" in shown


@pytest.mark.parametrize("name", ["worker-normalise", "worker-follow", "worker-write-back"])
def test_a_killed_process_costs_time_and_nothing_else(
    installation: Installation, name: str
) -> None:
    learner = {"worker-normalise": 4, "worker-follow": 5, "worker-write-back": 8}[name]
    installation.control("complete", course=WATER_SAFETY, learner=learner)
    installation.kill(name)
    installation.start(name)

    row = eventually(lambda: issued(installation, WATER_SAFETY, learner), within=WITHIN)
    found = installation.vault(search=row["reference_id"])
    assert [row["reference_id"]] == [c["reference_id"] for c in found]


def test_a_course_without_a_place_is_certified_and_the_gradebook_told_later(
    installation: Installation,
) -> None:
    installation.control("complete", course=FIRST_AID, learner=ZOE)
    waiting = eventually(
        lambda: _waiting(installation, FIRST_AID, ZOE), within=WITHIN, every=LOOK_S
    )

    assert "generated" == waiting["state"]
    assert "vaultbridge site courses" in waiting["remedy"]
    [course] = installation.told("site", "courses", "moodle-main", "--course", str(FIRST_AID))
    assert (str(FIRST_AID), 1) == (course["course"], course["waiting"])

    installation.run("vaultbridge", "site", "courses", "moodle-main", "--create")

    row = eventually(lambda: issued(installation, FIRST_AID, ZOE), within=WITHIN)
    assert row["reference_id"] in installation.feedback(FIRST_AID, ZOE)


def _waiting(installation: Installation, course: int, learner: int) -> dict[str, Any] | None:
    for row in installation.told("issuances", *ALL):
        if (row["course_id"], row["learner_id"]) == (str(course), str(learner)):
            return row if row["written_back"] == "waiting" else None
    return None


def test_a_misspelt_name_is_corrected_at_our_own_vault(installation: Installation) -> None:
    installation.control("complete", course=WATER_SAFETY, learner=ZOE)
    old = eventually(lambda: issued(installation, WATER_SAFETY, ZOE), within=WITHIN)
    asked = ("--full-name", "Zoë Right", "--reason", "The name was misspelt.", "--as", "alice")
    told = json.loads(
        installation.run("vaultbridge", "correct", old["id"], *asked, "--yes", "--json")
    )
    assert 1 == told["replaced"], told
    (new,) = (each["replaced_by"] for each in told["rows"])

    def corrected() -> dict[str, Any] | None:
        row = next(row for row in installation.told("issuances", *ALL) if row["id"] == new)
        (last,) = installation.told("corrections", "--limit", "1")
        there = row["state"] == "generated" and row["written_back"] == "read_back"
        return row if there and last["revoked"] == 1 else None

    row = eventually(corrected, within=WITHIN, every=LOOK_S)
    verify = httpx.get(old["verification_url"], trust_env=False).text
    assert "The name was misspelt." in verify
    assert eventually(lambda: _names(old["verification_url"], row["reference_id"]), within=WITHIN)
    page = httpx.get(old["link"], trust_env=False).text
    assert "Zoë Right" in page
    assert row["reference_id"] in page
    paper = pdf_of({"download": f"{old['link']}/certificate.pdf"})[0]
    assert "Zoë Right" in paper.get_textpage().get_text_range()
    cell = installation.feedback(WATER_SAFETY, ZOE)
    newer, older = (cell.index(each["reference_id"]) for each in (row, old))
    assert newer < cell.index("Replaced") < older
    # One of the certificate and one of the correction, both by Moodle of what was written.
    assert 2 == installation.gradebook(WATER_SAFETY, ZOE)["mails"]


def _names(url: str, reference: str) -> bool:
    """Whether the verification page names what has replaced the certificate."""
    return reference in httpx.get(url, trust_env=False).text
