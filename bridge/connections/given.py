"""What people give when they add or change a site or an issuer, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bridge.addresses import problem_with, shown
from mappings.locales import zone_problem

#: A name stands in the hook's address, and in mapping documents.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "letters, digits, hyphens, dots and underscores, at most 64"


class Unfit(Exception):
    """What was given cannot be used: ``mistakes`` tells what is wrong, by the name of the part.

    A connector's setting goes by ``settings.NAME``: see `setting`.
    """

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{part}: {said}" for part, said in mistakes.items()))
        self.mistakes = mistakes


def setting(name: str) -> str:
    """What a mistake in a connector's setting goes by."""
    return f"settings.{name}"


def problem_with_name(name: str) -> str | None:
    """Why no site or issuer can be called so; None if one can."""
    return None if _NAME.fullmatch(name) else f"{name!r} is not a name of {NAME_RULE}"


def mistakes_in(
    *,
    name: str | None = None,
    timezone: str | None = None,
    owners: Sequence[str] | None = None,
) -> dict[str, str]:
    """What is wrong with what sites and issuers have in common; None: it was not given."""
    problems = {
        "name": None if name is None else problem_with_name(name),
        "timezone": zone_problem(timezone) if timezone else None,
        "owners": next(filter(None, map(problem_with, owners or ())), None),
    }
    return {part: said for part, said in problems.items() if said is not None}


def told_owners(owners: Sequence[str]) -> str:
    """What the history says of who is told now."""
    return f"owners: {', '.join(map(shown, owners)) or 'nobody'}"
