"""What an institution says of itself, checked: its name, e-mail, phone number, language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from runtime.translations import LANGUAGES
from vault.emails import is_email

LONGEST_NAME = 255
LONGEST_PHONE = 64


class InstitutionProblem(ValueError):
    """Something cannot be said of an institution; the text says what can."""


def checked(said: Mapping[str, str | None]) -> dict[str, str | None]:
    """The values of ``name``, ``email``, ``phone_number`` and ``language`` that were said.

    None means that nothing was said; an empty e-mail or phone number becomes None, which takes it
    away. Raises InstitutionProblem.
    """
    given = {field: value.strip() for field, value in said.items() if value is not None}
    return {field: CHECKS[field](value) for field, value in given.items()}


def name_of(text: str) -> str:
    """A name: one line that can be read. Raises InstitutionProblem."""
    text = text.strip()
    if not text:
        raise InstitutionProblem("The name is empty. Give the institution's name.")
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise InstitutionProblem(
            f"The name is no line of at most {LONGEST_NAME} characters. "
            "Leave out tabs and line breaks."
        )
    return text


def _email(text: str) -> str | None:
    if text and not is_email(text):
        raise InstitutionProblem(f"{text!r} is no e-mail address. Give one: name@example.org")
    return text or None


def _phone_number(text: str) -> str | None:
    if len(text) > LONGEST_PHONE or not text.isprintable():
        raise InstitutionProblem(
            f"{text!r} is no phone number of at most {LONGEST_PHONE} characters. "
            "Give one: +971 4 123 4567"
        )
    return text or None


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise InstitutionProblem(f"{text!r} is none of our languages: {', '.join(LANGUAGES)}.")
    return text


CHECKS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {"name": name_of, "email": _email, "phone_number": _phone_number, "language": _language}
)
