"""Reads a mapping document: a Mapping, or every mistake in it with its line and column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import marshmallow as ma

from connectors.base import Course
from mappings.expressions import Expression
from mappings.locales import page_language_problem
from mappings.locate import KeyPath, Located, read
from mappings.mistakes import DocumentError, Fault, Mistake, did_you_mean
from mappings.model import ANY_SITE, LMS, Mapping
from mappings.schema import MappingBlock
from mappings.ties import tied

#: The parameter by which templates say how long a certificate is valid.
VALIDITY = "validity"
#: Keys of ``certificate`` that say how a page is printed.
PRINTING = frozenset({"template", "paper", "parameters"})

__all__ = ["DocumentError", "Known", "Mapping", "Mistake", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names there are where the document is to be used; None: not looked at."""

    issuers: Collection[str] | None = None
    sites: Collection[str] | None = None
    templates: Collection[str] | None = None
    #: What is wrong with (template, paper); None where it is made for it.
    paper_fault: Callable[[str, str], str | None] | None = None
    #: What is wrong with (template, parameter, value); None where the value fits.
    parameter_fault: Callable[[str, str, object], str | None] | None = None
    taken: Collection[str] = ()  #: what other documents are called that are given with it
    beside: Collection[Mapping] = ()  #: the mappings that are in use
    #: The courses that were completed so far, each with the name of its site.
    courses: Collection[tuple[str, Course]] = ()


def load(text: str, *, known: Known | None = None) -> Mapping:
    """Return the mapping that a YAML document describes.

    Raises DocumentError with all mistakes at once; with ``known``, a name that does not exist
    there is one of them, and so is a language that no page is printed in.
    """
    located = read(text)
    # One that is in use is read all the same: what it would issue is held, and told.
    is_new, known = known is not None, known or Known()
    whole, faults = _loaded(located.data)
    mistakes = [
        *located.mistakes,
        *(
            located.mistake(path, fault.problem, offset=fault.offset, on_key=fault.on_key)
            for path, fault in faults
            if not _told(located, path)
        ),
        *_unknown_names(located, known),
        *_taken_name(located, whole, known),
        *_validity_twice(located, whole),
        *_in_vain(located, whole),
        *(_unprinted(located, whole) if is_new else ()),
        *_paper_fault(located, whole, known),
        *_parameter_faults(located, whole, known),
        *_clashes(located, whole, known),
    ]
    if mistakes or not isinstance(whole, Mapping):
        raise DocumentError(mistakes)
    return whole


def _loaded(data: Any) -> tuple[Any, Sequence[tuple[KeyPath, Fault]]]:
    """The mapping; or those of its parts that are right, and the faults of the others."""
    try:
        return MappingBlock().load(data), ()
    except ma.ValidationError as exc:
        return exc.valid_data, tuple(_faults(exc.messages))


def _part(whole: Any, *path: str) -> Any:
    """What a part of a document was read as; None where it is wrong or left out."""
    for name in path:
        # A group with a mistake in it stays a dict of what is right in it.
        whole = whole.get(name) if isinstance(whole, dict) else getattr(whole, name, None)
    return whole


