"""What one certificate page says, and the one error that printing it may end in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

#: Strong bidirectional classes of the Unicode Character Database (UAX #9).
_STRONG = {"L": "ltr", "R": "rtl", "AL": "rtl"}


class RenderError(Exception):
    """The page cannot be printed as it is. Final for this page: ``remedy`` says what to change.

    ``code`` is the word, ``field`` the part of the page, that such failures are grouped by.
    """

    def __init__(
        self, problem: str, *, remedy: str, code: str = "template", field: str | None = None
    ) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.code = code
        self.field = field


class TooSlow(RenderError):
    """The template did not end within the limit; its process was ended and is started anew."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            problem,
            remedy="Look for a loop without end in its template.typ, then replay.",
            code="too_slow",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One certificate to print. Every text is plain text; nothing in it is read as markup."""

    template: str = "classic"  #: name of a template's folder
    language: str = "en"  #: BCP 47, of the fixed texts and the date
    paper: str = "a4"  #: or "us-letter"
    full_name: str
    title: str  #: of the course or the certificate
    details: str | None = None
    issue_date: date
    expires_on: date | None = None  #: the last day it is valid; None: as the template says
    institution_name: str
    logo: bytes | None = field(default=None, repr=False)  #: PNG, JPEG or SVG
    signatory_name: str | None = None
    signatory_role: str | None = None
    #: as the template's template.yaml allows
    parameters: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def texts(self) -> dict[str, str]:
        """Every text that each page has, by what an admin calls it."""
        named = {
            "full name": self.full_name,
            "certificate title": self.title,
            "details": self.details,
            "institution name": self.institution_name,
        }
        return {name: text for name, text in named.items() if text}

    def issuer(self) -> dict[str, str]:
        """What is printed of the issuer in words, by its names in the issuer's settings."""
        named = {
            "institution_name": self.institution_name,
            "signatory_name": self.signatory_name,
            "signatory_role": self.signatory_role,
        }
        return {name: text for name, text in named.items() if text}


def direction(text: str, *, otherwise: str = "ltr") -> str:
    """Return "ltr" or "rtl" by the first strong character (UAX #9, rule P2)."""
    classes = (unicodedata.bidirectional(char) for char in text)
    return next((_STRONG[c] for c in classes if c in _STRONG), otherwise)
