"""Who signs: a template's list of people, each with the days they are in office.

    - {name: Prof. Layla Haddad, role: Dean, image: haddad.png, from: 2024-09-01, until: 2026-08-31}

Only the name is needed; both days are within the time. Of the issue date those in office are
printed, in the list's order: at most three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bridge.certificates import pictures
from bridge.certificates.page import RenderError
from bridge.certificates.pictures import Picture

MOST = 3
_KEYS = ("name", "role", "image", "from", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """One who signs a page."""

    name: str | None
    role: str | None = None
    image: Picture | None = None


def advice(value: object, files: Mapping[str, bytes]) -> str | None:
    """What to give instead of this list; None where it fits."""
    if not isinstance(value, list):
        return "Give a list: - {name: …, role: …, image: …, from: 2026-09-01, until: 2027-08-31}."
    said = (_advice(number, each, files) for number, each in enumerate(value, start=1))
    return next((each for each in said if each), None) or _crowd(value)


def in_office(people: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    """Those of a list who sign on a day."""
    return [
        each for each in people if each.get("from", date.min) <= day <= each.get("until", date.max)
    ]


def signing(people: list[dict[str, Any]], day: date, files: Mapping[str, bytes]) -> list[Signatory]:
    """Who of a template's list signs on a day. Raises RenderError where nobody is in office."""
    chosen = in_office(people, day)
    if people and not chosen:
        raise RenderError(
            f"No signatory of the template is in office on {day}.",
            remedy="Add who is, or mend from and until in its template.yaml, then replay.",
            field="signatories",
        )
    return [
        Signatory(
            name=each["name"],
            role=each.get("role"),
            image=pictures.named(each.get("image", ""), files),
        )
        for each in chosen
    ]


def _advice(number: int, each: object, files: Mapping[str, bytes]) -> str | None:
    """What is wrong with one of the list."""
    which = f"Signatory {number}:"
    if not isinstance(each, dict):
        return f"{which} write {{name: …, role: …}}."
    if unknown := [str(key) for key in each if key not in _KEYS]:
        return f"{which} {unknown[0]} is not known; there are: {', '.join(_KEYS)}."
    if not isinstance(each.get("name"), str) or not each["name"].strip():
        return f"{which} give the name."
    if not isinstance(each.get("role", ""), str):
        return f"{which} give the role as a text."
    if any(type(each.get(key, date.min)) is not date for key in ("from", "until")):
        return f"{which} write from and until as 2026-09-01."
    if each.get("from", date.min) > each.get("until", date.max):
        return f"{which} until is before from."
    said = pictures.advice(each["image"], files) if each.get("image") else None
    return f"{which} {said}" if said else None


def _crowd(people: list[dict[str, Any]]) -> str | None:
    # So many as on no other day are in office on one on which somebody begins.
    for day in sorted({each.get("from", date.min) for each in people}):
        if len(in_office(people, day)) > MOST:
            return (
                f"At most {MOST} can sign, and {len(in_office(people, day))} are in office at once."
            )
    return None