def _faults(messages: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Fault]]:
    if isinstance(messages, Fault):
        yield path, messages
    elif isinstance(messages, dict):
        for key, inner in messages.items():
            yield from _faults(inner, (*path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield from _faults(message, path)
    else:
        yield path, Fault(problem=str(messages))


def _told(located: Located, path: KeyPath) -> bool:
    # What YAML already could not read is not to be told a second time in other words.
    return any(path[: len(known)] == known for known in located.unreadable)


#: What of a mapping decides whether it may tie with another.
_REACH = (("kind",), ("priority",), ("sites",), ("match", "courses"), ("match", "categories"))


def _clashes(located: Located, whole: Any, known: Known) -> Iterator[Mistake]:
    name = _part(whole, "name")
    kind, priority, sites, courses, categories = reach = [_part(whole, *path) for path in _REACH]
    if name is None or None in reach:
        return
    rivals: dict[str, list[str]] = {}
    for other in known.beside:
        match = replace(other.match, courses=courses, categories=categories)
        mine = replace(other, kind=kind, priority=priority, sites=sites, match=match)
        if other.name != name and (reason := tied(mine, other, known.courses)):
            rivals.setdefault(reason, []).append(other.name)
    for reason, names in rivals.items():
        problem = (
            f"{priority} is that of {', '.join(sorted(names))}, too, and {reason}; "
            "give the one that is to have it a higher priority, or another kind if both are to "
            "issue"
        )
        yield located.mistake(("priority",), problem)


def _unknown_names(located: Located, known: Known) -> Iterator[Mistake]:
    data = located.data
    certificate = data.get("certificate")
    template = certificate.get("template") if isinstance(certificate, dict) else None
    yield from _unknown(located, ("issuer",), data.get("issuer"), known.issuers)
    yield from _unknown(located, ("certificate", "template"), template, known.templates)
    sites = data.get("site")
    if not isinstance(sites, list):
        yield from _unknown(located, ("site",), sites, known.sites)
        return
    for index, site in enumerate(sites):
        yield from _unknown(located, ("site", index), site, known.sites)


def _taken_name(located: Located, whole: Any, known: Known) -> Iterator[Mistake]:
    if _part(whole, "name") in known.taken:
        problem = "is that of another of these documents, too: give one of them another name"
        yield located.mistake(("name",), problem)


def _validity_twice(located: Located, whole: Any) -> Iterator[Mistake]:
    valid_for = _part(whole, "valid_for")
    if valid_for is not None and VALIDITY in (_part(whole, "certificate", "parameters") or ()):
        problem = f"valid_for says it already, {valid_for}: take one of them away"
        yield located.mistake(("certificate", "parameters", VALIDITY), problem)


def _in_vain(located: Located, whole: Any) -> Iterator[Mistake]:
    if _part(whole, "certificate", "source") != LMS:
        return
    for key in sorted(PRINTING & located.data["certificate"].keys()):
        problem = "says how a page is printed; with from: lms none is, so leave it out"
        yield located.mistake(("certificate", key), problem, on_key=True)


def _unprinted(located: Located, whole: Any) -> Iterator[Mistake]:
    language = _part(whole, "certificate", "language", "source")
    if language is None or "{" in language or _part(whole, "certificate", "source") == LMS:
        return
    if problem := page_language_problem(language):
        yield located.mistake(("certificate", "language"), problem)


def _paper_fault(located: Located, whole: Any, known: Known) -> Iterator[Mistake]:
    keys = ("source", "template", "paper")
    source, template, paper = (_part(whole, "certificate", key) for key in keys)
    asked = source != LMS and paper is not None and template in (known.templates or ())
    if known.paper_fault is None or not asked:
        return
    if said := known.paper_fault(template, paper):
        yield located.mistake(("certificate", "paper"), said)


def _parameter_faults(located: Located, whole: Any, known: Known) -> Iterator[Mistake]:
    template = _part(whole, "certificate", "template")
    if known.parameter_fault is None or template not in (known.templates or ()):
        return
    for name, value in (_part(whole, "certificate", "parameters") or {}).items():
        written = value.source if isinstance(value, Expression) else value
        if said := known.parameter_fault(template, name, written):
            yield located.mistake(("certificate", "parameters", name), said)


def _unknown(
    located: Located, path: KeyPath, name: Any, known: Collection[str] | None
) -> Iterator[Mistake]:
    if known is None or not isinstance(name, str) or name in known or name == ANY_SITE:
        return
    there = f"there are: {', '.join(sorted(known))}" if known else "there is none yet"
    yield located.mistake(path, f'there is no "{name}"{did_you_mean(name, known)}; {there}')
