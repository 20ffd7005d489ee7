"""Sites and issuers, without their secrets."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import sqlalchemy as sa

from bridge.api.door import Calls, caller
from bridge.connections import sites
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts
from bridge.store.tables import issuer, site


class SiteAnswer(ma.Schema):
    """A connection to an LMS."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    connector = ma.fields.String(required=True)
    hook = ma.fields.String(
        required=True, metadata={"description": "The address its LMS delivers to."}
    )
    settings = ma.fields.Dict(required=True, metadata={"description": "Without secrets."})
    issue_from = ma.fields.AwareDateTime(required=True)
    timezone = ma.fields.String(required=True, allow_none=True)
    auto_mend = ma.fields.Boolean(required=True)
    unsure_since = ma.fields.AwareDateTime(required=True, allow_none=True)
    left_alone_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    cause = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)


class SiteList(ma.Schema):
    """All sites, by name."""

    items = ma.fields.List(ma.fields.Nested(SiteAnswer), required=True)


class IssuerAnswer(ma.Schema):
    """An account at a vault."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    vault_url = ma.fields.String(required=True)
    institution_name = ma.fields.String(required=True)
    signatory_name = ma.fields.String(required=True, allow_none=True)
    signatory_role = ma.fields.String(required=True, allow_none=True)
    revokes = ma.fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether its vault can revoke; null: it was not asked yet."},
    )
    paused_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    left_alone_until = ma.fields.AwareDateTime(required=True, allow_none=True)
    cause = ma.fields.String(required=True, allow_none=True)
    problem = ma.fields.String(required=True, allow_none=True)
    remedy = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)


class IssuerList(ma.Schema):
    """All issuers, by name."""

    items = ma.fields.List(ma.fields.Nested(IssuerAnswer), required=True)


def add_to(calls: Calls) -> None:
    """Register the calls."""
    bridge = calls.bridge

    @calls.call("/sites", role=Role.VIEWER, answer=SiteList)
    def list_sites() -> Any:
        """Sites, by name."""
        with bridge.database.read() as conn:
            return {
                "items": [
                    told_site(bridge, row) for row in accounts.sites(conn, within=_of_sites())
                ]
            }

    @calls.call("/sites/<name>", role=Role.VIEWER, answer=SiteAnswer)
    def show_site(name: str) -> Any:
        """One site."""
        with bridge.database.read() as conn:
            return told_site(
                bridge, accounts.within_limits(conn, name, kind="site", within=_of_sites())
            )

    @calls.call("/issuers", role=Role.VIEWER, answer=IssuerList)
    def list_issuers() -> Any:
        """Issuers, by name."""
        with bridge.database.read() as conn:
            return {
                "items": [told_issuer(row) for row in accounts.issuers(conn, within=_of_issuers())]
            }

    @calls.call("/issuers/<name>", role=Role.VIEWER, answer=IssuerAnswer)
    def show_issuer(name: str) -> Any:
        """One issuer."""
        with bridge.database.read() as conn:
            return told_issuer(
                accounts.within_limits(conn, name, kind="issuer", within=_of_issuers())
            )


def _of_sites() -> sa.ColumnElement[bool]:
    return caller().over(site=site.c.name)


def _of_issuers() -> sa.ColumnElement[bool]:
    return caller().over(issuer=issuer.c.name)


def told_site(bridge: Bridge, row: sa.Row[Any]) -> dict[str, Any]:
    """A site, as it is answered."""
    return {
        **row._mapping,
        "hook": sites.hook(bridge, row.connector, row.name),
        "issue_from": accounts.issue_from(row),
        "left_alone_until": row.shut_until,
    }


def told_issuer(row: sa.Row[Any]) -> dict[str, Any]:
    """An issuer, as it is answered."""
    return {**row._mapping, "left_alone_until": row.shut_until}
