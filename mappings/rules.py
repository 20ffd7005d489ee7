"""What each field of an entry must be, and what to do where a completion does not give it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from mappings import doubts, texts
from mappings.entry import DETAILS_LIMIT, TEXT_LIMIT
from mappings.expressions import Expression
from mappings.locales import language_problem, page_language_problem
from mappings.model import TEMPLATE, Mapping

#: The remedy for whatever an expression itself does wrong.
MEND_MAPPING = "Correct it in the mapping, then replay the completion."
ANOTHER_LANGUAGE = (
    "Say in the mapping which language is taken instead, e.g. "
    "{{ learner.language | page_language: 'en' }}, then replay."
)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Unfit(Exception):
    """A value is not what its field needs."""

    def __init__(self, problem: str, remedy: str, *, code: str = "invalid") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One field: where its expression stands, and how its text becomes its value."""

    name: str  #: attribute of Entry
    field: str  #: key in the document
    expression: Callable[[Mapping], Expression]
    clean: Callable[[str], str]
    read: Callable[[str], Any]  #: raises Unfit
    #: Raises Unfit for what may be right and is held all the same.
    doubt: Callable[[Mapping, str], None] = lambda mapping, text: None


def _required(remedy: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text:
            raise Unfit("is empty", remedy, code="missing")
        if len(text) > TEXT_LIMIT:
            raise Unfit(
                f"is {len(text)} characters long; the vault takes {TEXT_LIMIT}",
                "Shorten it in the LMS, or with | truncate: 255 in the mapping, then replay.",
                code="too_long",
            )
        return text

    return read


_filled_email = _required(
    "Complete the learner's e-mail address in the LMS, or name another source in the mapping, "
    "then replay."
)


def _doubt_name(mapping: Mapping, text: str) -> None:
    hold = mapping.hold
    problem = doubts.name_doubt(text, kinds=hold.names, placeholders=hold.placeholders)
    if problem:
        raise Unfit(
            f'"{text[:80]}" {problem}',
            "Correct the name in the LMS, or mend it in the mapping (| name_case); if it is right, "
            "allow it under hold in the mapping. Then replay.",
            code="doubtful",
        )


def _doubt_address(mapping: Mapping, text: str) -> None:
    problem = doubts.address_doubt(text, dead=mapping.hold.addresses)
    if problem:
        raise Unfit(
            f'"{text}" {problem}',
            "Correct the address in the LMS; if it is right, allow it under hold in the mapping. "
            "Then replay.",
            code="doubtful",
        )


def _email(text: str) -> str:
    if doubts.is_digest(_filled_email(text)):
        raise Unfit(
            f'"{text}" is what an LMS leaves of a deleted account',
            "If the account was deleted by mistake, restore it in the LMS, then replay.",
        )
    problem = texts.address_problem(text)
    if problem:
        raise Unfit(f'"{text}" {problem}', "Correct the address in the LMS, then replay.")
    return text


def _issue_date(text: str) -> date:
    if not text:
        raise Unfit(
            "is empty: the LMS did not say when the course was completed",
            "If the day we heard of it will do, write in the mapping "
            "{{ completed_at | default: noticed_at | local_date: timezone }}, then replay.",
            code="missing",
        )
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Unfit(f'"{text[:40]}" is no date like 2026-05-17', MEND_MAPPING)


def _details(text: str) -> str:
    if len(text) > DETAILS_LIMIT:
        raise Unfit(
            f"is {len(text)} characters long; the vault takes {DETAILS_LIMIT}",
            f"Shorten it, e.g. with | truncate: {DETAILS_LIMIT} in the mapping, then replay.",
            code="too_long",
        )
    return text


def _language(text: str) -> str:
    problem = language_problem(text) if text else "is empty"
    if problem:
        raise Unfit(problem, ANOTHER_LANGUAGE, code="invalid" if text else "missing")
    return text.replace("_", "-")


def _refuse_unprinted(mapping: Mapping, text: str) -> None:
    problem = page_language_problem(text)
    if problem and mapping.certificate.source == TEMPLATE:
        raise Unfit(problem, ANOTHER_LANGUAGE)


def parameter_rule(name: str, expression: Expression) -> Rule:
    """A parameter of the template in which expressions stand; it may come out empty."""
    return Rule(
        name=name,
        field=f"certificate.parameters.{name}",
        expression=lambda mapping: expression,
        clean=texts.block,
        read=str,
    )


RULES: tuple[Rule, ...] = (
    Rule(
        name="certificate_title",
        field="entry.certificate_title",
        expression=lambda mapping: mapping.entry.certificate_title,
        clean=texts.line,
        read=_required("Give the course a title in the LMS, or write one here, then replay."),
    ),
    Rule(
        name="full_name",
        field="entry.full_name",
        expression=lambda mapping: mapping.entry.full_name,
        clean=texts.line,
        read=_required(
            "Complete the learner's name in the LMS, or name another source in the mapping, "
            "then replay."
        ),
        doubt=_doubt_name,
    ),
    Rule(
        name="applicant_email",
        field="entry.applicant_email",
        expression=lambda mapping: mapping.entry.applicant_email,
        clean=texts.address,
        read=_email,
        doubt=_doubt_address,
    ),
    Rule(
        name="issue_date",
        field="entry.issue_date",
        expression=lambda mapping: mapping.entry.issue_date,
        clean=texts.line,
        read=_issue_date,
    ),
    Rule(
        name="details",
        field="entry.details",
        expression=lambda mapping: mapping.entry.details,
        clean=texts.block,
        read=_details,
    ),
    Rule(
        name="language",
        field="certificate.language",
        expression=lambda mapping: mapping.certificate.language,
        clean=texts.line,
        read=_language,
        doubt=_refuse_unprinted,
    ),
)
