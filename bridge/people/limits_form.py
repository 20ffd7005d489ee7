"""Limits as people type them into a form: names with spaces between them."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.people.roles import Limits


def limits_of(form: Mapping[str, str]) -> tuple[Limits, list[str]]:
    """The limits, and the courses that are not written as SITE/COURSE, for which there are none."""
    given = {
        kind: frozenset(form.get(kind, "").split()) for kind in ("issuers", "sites", "courses")
    }
    odd = sorted(one for one in given["courses"] if "/" not in one)
    return (Limits() if odd else Limits(**given)), odd
