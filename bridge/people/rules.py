"""What stays true of people: somebody may do everything, limits name what there is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bridge.people.roles import Limits, Role
from bridge.store import accounts, people
from runtime.mendable import Mendable


class ByInstitution(Mendable):
    """They sign in by the institution, and so have neither a password nor a role of ours."""


class LastAdmin(Mendable):
    """Without this person nobody could do everything."""


class NotThere(Mendable):
    """Limits name an issuer or a site that there is none of; the text says which."""


def not_the_last_admin(conn: sa.Connection, row: sa.Row[Any]) -> None:
    """Raise LastAdmin where nobody else who can come in is an admin without limits."""
    if row.role != Role.ADMIN or row.limits is not None:
        return
    others = (one for one in people.everybody(conn) if one.id != row.id)
    if not any(
        one.role == Role.ADMIN and one.limits is None and (one.password or one.by_institution)
        for one in others
    ):
        raise LastAdmin(
            f"{row.email} is the last admin without limits who can come in. Make another one "
            "first: then there is always somebody who can."
        )


def of_ours(conn: sa.Connection, row: sa.Row[Any]) -> None:
    """Raise ByInstitution where the institution says what somebody may do."""
    if people.has_identity(conn, row.id):
        raise ByInstitution(
            f"{row.email} signs in by the institution, which says their role each time "
            "(BRIDGE_OIDC_ROLES). Change it there, or remove them."
        )


def there_are(conn: sa.Connection, limits: Limits) -> None:
    """Raise NotThere where limits name an issuer or a site that there is none of."""
    sites = {one.name for one in accounts.sites(conn)}
    issuers = {one.name for one in accounts.issuers(conn)}
    named = limits.sites | {course.partition("/")[0] for course in limits.courses}
    missing = sorted(limits.issuers - issuers) + sorted(named - sites)
    if missing:
        there = ", ".join(sorted(sites | issuers)) or "none yet"
        raise NotThere(
            f"There is no issuer or site of the name {', '.join(missing)}. There are: {there}."
        )
