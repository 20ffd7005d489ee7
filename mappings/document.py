"""Reads a mapping document: a Mapping, or every mistake in it with its line and column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

import marshmallow as ma

from mappings.locales import page_language_problem
from mappings.locate import KeyPath, Located, read
from mappings.mistakes import DocumentError, Fault, Mistake, did_you_mean
from mappings.model import ANY_SITE, LMS, Mapping
from mappings.schema import MappingBlock
from mappings.ties import tie

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
    #: What is wrong with (template, parameter, value); None where the value fits.
    parameter_fault: Callable[[str, str, object], str | None] | None = None
    beside: Collection[Mapping] = ()  #: the mappings that are in use


def load(text: str, *, known: Known | None = None) -> Mapping:
    """Return the mapping that a YAML document describes.

    Raises DocumentError with all mistakes at once; with ``known``, a name that does not exist
    there is one of them, and so is a language that no page is printed in.
    """
    located = read(text)
    mapping: Mapping | None = None
    mistakes = list(located.mistakes)
    try:
        mapping = cast(Mapping, MappingBlock().load(located.data))
    except ma.ValidationError as exc:
        mistakes += [
            located.mistake(path, fault.problem, offset=fault.offset, on_key=fault.on_key)
            for path, fault in _faults(exc.messages)
            if not _told(located, path)
        ]
    # One that is in use is read all the same: what it would issue is held, and told.
    if mapping is not None and known is not None:
        mistakes += _unprinted(located, mapping)
    known = known or Known()
    mistakes += _unknown_names(located, known)
    if mapping is not None:
        mistakes += _validity_twice(located, mapping)
        mistakes += _in_vain(located, mapping)
        mistakes += _parameter_faults(located, mapping, known)
        mistakes += _clashes(located, mapping, known.beside)
    if mistakes or mapping is None:
        raise DocumentError(mistakes)
    return mapping


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


def _clashes(located: Located, mapping: Mapping, beside: Collection[Mapping]) -> Iterator[Mistake]:
    equals = ", ".join(sorted(o.name for o in beside if o.name != mapping.name and tie(mapping, o)))
    if equals:
        problem = (
            f"{mapping.priority} is that of {equals}, too, and a course may fit both; "
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


def _validity_twice(located: Located, mapping: Mapping) -> Iterator[Mistake]:
    if mapping.valid_for is not None and VALIDITY in mapping.certificate.parameters:
        problem = f"valid_for says it already, {mapping.valid_for}: take one of them away"
        yield located.mistake(("certificate", "parameters", VALIDITY), problem)


def _in_vain(located: Located, mapping: Mapping) -> Iterator[Mistake]:
    if mapping.certificate.source != LMS:
        return
    for key in sorted(PRINTING & located.data["certificate"].keys()):
        problem = "says how a page is printed; with from: lms none is, so leave it out"
        yield located.mistake(("certificate", key), problem, on_key=True)


def _unprinted(located: Located, mapping: Mapping) -> Iterator[Mistake]:
    rules = mapping.certificate
    is_fixed = rules.source != LMS and "{" not in rules.language.source
    problem = page_language_problem(rules.language.source) if is_fixed else None
    if problem:
        yield located.mistake(("certificate", "language"), problem)


def _parameter_faults(located: Located, mapping: Mapping, known: Known) -> Iterator[Mistake]:
    rules = mapping.certificate
    if known.parameter_fault is None or rules.template not in (known.templates or ()):
        return
    for name, value in rules.parameters.items():
        if said := known.parameter_fault(rules.template, name, value):
            yield located.mistake(("certificate", "parameters", name), said)


def _unknown(
    located: Located, path: KeyPath, name: Any, known: Collection[str] | None
) -> Iterator[Mistake]:
    if known is None or not isinstance(name, str) or name in known or name == ANY_SITE:
        return
    there = f"there are: {', '.join(sorted(known))}" if known else "there is none yet"
    yield located.mistake(path, f'there is no "{name}"{did_you_mean(name, known)}; {there}')
