"""A dossier in words: titled sections of facts and tables, the same on the page and on paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import unescape
from typing import Any

_TAG = re.compile(r"<[^>]*>")
#: Who said in which zone the day is counted.
_SOURCES = {
    "mapping": "the mapping",
    "course": "the course",
    "site": "the site",
    "setting": "BRIDGE_TIMEZONE",
}
#: What stands where nothing is known.
NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a dossier. Values are texts, or moments that the reader's zone may tell."""

    title: str
    facts: Sequence[tuple[str, str | datetime]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str | datetime]] = ()
    empty: str = ""  #: what is said where there is no row


def title(told: Mapping[str, Any]) -> str:
    """Whose certificate it is of, and of what."""
    of = told["certificate"]
    name = of["full_name"] or told["completion"]["learner"]["full_name"] or of["id"]
    return " · ".join(map(_apart, filter(None, [name, of["certificate_title"]])))


def sections(told: Mapping[str, Any]) -> Sequence[Section]:
    """All of a dossier, in the order in which it happened."""
    return [
        _certificate(told["certificate"]),
        _completion(told["completion"]),
        _mapping(told["mapping"]),
        _file(told["file"], told["signatories"]),
        _approvals(told["approvals"]),
        _attempts(told["attempts"]),
        _corrections(told["corrections"]),
        _gradebook(told["gradebook"]),
        _history(told["history"]),
    ]


def _certificate(of: Mapping[str, Any]) -> Section:
    vault, account = of["vault"], of["issuer"]
    return Section(
        title="Certificate",
        facts=_facts(
            ("Reference id", of["reference_id"]),
            ("Number here", of["id"]),
            ("Full name", of["full_name"]),
            ("E-mail address", of["applicant_email"]),
            ("Title", of["certificate_title"]),
            ("Issue date", of["issue_date"]),
            ("Why that day", _dated(of["dated"])),
            ("Valid until", of["expires_on"] or "no end"),
            ("Details", of["details"]),
            ("State", of["state"]),
            ("What is the matter", of["problem"]),
            ("Issued by", f"{account['institution_name']} ({account['name']})"),
            ("Vault", account["vault_url"]),
            ("The vault says", vault["vault_status"]),
            ("Its number there", vault["vault_uuid"]),
            ("Verification", vault["verification_url"]),
            ("The learner’s page", of["learner_page"]),
            ("Made", of["created_at"]),
            ("Confirmed by the vault", of["generated_at"]),
        ),
    )


def _dated(said: Mapping[str, Any] | None) -> str | None:
    if not said:
        return None
    source = _SOURCES.get(str(said.get("source")), str(said.get("source")))
    return f"completed {said.get('instant')}, counted in {said.get('zone')}, as {source} says"


def _completion(of: Mapping[str, Any]) -> Section:
    course, learner, came = of["course"], of["learner"], of["received_as"] or {}
    told = [(f"Told: {name}", _text(value)) for name, value in of["told"].items()]
    return Section(
        title="Proof of completion",
        facts=_facts(
            ("Site", f"{of['site']['name']} ({of['site']['connector']})"),
            ("Course", _called(course["title"], course["code"], course["id"])),
            ("Learner at the LMS", _called(learner["full_name"], None, learner["id"])),
            ("Their number", learner["id_number"]),
            ("Completed", of["completed_at"]),
            ("Noticed", of["noticed_at"]),
            ("Grade", _grade(of["grade"])),
            ("Role", of["role"]),
            *told,
            ("Completion here", of["id"]),
            ("Came by", came.get("id") or of["asked_for"]),
            ("Received", came.get("received_at")),
            ("At", came.get("path")),
            ("SHA-256 of what was sent", came.get("sha256")),
        ),
    )


def _called(name: str | None, code: str | None, row_id: str) -> str:
    return " · ".join(map(_apart, filter(None, [name, code, f"number {row_id}"])))


def _apart(text: str) -> str:
    """A part of a line that keeps its own direction beside the others (UAX #9, 2.4.2)."""
    return f"\u2068{text}\u2069"


def _grade(of: Mapping[str, Any] | None) -> str | None:
    if of is None:
        return None
    parts = [
        of["text"],
        None if of["percent"] is None else f"{of['percent']} %",
        None if of["points"] is None else f"{of['points']} of {of['maximum'] or '?'} points",
    ]
    return ", ".join(filter(None, parts)) or None


