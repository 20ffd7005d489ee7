"""mod_customcert: the certificates that Moodle itself makes, one for each learner who opened it.

Parameters and answers as in version 4.4.11 and its source up to 5.2; see also the recorded call.
"""

from __future__ import annotations

import base64
import io
import sqlite3
from typing import Any

import pikepdf

from campus.functions.lookup import course_row
from campus.moodle import Moodle

MODULE = "customcert"
MOST = 500
#: Where its ids begin, apart from those of assignments.
FIRST_CMID, FIRST_CONTEXT = 1000, 2000
A4 = (595, 842)  #: in points


def add_it(moodle: Moodle, course: int, name: str = "Custom certificate") -> int:
    """A teacher adds the activity to a course; its number."""
    return moodle.state.write("insert into customcert (course, name) values (?, ?)", course, name)


def open_it(moodle: Moodle, customcert: int, person: int) -> None:
    """A learner opens the activity: from then on there is a certificate."""
    moodle.state.write(
        "insert or ignore into customcert_issue (customcert, person, code, created)"
        " values (?, ?, ?, ?)",
        *(customcert, person, f"code{customcert}x{person}", moodle.time()),
    )


def get_contents(moodle: Moodle, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The course's sections with their modules: here one section, and custom certificates alone."""
    course = course_row(moodle, params["courseid"])
    wanted = {option["name"]: option["value"] for option in params["options"]}.get("modname")
    rows = moodle.state.rows("select * from customcert where course = ? order by id", course["id"])
    return [
        {
            "id": course["id"],
            "name": "General",
            "visible": 1,
            "summary": "",
            "summaryformat": 1,
            "section": 0,
            "hiddenbynumsections": 0,
            "uservisible": True,
            "modules": [_module(moodle, row) for row in rows if wanted in (None, MODULE)],
        }
    ]


def _module(moodle: Moodle, row: sqlite3.Row) -> dict[str, Any]:
    cmid = FIRST_CMID + row["id"]
    return {
        "id": cmid,
        "url": f"{moodle.settings.wwwroot}/mod/{MODULE}/view.php?id={cmid}",
        "name": row["name"],
        "instance": row["id"],
        "contextid": FIRST_CONTEXT + row["id"],
        "visible": 1,
        "uservisible": True,
        "modname": MODULE,
        "modplural": "Custom certificates",
    }


def list_issues(moodle: Moodle, params: dict[str, Any]) -> list[dict[str, Any]]:
    """The certificates issued, newest first; each PDF is made anew."""
    rows = moodle.state.rows(
        "select i.*, p.firstname || ' ' || p.lastname as fullname, p.username, p.email, c.name"
        " from customcert_issue i join person p on p.id = i.person"
        " join customcert c on c.id = i.customcert"
        " where (?1 = 0 or i.person = ?1) and (?2 = 0 or i.customcert = ?2) and i.created >= ?3"
        " order by i.created desc, i.id desc limit ?4 offset ?5",
        *(params["userid"], params["customcertid"], params["timecreatedfrom"]),
        *(max(1, min(MOST, params["limit"])), max(0, params["offset"])),
    )
    return [_issue(row, with_pdf=params["includepdf"]) for row in rows]


def _issue(row: sqlite3.Row, *, with_pdf: bool) -> dict[str, Any]:
    return {
        "issue": {
            "id": row["id"],
            "customcertid": row["customcert"],
            "code": row["code"],
            "emailed": False,
            "timecreated": row["created"],
        },
        "user": {name: row[name] for name in ("fullname", "username", "email")}
        | {"id": row["person"]},
        "template": {
            "id": row["customcert"],
            "name": row["name"],
            "contextid": FIRST_CONTEXT + row["customcert"],
        },
        "pdf": {
            "name": f"{row['name'].lower().replace(' ', '_')}_certificate.pdf",
            "content": base64.b64encode(made_anew()).decode(),
            "haspdf": True,
        }
        if with_pdf
        else {"haspdf": False},
    }


def made_anew() -> bytes:
    """The PDF: never the same bytes twice."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=A4)
        made = io.BytesIO()
        pdf.save(made)  # with an ID of its own each time, as Moodle's differ by their date
    return made.getvalue()
