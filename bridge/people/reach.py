"""What of mappings and completions is within a person's limits."""

from __future__ import annotations

import sqlalchemy as sa

from bridge.people.roles import Limits
from bridge.store.tables import completion, issuance, issuer, site
from mappings.model import ANY_SITE, Mapping


def sees(limits: Limits, mapping: Mapping) -> bool:
    """Whether a mapping may issue for what a person sees."""
    sites = limits.sites | {course.partition("/")[0] for course in limits.courses}
    wanted = ANY_SITE in mapping.sites or not sites.isdisjoint(mapping.sites)
    return _issues(limits, mapping) and (not sites or wanted)


def changes(limits: Limits, mapping: Mapping) -> bool:
    """Whether all that a mapping may issue for is a person's to decide about.

    Which courses a mapping will want nobody can know: who is limited to some changes none.
    """
    its_own = not limits.sites or limits.sites.issuperset(mapping.sites)
    return _issues(limits, mapping) and its_own and not limits.courses


def _issues(limits: Limits, mapping: Mapping) -> bool:
    return not limits.issuers or mapping.issuer in limits.issuers


def completions(limits: Limits) -> sa.ColumnElement[bool]:
    """The completions within the limits, each joined with its site.

    An issuer is no completion's own: who is limited to some sees what these issued for.
    """
    within = Limits(sites=limits.sites, courses=limits.courses).over(
        site=site.c.name, course=completion.c.course_id
    )
    if not limits.issuers:
        return within
    by_them = (
        sa.select(issuance.c.id)
        .join(issuer, issuer.c.id == issuance.c.issuer_id)
        .where(issuance.c.completion_id == completion.c.id, issuer.c.name.in_(limits.issuers))
    )
    return sa.and_(within, by_them.exists())