def _mapping(of: Mapping[str, Any]) -> Section:
    return Section(
        title="Mapping",
        facts=_facts(("Version", f"{of['name']} v{of['version']}"), ("SHA-256", of["sha256"])),
        columns=("When", "What", "Who", "Why"),
        rows=[_cells(e["at"], e["what"], e["who"], e["detail"]) for e in of["acts"]],
        empty="Who published it was not written down.",
    )


def _file(of: Mapping[str, Any], signing: Sequence[Mapping[str, Any]]) -> Section:
    size = None if of["bytes"] is None else f"{of['bytes']:,} bytes"
    return Section(
        title="File",
        facts=_facts(
            ("SHA-256", of["sha256"]),
            ("Size", size),
            ("Made from", f"{of['from']} {of['template'] or ''}".strip()),
            ("Its name at the LMS", of["name_at_the_lms"]),
            ("SHA-256 of the template", of["template_sha256"]),
            ("Paper", of["paper"]),
            ("Typst", of["typst"]),
            *((f"Signs ({n})", _signs(one)) for n, one in enumerate(signing, start=1)),
            *(
                (f"Parameter {name}", _text(value))
                for name, value in (of["parameters"] or {}).items()
            ),
        ),
        columns=("Kind", "Name", "SHA-256"),
        rows=[
            *(("font", name, digest) for name, digest in of["fonts"].items()),
            *(("picture", name, digest) for name, digest in of["pictures"].items()),
        ],
    )


def _signs(one: Mapping[str, Any]) -> str | None:
    return ", ".join(filter(None, [one.get("name"), one.get("role")])) or None


def _approvals(of: Sequence[Mapping[str, Any]]) -> Section:
    return Section(
        title="Approvals",
        columns=("What", "Asked for", "Why", "Outcome", "Who", "When", "Reason"),
        rows=[
            _cells(
                f"{one['of']} {one['id']}",
                one["asked_by"],
                one["why_asked"],
                one["outcome"],
                one["who"],
                one["at"],
                one["reason"],
            )
            for one in of
        ],
        empty="Nobody had to approve it.",
    )


def _attempts(of: Sequence[Mapping[str, Any]]) -> Section:
    return Section(
        title="Calls to the vault",
        columns=("Sent", "What", "Took", "Outcome", "Status", "Said"),
        rows=[
            _cells(
                one["sent_at"],
                one["operation"],
                None if one["seconds"] is None else f"{one['seconds']:.2f} s",
                one["outcome"],
                one["status_code"],
                one["detail"],
            )
            for one in of
        ],
        empty="Nothing was sent by itself: it went in bulk, was adopted, or has not been sent.",
    )


def _corrections(of: Sequence[Mapping[str, Any]]) -> Section:
    return Section(
        title="Corrections",
        columns=("Certificate", "Name", "State", "Replaced by", "Because", "Who"),
        rows=[
            _cells(
                one["reference_id"] or one["id"],
                one["full_name"],
                one["state"],
                one["replaced_by"],
                one["because"],
                one["who"],
            )
            for one in of
        ],
        empty="It was never corrected, and corrects no other.",
    )


def _gradebook(of: Sequence[Mapping[str, Any]]) -> Section:
    return Section(
        title="Gradebook",
        columns=("Course", "State", "What stands there", "Written", "Seen there", "Trouble"),
        rows=[
            _cells(
                one["course_id"],
                one["state"],
                _without_tags(one["shown"] or one["text"]),
                one["written_at"],
                one["read_back_at"],
                one["problem"],
            )
            for one in of
        ],
        empty="No gradebook tells it.",
    )


def _without_tags(text: str | None) -> str | None:
    return None if text is None else " ".join(unescape(_TAG.sub(" ", text)).split())


def _history(of: Sequence[Mapping[str, Any]]) -> Section:
    return Section(
        title="History",
        columns=("When", "What", "Who", "Detail"),
        rows=[_cells(e["at"], e["what"], e["who"], e["detail"]) for e in of],
        empty="Nothing was written down.",
    )


def _facts(*given: tuple[str, Any]) -> Sequence[tuple[str, str | datetime]]:
    """Those that are known."""
    return [
        (name, value if isinstance(value, datetime) else _text(value))
        for name, value in given
        if value not in (None, "")
    ]


def _cells(*values: Any) -> Sequence[str | datetime]:
    return [value if isinstance(value, datetime) else _text(value) for value in values]


def _text(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(each)}" for name, each in value.items()) or NOTHING
    if isinstance(value, list | tuple):
        return "; ".join(_text(each) for each in value) or NOTHING
    return str(value)
