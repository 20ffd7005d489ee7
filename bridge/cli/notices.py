"""``vaultbridge notices …``: what owners were told, and whether it reached them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import click
import sqlalchemy as sa

from bridge.addresses import is_chat, shown
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import JSON_OPTION, LIMIT_OPTION, bridge
from bridge.pipeline.telling import sending
from bridge.pipeline.telling.audiences import audiences
from bridge.pipeline.telling.concern import OPERATOR
from bridge.store import accounts
from bridge.store import notices as rows
from bridge.store.states import NoticeState
from bridge.wiring import Bridge

COLUMNS = ("id", "audience", "subject", "state", "created_at", "ended_at", "said")


@click.group(invoke_without_command=True)
@click.option("--state", type=click.Choice([*NoticeState]), help="Only these.")
@LIMIT_OPTION
@JSON_OPTION
@click.pass_context
def notices(context: click.Context, state: str | None, limit: int, as_json: bool) -> None:
    """Notices: what owners of sites and issuers were told, newest first."""
    if context.invoked_subcommand is not None:
        return
    b = bridge()
    with b.database.read() as conn:
        found = [_told(b, row) for row in rows.recent(conn, state=state, limit=limit)]
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, found, empty="Nobody was told anything yet.")


def _told(b: Bridge, row: sa.Row[Any]) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in COLUMNS}, "text": row.text}


@notices.command(name="try")
@click.option("--site", "site_name", help="Tell this site's owners.")
@click.option("--issuer", "issuer_name", help="Tell this issuer's owners.")
def try_(site_name: str | None, issuer_name: str | None) -> None:
    """Send a message now to see whether it arrives: to those who are told of a site or issuer.

    Without either, to those whom BRIDGE_OPERATOR names. Ends with status 1 if one was not taken.
    """
    b = bridge()
    audience, addresses = _audience(b, site_name, issuer_name)
    if not addresses:
        raise click.ClickException(
            "Nobody is told. Name who is: vaultbridge site set NAME --owner ADDRESS, or "
            "BRIDGE_OPERATOR."
        )
    failed = False
    for address in addresses:
        problem = _tried(b, audience, address)
        failed |= problem is not None
        click.echo(f"{shown(address)}: {problem or _taken(b, address)}")
    if failed:
        raise SystemExit(1)


def _audience(
    b: Bridge, site_name: str | None, issuer_name: str | None
) -> tuple[str, tuple[str, ...]]:
    if site_name and issuer_name:
        raise click.UsageError("One at a time: --site or --issuer.")
    place = (OPERATOR, "")
    with b.database.read() as conn:
        if site_name:
            place = ("site", accounts.site_named(conn, site_name).name)
        if issuer_name:
            place = ("issuer", accounts.issuer_named(conn, issuer_name).name)
        known = audiences(b, conn)
    audience = known.audience(place) or OPERATOR
    return audience, known.addresses.get(audience, ())


def _tried(b: Bridge, audience: str, address: str) -> str | None:
    message = sending.Outgoing(
        id=f"try_{uuid4().hex}",
        address=address,
        subject="this is how you are told",
        text=f"Nothing is the matter. Somebody tried whether {audience} can be told.\n"
        f"{b.settings.public_url}\n",
        at=b.now(),
    )
    try:
        sending.send(b, message)
    except (sending.NotNow, sending.Refused) as exc:
        return str(exc)
    return None


def _taken(b: Bridge, address: str) -> str:
    if b.settings.mail_server is None and not is_chat(address):
        return f"written to {b.settings.mail_folder}, as BRIDGE_MAIL_SERVER is not set."
    return "taken."
