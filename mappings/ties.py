"""Mappings of one kind and priority that want the same completion: nothing says which has it.

Told before either is in use, as far as that can be known then; otherwise of the completion.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.base import Course
from mappings.engine import course_misfit
from mappings.globs import overlap
from mappings.model import ANY_SITE, Mapping


def tied(one: Mapping, other: Mapping, seen: Iterable[tuple[str, Course]] = ()) -> str | None:
    """Why nothing but their names may decide which of the two has a completion; None: it does not.

    Of texts alone it cannot be known that a course's code fits one and its title the other: that
    is looked for among the courses ``seen``, each with the name of its site.
    """
    if (one.kind, one.priority) != (other.kind, other.priority):
        return None
    if _may_share(one, other):
        return "a course may fit both"
    both = (each for each in seen if _has(one, *each) and _has(other, *each))
    return next((f"the course {_named(course)} of {site} fits both" for site, course in both), None)


def _may_share(one: Mapping, other: Mapping) -> bool:
    return (
        _share_a_site(one, other)
        and _may_both_fit(one.match.courses, other.match.courses)
        and (
            not (one.match.categories and other.match.categories)
            or _may_both_fit(one.match.categories, other.match.categories)
        )
    )


def _has(mapping: Mapping, site: str, course: Course) -> bool:
    return course_misfit(mapping, course, site=site) is None


def _named(course: Course) -> str:
    name = course.title or course.code or course.id
    return name if name == course.id else f"{name} ({course.id})"


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
