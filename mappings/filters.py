"""The filters an expression may use: a closed set, each with its cost and its example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings import filter_functions as functions
from mappings.locales import language_problem, page_language_problem, style_problem, zone_problem

Check = Callable[[str], "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter; ``checks`` look at arguments that are written out, when the document is read."""

    name: str
    apply: Callable[..., object]
    arguments: tuple[str, ...] = ()  #: what each is, as an error text calls it
    optional: int = 0  #: how many of the last arguments may be left out
    checks: tuple[Check, ...] = ()
    cost: int = 1  #: steps, see ``limits``
    example: str
    result: str  #: of the example, for the completion in docs/mappings.md


def _any_text(_text: str) -> str | None:
    return None


_ALL = (
    Filter(
        name="default",
        apply=functions.default,
        arguments=("what to take instead",),
        example="{{ learner.custom.diploma_name | default: learner.full_name }}",
        result="Amina Al Hashimi",
    ),
    Filter(
        name="local_date",
        apply=functions.local_date,
        arguments=("a time zone",),
        checks=(zone_problem,),
        cost=10,
        example="{{ completed_at | local_date: 'Asia/Dubai' }}",
        result="2026-05-18",
    ),
    Filter(
        name="format_date",
        apply=functions.format_date,
        arguments=("a language", "a date style"),
        optional=1,
        checks=(language_problem, style_problem),
        cost=100,
        example="{{ completed_at | local_date: 'Asia/Dubai' | format_date: 'fr' }}",
        result="18 mai 2026",
    ),
    Filter(
        name="page_language",
        apply=functions.page_language,
        arguments=("a language that pages are printed in",),
        checks=(page_language_problem,),
        cost=10,
        example="{{ course.language | page_language: 'en' }}",
        result="ar",
    ),
    Filter(
        name="round",
        apply=functions.rounded,
        arguments=("how many digits",),
        optional=1,
        example="{{ grade.percent | round }}",
        result="88",
    ),
    Filter(
        name="upcase",
        apply=functions.upcased,
        example="{{ learner.family_name | upcase }}",
        result="AL HASHIMI",
    ),
    Filter(
        name="downcase",
        apply=functions.downcased,
        example="{{ learner.email | downcase }}",
        result="amina@example.edu",
    ),
    Filter(
        name="capitalize",
        apply=functions.capitalized,
        example="{{ role | capitalize }}",
        result="Student",
    ),
    Filter(
        name="name_case",
        apply=functions.name_cased,
        arguments=("a language",),
        optional=1,
        checks=(language_problem,),
        cost=500,
        example="{{ learner.family_name | upcase | name_case }}",
        result="Al Hashimi",
    ),
    Filter(
        name="given_first",
        apply=functions.given_first,
        cost=10,
        example="{{ 'Al Hashimi, Amina' | given_first }}",
        result="Amina Al Hashimi",
    ),
    Filter(
        name="with_family",
        apply=functions.with_family,
        arguments=("a family name", "a language"),
        optional=1,
        checks=(_any_text, language_problem),
        cost=500,
        example="{{ learner.given_name | with_family: learner.family_name }}",
        result="Amina Al Hashimi",
    ),
    Filter(
        name="strip",
        apply=functions.stripped,
        example="{{ course.title | remove: 'Introduction to' | strip }}",
        result="Biology",
    ),
    Filter(
        name="append",
        apply=functions.appended,
        arguments=("a text",),
        example="{{ grade.percent | append: ' %' }}",
        result="87.5 %",
    ),
    Filter(
        name="prepend",
        apply=functions.prepended,
        arguments=("a text",),
        example="{{ course.code | prepend: 'Course ' }}",
        result="Course BIO-101",
    ),
    Filter(
        name="replace",
        apply=functions.replaced,
        arguments=("a text to look for", "a text to put there"),
        example="{{ course.code | replace: '-', ' ' }}",
        result="BIO 101",
    ),
    Filter(
        name="remove",
        apply=functions.replaced,
        arguments=("a text to look for",),
        example="{{ course.code | remove: 'BIO-' }}",
        result="101",
    ),
    Filter(
        name="truncate",
        apply=functions.truncated,
        arguments=("a length",),
        example="{{ course.title | truncate: 13 }}",
        result="Introduction…",
    ),
    Filter(
        name="split",
        apply=functions.split,
        arguments=("a separator",),
        example="{{ course.code | split: '-' | first }}",
        result="BIO",
    ),
    Filter(
        name="join",
        apply=functions.joined,
        arguments=("a separator",),
        example="{{ cohorts | join: ', ' }}",
        result="nurses-2026, night-shift",
    ),
    Filter(
        name="first",
        apply=functions.end(0),
        example="{{ cohorts | first }}",
        result="nurses-2026",
    ),
    Filter(
        name="last",
        apply=functions.end(-1),
        example="{{ cohorts | last }}",
        result="night-shift",
    ),
    Filter(
        name="size",
        apply=functions.size,
        example="{{ cohorts | size }}",
        result="2",
    ),
)

FILTERS = {each.name: each for each in _ALL}
