"""The certificate files that Moodle's activity *Custom certificate* (mod_customcert) makes.

An issue, and so a file, comes to be when the learner first opens the activity, or when the plugin
mails it; before, there is none. The file is made anew with each call: its bytes differ.
"""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Iterator

from connectors.base import CertificateFile, Completion, Malformed, Problem
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Kind, Refusal, problem_of
from connectors.wild import Wild

CONTENTS = "core_course_get_contents"
ISSUES = "mod_customcert_list_issues"
MODULE = "customcert"
#: In place of an activity's name: the one there is.
ANY = "*"


def certificate_file(
    client: MoodleClient, name: str, completion: Completion
) -> CertificateFile | Problem | None:
    """As Connector.certificate_file; ``name`` is the activity's, or `ANY`."""
    try:
        found = list(_activities(client, completion.course.id, name))
        if len(found) != 1:
            return _not_one(found, name, completion.course.id)
        [activity] = found
        return _file(client, activity["instance"].identifier(), completion.learner.id)
    except Refusal as refusal:
        if refusal.kind is not Kind.ONE:
            raise
        return problem_of(refusal)


def look(client: MoodleClient) -> None:
    """Ask for one issue without its file; raises as a call does."""
    client.call(ISSUES, limit=1)


def _activities(client: MoodleClient, course_id: str, name: str) -> Iterator[Wild]:
    options = [{"name": "modname", "value": MODULE}]
    for section in client.call(CONTENTS, courseid=course_id, options=options).items():
        for module in section["modules"].items():
            if module["modname"].text() == MODULE and name in (ANY, _name(module)):
                yield module


def _name(module: Wild) -> str:
    return html.unescape(module["name"].text())


def _not_one(found: list[Wild], name: str, course_id: str) -> Problem:
    called = "" if name == ANY else f' called "{name}"'
    if not found:
        return Problem(
            problem=f"Course {course_id} has no custom certificate{called}.",
            remedy="Add the activity Custom certificate to the course, or correct the site's "
            "customcert_name; then replay.",
            code="no_certificate_activity",
        )
    names = ", ".join(f'"{_name(module)}"' for module in found)
    return Problem(
        problem=f"Course {course_id} has {len(found)} custom certificates{called}: {names}.",
        remedy="Name the one that counts in the site's customcert_name, or rename the others; "
        "then replay.",
        code="several_certificate_activities",
    )


def _file(
    client: MoodleClient, activity_id: str, learner_id: str
) -> CertificateFile | Problem | None:
    issues = client.call(
        ISSUES, customcertid=activity_id, userid=learner_id, includepdf=True, limit=1
    )
    for issue in issues.items():
        pdf = issue["pdf"]
        if issue["user"]["id"].identifier() != learner_id:
            raise Malformed(issue.path, "is the certificate of somebody who was not asked about")
        if not pdf["haspdf"].boolean():
            return Problem(
                problem="Moodle could not make the PDF of this custom certificate.",
                remedy="Open the certificate in Moodle as a teacher and mend its template; then "
                "replay.",
                code="no_pdf",
            )
        return CertificateFile(content=_decoded(pdf["content"]), name=pdf["name"].text())
    return None


def _decoded(content: Wild) -> bytes:
    try:
        return base64.b64decode(content.text(), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Malformed(content.path, "is not base64") from exc
