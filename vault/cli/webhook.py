"""`certvault webhook`: where events are sent, what became of each, and sending again."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from runtime.bell import Bell
from vault import bells, wiring
from vault.cli import printing, session
from vault.cli.tokens import chosen_institution
from vault.store import endpoints, webhook_deliveries
from vault.webhooks import address
from vault.webhooks.events import Event, parse_events
from vault.webhooks.signing import new_secret

BY_HAND = "Disabled by hand."


@click.group()
def webhook() -> None:
    """Look after where events are sent."""


@webhook.command("add")
@click.argument("url")
@click.option(
    "--institution", "name", help="Whose certificates it hears of. Default: the only institution."
)
@click.option(
    "--event",
    "words",
    multiple=True,
    help=f"One it wants; all, unless some are named: {', '.join(e.short for e in Event)}.",
)
@click.option("--description", help="For you: what is there.")
@click.option(
    "--replace",
    is_flag=True,
    help="Instead of adding one, move the endpoint with this description here, with a new secret.",
)
def webhook_add(
    url: str, name: str | None, words: tuple[str, ...], description: str | None, *, replace: bool
) -> None:
    """Add an endpoint. Prints its id, a tab, its signing secret; the secret is shown this once."""
    if replace and not description:
        raise click.UsageError("--replace goes by the --description that the endpoint was given.")
    found = session.found_settings()
    url = address.check(url, allowed=found.allowed_private_hosts)
    events = parse_events(words)
    database = session.database(found)
    secret = new_secret()
    said: dict[str, Any] = {"url": url, "events": events, "secrets": [secret]}
    with database.write() as conn:
        now = database.now(conn)
        institution_id = chosen_institution(conn, name)
        keys = wiring.keys(found, create=True)
        id = _the_one(conn, institution_id, description, now) if replace and description else None
        if id is not None:
            endpoints.move(conn, keys, id, **said)
        else:
            said |= {"institution_id": institution_id, "description": description}
            id = endpoints.add(conn, keys, **said, now=now)
    click.echo(f"{id}\t{secret}")


def _the_one(
    conn: sa.Connection, institution_id: int, description: str, now: datetime
) -> int | None:
    """The newest endpoint of that description, if there is one; any others are disabled."""
    found = endpoints.described(conn, institution_id=institution_id, description=description)
    for id in found[1:]:
        webhook_deliveries.disable(conn, id, reason=f"Replaced by {found[0]}.", now=now)
    return next(iter(found), None)


@webhook.command("list")
def webhook_list() -> None:
    """List the endpoints: id, institution, address, events, state, description."""
    with session.database().read() as conn:
        found = endpoints.all_of_them(conn)
    printing.rows(
        ("id", "institution", "address", "events", "state", "description"),
        (
            (row.id, row.institution, row.url, _events(row), _state_words(row), row.description)
            for row in found
        ),
        empty="There is none. Add one: certvault webhook add https://…",
    )


class State(enum.Enum):
    """What has become of an endpoint."""

    ACTIVE = "active"
    FAILING = "failing"
    DISABLED = "disabled"


def state(row: sa.Row[Any]) -> State:
    """What has become of an endpoint."""
    if row.disabled_at is not None:
        return State.DISABLED
    return State.ACTIVE if row.failing_since is None else State.FAILING


def _state_words(row: sa.Row[Any]) -> str:
    return {
        State.ACTIVE: "active",
        State.FAILING: f"active, failing since {_moment(row.failing_since)}",
        State.DISABLED: f"disabled {_moment(row.disabled_at)}: {row.disabled_reason}",
    }[state(row)]


def _events(row: sa.Row[Any]) -> str:
    """The words that `webhook add` takes."""
    words = row.events.split(",") if row.events else []
    return ",".join(Event(word).short for word in words) or "all"


@webhook.command("deliveries")
@click.option("--endpoint", "endpoint_id", type=int, help="Only to this endpoint.")
@click.option(
    "--state",
    type=click.Choice(webhook_deliveries.STATES),
    help="Only those that are so.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def webhook_deliveries_command(endpoint_id: int | None, state: str | None, limit: int) -> None:
    """List deliveries, newest first: id, endpoint, event, state, when it is tried again; below
    each its attempts: when, status, milliseconds, what was wrong, how the answer began."""
    with session.database().read() as conn:
        if endpoint_id is not None:
            endpoints.find(conn, endpoint_id)
        rows = webhook_deliveries.log(conn, endpoint_id=endpoint_id, state=state, limit=limit)
        attempts = webhook_deliveries.attempts(conn, [row.id for row in rows])
    if not rows and sys.stdout.isatty():
        click.echo("There is none.")
    for row in rows:
        again = f"again {_moment(row.next_run_at)}" if row.next_run_at else ""
        click.echo(f"{row.uuid}\t{row.endpoint_id}\t{row.event}\t{row.state}\t{again}")
        _show([one for one in attempts if one.delivery_id == row.id])


@webhook.command("show")
@click.argument("uuid", metavar="ID")
def webhook_show(uuid: str) -> None:
    """Print one delivery: where it goes, its state, the body as it is sent, its attempts."""
    with session.database().read() as conn:
        row = webhook_deliveries.find(conn, uuid)
        url = endpoints.find(conn, row.endpoint_id).url
        attempts = webhook_deliveries.attempts(conn, [row.id])
    click.echo(f"{url}\t{row.state}\n{row.body}")
    _show(attempts)


def _show(attempts: Sequence[sa.Row[Any]]) -> None:
    for one in attempts:
        if one.ended_at is None:
            what = "\t\tnot known: on its way, or its worker was killed"
        else:
            what = f"{one.status or ''}\t{one.ms} ms\t{one.problem or 'accepted'}"
        excerpt = f"\t{printing.cell(one.excerpt)}" if one.excerpt else ""
        click.echo(f"  {_moment(one.begun_at)}\t{what}{excerpt}")


@webhook.command("resend")
@click.argument("uuids", metavar="ID...", nargs=-1)
@click.option("--failed-of", type=int, help="Send again all that failed for this endpoint.")
def webhook_resend(uuids: tuple[str, ...], failed_of: int | None) -> None:
    """Send deliveries again, under the same id and with the same body.

    ID is what `certvault webhook deliveries` shows first.
    """
    if not uuids and failed_of is None:
        raise click.UsageError("Name deliveries, or an endpoint with --failed-of.")
    found = session.found_settings()
    database = session.database(found)
    count = len(uuids)
    with database.write() as conn:
        now = database.now(conn)
        for uuid in uuids:
            webhook_deliveries.resend(conn, uuid, now)
        if failed_of is not None:
            count += webhook_deliveries.resend_failed(conn, failed_of, now)
    Bell(found.redis_url, service=wiring.SERVICE).ring(bells.DELIVER)
    click.echo(f"Sending {count} again.")


@webhook.command("disable")
@click.argument("endpoint_id", type=int)
@click.option("--reason", default=BY_HAND, help="Kept, and shown by `webhook list`.")
def webhook_disable(endpoint_id: int, reason: str) -> None:
    """Send an endpoint nothing more; what still waits for it has failed."""
    database = session.database()
    with database.write() as conn:
        now = database.now(conn)
        webhook_deliveries.disable(conn, endpoint_id, reason=reason, now=now)
    click.echo(f"Disabled {endpoint_id}.")


@webhook.command("enable")
@click.argument("endpoint_id", type=int)
def webhook_enable(endpoint_id: int) -> None:
    """Send an endpoint events again, from now on; see `webhook resend --failed-of` for the rest."""
    with session.database().write() as conn:
        endpoints.enable(conn, endpoint_id)
    click.echo(f"Enabled {endpoint_id}.")


@webhook.command("rotate")
@click.argument("endpoint_id", type=int)
@click.option("--only-new", is_flag=True, help="Sign with the newest secret alone from now on.")
def webhook_rotate(endpoint_id: int, only_new: bool) -> None:
    """Give an endpoint a new signing secret, and print it. Until `--only-new` is said,
    webhook-signature is made with the old one, too, and X-Webhook-Signature with the old alone."""
    found = session.found_settings()
    keys = wiring.keys(found, create=True)
    with session.database(found).write() as conn:
        secrets = endpoints.secrets_of(endpoints.find(conn, endpoint_id), keys)
        if only_new:
            endpoints.put_secrets(conn, keys, endpoint_id, secrets[-1:])
            click.echo(f"Signing with the newest secret of {endpoint_id} alone.")
        else:
            made = new_secret()
            endpoints.put_secrets(conn, keys, endpoint_id, [secrets[0], made])
            click.echo(made)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ""
