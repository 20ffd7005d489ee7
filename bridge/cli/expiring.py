"""``vaultbridge expiring``: which certificates are soon valid no more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import click

from bridge.cli.moments import Ago
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import JSON_OPTION, bridge
from bridge.store import accounts
from bridge.store import expiring as expiring_rows


@click.command()
@click.option(
    "--within",
    type=Ago(),
    default="60d",
    show_default=True,
    help="How soon: a span such as 60d, or until a date.",
)
@click.option("--expired", is_flag=True, help="Those that have ended, that long ago at most.")
@click.option("--site", help="Those of one site alone.")
@JSON_OPTION
def expiring(within: timedelta | datetime, expired: bool, site: str | None, as_json: bool) -> None:
    """List certificates by the last day they are valid, the first to end first.

    One that the learner has renewed, by the same mapping and course, is not among them, nor one
    that was revoked.
    """
    b = bridge()
    today = b.now().date()
    first, last = _between(today, within, expired=expired)
    with b.database.read() as conn:
        site_id = None if site is None else accounts.site_named(conn, site).id
        found = expiring_rows.expiring(conn, first=first, last=last, site_id=site_id)
    rows = [_told(row, today) for row in found]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "expires_on", "days", "site", "course", "full_name", "reference_id")
        print_table(columns, rows, empty=f"None from {first} to {last}.")


def _between(today: date, within: timedelta | datetime, *, expired: bool) -> tuple[date, date]:
    if expired:
        since = today - within if isinstance(within, timedelta) else within.date()
        return since, today - timedelta(days=1)
    return today, today + within if isinstance(within, timedelta) else within.date()


def _told(row: Mapping[Any, Any], today: date) -> dict[str, Any]:
    return {
        "id": row["id"],
        "expires_on": row["expires_on"],
        "days": (row["expires_on"] - today).days,
        "issue_date": row["issue_date"],
        "site": row["site"],
        "course": row["completion_data"]["course"]["title"] or row["course_id"],
        "learner_id": row["learner_id"],
        "full_name": row["full_name"],
        "applicant_email": row["applicant_email"],
        "title": row["certificate_title"],
        "mapping": row["mapping_name"],
        "reference_id": row["reference_id"],
    }
