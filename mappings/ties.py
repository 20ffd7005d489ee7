"""Mappings of one kind and priority that want the same completion: nothing says which has it.

Told before either is in use, as far as that can be known then; otherwise of the completion.
"""

from __future__ import annotations

from collections.abc import Iterable

from mappings.globs import overlap
from mappings.model import ANY_SITE, Mapping


def tie(one: Mapping, other: Mapping) -> bool:
    """Whether nothing but their names may decide which of the two has a completion.

    That a course's code fits one and its title the other cannot be known here: see `undecided`.
    """
    return (
        (one.kind, one.priority) == (other.kind, other.priority)
        and _share_a_site(one, other)
        and _may_both_fit(one.match.courses, other.match.courses)
        and (
            not (one.match.categories and other.match.categories)
            or _may_both_fit(one.match.categories, other.match.categories)
        )
    )


def undecided(mapping: Mapping, chosen: Iterable[Mapping]) -> str | None:
    """Which of those chosen for a completion want the same certificate of it; None: it alone."""
    names = sorted(each.name for each in chosen if each.kind == mapping.kind)
    if len(names) < 2:
        return None
    return f"The mappings {' and '.join(names)} have the same priority, and both want it."


def _share_a_site(one: Mapping, other: Mapping) -> bool:
    sites = {*one.sites, *other.sites}
    return ANY_SITE in sites or not {*one.sites}.isdisjoint(other.sites)


def _may_both_fit(globs: Iterable[str], others: Iterable[str]) -> bool:
    return any(overlap(glob, other) for glob in globs for other in others)
