"""Roles and their limits: what a person may do, and for which issuers, sites and courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bridge.store import reach


class Role(StrEnum):
    """What a person may do; each may do what those before it may."""

    VIEWER = "viewer"  #: look
    SUPPORT = "support"  #: and replay, release, correct, write back again
    ADMIN = "admin"  #: and change issuers, sites, mappings, templates and people

    def covers(self, other: Role) -> bool:
        """Whether it may do all that another role may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a person sees and touches; a kind that names nothing is not limited.

    ``issuers`` and ``sites`` are names, ``courses`` are ``SITE/COURSE``: a course's id means
    something at its site alone.
    """

    issuers: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    courses: frozenset[str] = frozenset()

    @classmethod
    def unpacked(cls, stored: Mapping[str, Any] | None) -> Limits:
        """As a person's row keeps them."""
        return cls(**{kind: frozenset(names) for kind, names in (stored or {}).items()})

    def packed(self) -> dict[str, list[str]] | None:
        """For a person's row."""
        kinds = {"issuers": self.issuers, "sites": self.sites, "courses": self.courses}
        return {kind: sorted(names) for kind, names in kinds.items() if names} or None

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return self.packed() is not None

    def cover(self, other: Limits) -> bool:
        """Whether whoever has these sees all that one with other limits does."""
        pairs = (
            (self.issuers, other.issuers),
            (self.sites, other.sites),
            (self.courses, other.courses),
        )
        return all(not mine or (bool(theirs) and theirs <= mine) for mine, theirs in pairs)

    def __str__(self) -> str:
        """As a person reads them."""
        told = self.packed() or {}
        return "; ".join(f"{kind} {', '.join(names)}" for kind, names in told.items()) or "none"

    def over(
        self,
        *,
        issuer: sa.ColumnElement[str] | None = None,
        site: sa.ColumnElement[str] | None = None,
        course: sa.ColumnElement[str] | None = None,
    ) -> sa.ColumnElement[bool]:
        """The rows within the limits, by the columns of issuer's name, site's name and course.

        A kind that is limited and has no column lets nothing through: what cannot be told apart is
        not shown.
        """
        return reach.condition(self.packed() or {}, issuer=issuer, site=site, course=course)


#: Everything there is.
NO_LIMITS = Limits()
